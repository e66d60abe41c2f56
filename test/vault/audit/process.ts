import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { fileMasterKey } from '../../../src/masterkey/file.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { checkpointFollower } from '../../../src/vault/audit/checkpoints.ts';
import { type Follower, following, type Following } from '../../../src/vault/audit/follow.ts';
import { coverageOf } from '../../../src/vault/audit/coverage.ts';
import { activeLogKey } from '../../../src/vault/audit/log-keys.ts';
import { rotateLogKey, type RotatedLogKey } from '../../../src/vault/audit/rotate-key.ts';
import { NOTHING } from '../../../src/vault/commit/commit.ts';
import { hostCaller } from '../../../src/vault/access/host-caller.ts';
import { Throttle } from '../../../src/vault/access/throttle.ts';
import { Uses } from '../../../src/vault/access/uses.ts';
import { oneAtATime } from '../../../src/vault/pace.ts';
import { CommitQueue } from '../../../src/vault/commit/queue.ts';
import type { Core } from '../../../src/vault/core.ts';
import { Epochs } from '../../../src/vault/epoch.ts';
import { Findings } from '../../../src/vault/findings.ts';
import { UNOBSERVED } from '../../../src/vault/observer.ts';
import { openRowsKey } from '../../../src/vault/open.ts';
import { systemDraft } from '../../../src/vault/refusals.ts';
import { type Store, StoreFailure } from '../../../src/vault/store.ts';
import type { Clock } from '../../harness.ts';

/** A process that follows a log, of the vault's own parts; it may die at any commit. */
export interface FollowingProcess {
  readonly store: Store;
  readonly findings: Findings;
  readonly checkpoints: Following;
  readonly follow: <S>(follower: Follower<S>) => Following;
  /** The key that the log has when it is founded. */
  readonly firstKey: () => Promise<string>;
  /** Gives the log a new key. */
  readonly rotate: () => Promise<RotatedLogKey>;
  /** Appends so many events. */
  readonly append: (count: number) => Promise<void>;
  /** It dies at its next commit: before that is durable, or after; it does nothing any more. */
  dieAt: 'before' | 'after' | null;
  readonly isDead: () => boolean;
}

export async function followingProcess(dir: string, clock: Clock, holder: string): Promise<FollowingProcess> {
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const opened = openSqlite(join(dir, 'data', 'vault.db'));
  onTestFinished(() => opened.close());
  let dead = false;
  const dies = new StoreFailure('busy', 'the process has died');
  const store: Store = {
    ...opened,
    transact: async (transaction) => {
      if (dead || made.dieAt === 'before') {
        dead = true;
        throw dies;
      }
      const result = await opened.transact(transaction);
      if (made.dieAt === 'after') {
        dead = true;
        throw dies;
      }
      return result;
    },
  };
  const masterKey = fileMasterKey(join(dir, 'keys'), { groups: [process.getegid?.() ?? -1] }, random);
  const { key: rowsKey, seal } = await openRowsKey(store, masterKey, 'test');
  const findings = new Findings();
  const world: Core['world'] = {
    now: () => clock.offset,
    random,
    breathe: () => breathe(),
    pause: () => breathe(),
    notice: () => undefined,
  };
  const epochs = new Epochs({
    store,
    masterKey,
    environment: 'test',
    rowsKey,
    seal,
    onFinding: findings.note,
  });
  const queue = new CommitQueue({
    store,
    seal,
    rowsKey: rowsKey.secret,
    now: world.now,
    breathe: world.breathe,
    pause: world.pause,
    observer: UNOBSERVED,
    onHead: (head) => epochs.met(head),
    onFailure: () => undefined,
    onFatal: () => undefined,
  });
  const core: Core = {
    world,
    store,
    masterKey,
    environment: 'test',
    queue,
    epochs,
    findings,
    observer: UNOBSERVED,
    throttle: new Throttle(),
    uses: new Uses(),
    fullBuckets: new Set(),
    compareAlone: oneAtATime(),
    anchorNames: [],
    coverage: coverageOf({ store, world, seal, rowsKey: rowsKey.secret, names: [] }),
  };
  const follow = <S>(follower: Follower<S>): Following =>
    following(core, follower, { rowsKey: rowsKey.secret, seal }, holder);
  const made: FollowingProcess = {
    store,
    findings,
    checkpoints: follow(checkpointFollower(core)),
    follow,
    firstKey: async () => {
      const { keys, vaultId } = await epochs.current();
      return activeLogKey(keys, vaultId)?.verifier.text ?? '';
    },
    rotate: () => rotateLogKey(core, hostCaller('test', 'test')),
    append: async (count) => {
      const drafts = Array.from({ length: count }, (_, n) =>
        systemDraft('test', 'test', 'done', { item: n }, random),
      );
      await queue.submit({ ...NOTHING, drafts });
    },
    dieAt: null,
    isDead: () => dead,
  };
  return made;
}
