import type { Code } from '../wire/codes.ts';
import { RefusedKeys } from './access/refused-keys.ts';
import { type Authenticate, authenticator } from './access/authenticate.ts';
import { Throttle } from './access/throttle.ts';
import { Uses } from './access/uses.ts';
import { recordBundle } from './audit/bundled.ts';
import { type BackupMade, type BackupRestored, recordBackup, recordRestore } from './backup.ts';
import { type Archived, type ArchivePlace, type Archiving, archiveLog } from './audit/archive.ts';
import { bind } from './bind.ts';
import { type AnchorPlace } from './audit/anchoring.ts';
import { anchorsOf } from './audit/anchors.ts';
import { checkpointFollower } from './audit/checkpoints.ts';
import { coverageOf } from './audit/coverage.ts';
import { following } from './audit/follow.ts';
import { type LogPart, readLog } from './audit/published.ts';
import { base58 } from './base58.ts';
import type { BoundVault } from './bound.ts';
import type { Caller } from './call.ts';
import { NOTHING } from './commit/commit.ts';
import { CommitQueue } from './commit/queue.ts';
import type { Standing } from './commit/standing.ts';
import type { Core, World } from './core.ts';
import { type Epoch, Epochs } from './epoch.ts';
import { VaultError } from './error.ts';
import { type Figures, figuresOf } from './figures.ts';
import { Findings } from './findings.ts';
import type { MasterKey } from './master-key.ts';
import type { Observer } from './observer.ts';
import { recordInit, recordStart, recordStop } from './lifetime.ts';
import { mustStand, openRowsKey } from './open.ts';
import { oneAtATime, seldom } from './pace.ts';
import { type Applied, applyPolicy } from './policy/apply.ts';
import { type Difference, differenceOf } from './policy/difference.ts';
import type { Policy } from './policy/policy.ts';
import { Refusals } from './refusals.ts';
import { type Store, StoreFailure } from './store.ts';
import { leave, reopen } from './turn.ts';
import { upkeepOf } from './upkeep.ts';
import { verifyVault } from './verification.ts';

/** An open vault. */
export interface Vault {
  /**
   * Who presents this API key.
   * @param from the caller's address, as trusted proxies tell it; null where it is not known
   * @throws VaultError `unauthenticated`; `unavailable` where the store does not read
   */
  readonly authenticate: Authenticate;
  bind(caller: Caller): BoundVault;
  /** What C2SP tlog-tiles serves of the log under a path, to an auditor. */
  readLog(caller: Caller, path: string): Promise<LogPart>;
  /** @param value the policy's part of strongroom.yaml */
  applyPolicy(caller: Caller, value: unknown): Promise<Applied>;
  /**
   * Holds a policy against the active one, for a process whose file says it.
   * @throws VaultError, StoreFailure where what decisions rest on does not authenticate, or does not read
   */
  difference(policy: Policy): Promise<Difference>;
  /** Commits the event of a backup that is about to be made. Returns its index. */
  recordBackup(caller: Caller, made: BackupMade): Promise<number>;
  /** Commits the event of a copy of the log, before it is made; answers the key of its checkpoints. */
  recordBundle(caller: Caller): Promise<string>;
  /** Commits the event of a restore, into what was restored. Returns its index. */
  recordRestore(caller: Caller, from: BackupRestored): Promise<number>;
  /**
   * Copies the log up to its newest checkpoint to a place that keeps it, and reads all of it back.
   * @throws VaultError, ArchiveRefused
   */
  archive(caller: Caller, place: ArchivePlace, progress: Archiving): Promise<Archived>;
  /** Closes the store while it is copied, in the commit of that event. Returns its index. */
  leave(caller: Caller, place: string): Promise<number>;
  /** Opens a store again that stands `leaving`, in the commit of that event: the copy can no longer come about. Returns its index. */
  reopen(caller: Caller): Promise<number>;
  /** Commits the first event of a vault that was just made. Returns its index. */
  recordInit(caller: Caller, release: string): Promise<number>;
  /** Commits the event of a process that begins to serve. Returns its index. */
  recordStart(caller: Caller, release: string): Promise<number>;
  /** Commits the event of its end, which refers to the start by its index. */
  recordStop(start: number, signal: string): Promise<void>;
  /** Counts a refusal before a caller is known or a body is parsed, and from where. */
  refused(code: Code, from: string | null): void;
  /** What the vault does on its own, every few seconds: commits counts, drops old claims, purges what has expired. */
  readonly maintain: () => Promise<void>;
  /** Signs a checkpoint of the log if it has grown, and nobody else does; every second or so. */
  readonly follow: () => Promise<void>;
  /**
   * Reads back what the places off the host keep, before anything is served or signed.
   * @throws CannotOpen where the log does not continue it, or a place that is required does not read
   */
  readonly readBack: () => Promise<void>;
  /** Begins to bring those places what they lack, and looks how far the log is anchored; every second or so. */
  readonly anchor: () => Promise<void>;
  /** Reads and authenticates anew what decisions rest on; whatever does not authenticate becomes an event. */
  readonly recheck: () => Promise<void>;
  /** What there is to count of it now, for whoever watches it. */
  figures(): Promise<Figures>;
  /** A commit of nothing, keys ready, policy active, the store's clock and this one as good as the same: null, or why not. */
  ready(): Promise<string | null>;
  /** Commits what waits, then closes the store. */
  close(): Promise<void>;
}

export interface VaultDeps {
  readonly store: Store;
  readonly masterKey: MasterKey;
  readonly environment: string;
  readonly world: World;
  readonly observer: Observer;
  /** Places off the host that keep what the log was. */
  readonly anchors?: readonly AnchorPlace[];
  /** How its store must stand: `leaving` to reopen it, and otherwise open. */
  readonly stands?: Standing['state'];
  /** The store can no longer be trusted to keep what it acknowledges: the process must end. */
  readonly onFatal: (reason: string) => void;
}

/**
 * Opens the vault of a store.
 * @throws CannotOpen if the store holds none, or none that this master key opens
 */
export async function openVault({
  store,
  masterKey,
  environment,
  world,
  observer,
  anchors: places = [],
  stands = 'open',
  onFatal,
}: VaultDeps): Promise<Vault> {
  const { key: rowsKey, seal, head: opened } = await openRowsKey(store, masterKey, environment);
  mustStand(opened, stands);
  const findings = new Findings();
  const epochs = new Epochs({ store, masterKey, environment, rowsKey, seal, onFinding: findings.note });
  const fatal = ({ message }: StoreFailure): void => {
    world.notice({ kind: 'fatal', reason: message });
    onFatal(message);
  };
  const queue = new CommitQueue({
    store,
    seal,
    rowsKey: rowsKey.secret,
    now: world.now,
    breathe: world.breathe,
    pause: world.pause,
    observer,
    onHead: (head) => epochs.met(head),
    onFailure: seldom(world.now, ({ message }) => world.notice({ kind: 'store', reason: message })),
    onFatal: fatal,
  });
  const names = places.map(({ anchor }) => anchor.name);
  const core: Core = {
    world,
    store,
    masterKey,
    environment,
    queue,
    epochs,
    findings,
    observer,
    throttle: new Throttle(),
    uses: new Uses(),
    coverage: coverageOf({ store, world, seal, rowsKey: rowsKey.secret, names }),
    anchorNames: names,
    fullBuckets: new Set(),
    compareAlone: oneAtATime(),
  };
  const refusals = new Refusals();
  const refusedKeys = new RefusedKeys();
  const holder = base58(world.random(9), 13);
  const anchors = anchorsOf({ core, places, rowsKey: rowsKey.secret, seal, holder });
  const follower = checkpointFollower(core, anchors.known);
  const checkpoints = following(core, follower, { rowsKey: rowsKey.secret, seal }, holder);
  const tellUnsigned = seldom<unknown>(world.now, () =>
    world.notice({ kind: 'upkeep', reason: 'the log could not be followed, and no checkpoint is signed' }),
  );
  const upkeep = upkeepOf(core, { refusals, refusedKeys }, rowsKey);

  async function recheck(): Promise<void> {
    epochs.drop();
    await epochs.current().catch(ignoreClosed);
    await findings.raise(queue, world);
  }
  const verifyAlone = oneAtATime();

  return {
    authenticate: authenticator(core, refusedKeys),
    bind: (caller) =>
      bind(core, caller, rowsKey, async () => {
        const report = await verifyAlone(() => verifyVault(core, caller, rowsKey, seal));
        // What was found closes the vault now, not within a minute.
        if (!report.ok) await recheck();
        return { ...report, requestId: caller.origin.request };
      }),
    readLog: (caller, path) => readLog(core, caller, path, rowsKey),
    applyPolicy: (caller, value) => applyPolicy(core, caller, value),
    difference: async (policy) => differenceOf(await epochs.current(), policy),
    recordBackup: (caller, made) => recordBackup(core, caller, made),
    recordBundle: (caller) => recordBundle(core, caller),
    recordRestore: (caller, from) => recordRestore(core, caller, from),
    archive: (caller, place, progress) => archiveLog(core, caller, rowsKey, place, progress),
    leave: (caller, place) => leave(core, caller, opened.standing, place),
    reopen: (caller) => reopen(core, caller, opened.standing),
    recordInit: (caller, release) => recordInit(core, caller, release),
    recordStart: (caller, release) => recordStart(core, caller, release),
    recordStop: (start, signal) => recordStop(core, start, signal),
    refused: (code, from) => refusals.count(code, from),
    maintain: upkeep.maintain,
    follow: async () => {
      // Nothing is signed before it is known what was.
      if (!anchors.isReadBack()) return;
      await checkpoints.run().catch((error: unknown) => {
        tellUnsigned(error);
        throw error;
      });
    },
    readBack: anchors.readBack,
    anchor: async () => {
      anchors.tick();
      await core.coverage.keep((await epochs.current()).policy.demand);
    },
    recheck,
    figures: () => figuresOf(core, anchors.figures),
    ready: () => readiness(core),
    close: async () => {
      await upkeep.flush();
      await anchors.close();
      await checkpoints.giveUp().catch(ignoreLost);
      await queue.close();
      await store.close();
    },
  };
}

/** A lease that could not be given up runs out. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof StoreFailure)) throw error;
}

/** A vault that has closed over a finding still records it. */
function ignoreClosed(error: unknown): void {
  if (!(error instanceof VaultError)) throw error;
}

/** What a replica's clock may be away from the store's, in milliseconds: expiries and events are told by both. */
const MOST_APART = 2000;

async function readiness(core: Core): Promise<string | null> {
  const { masterKey, epochs, queue } = core;
  if ((await masterKey.state()) !== 'ready') return 'the master key is not ready';
  try {
    const epoch: Epoch = await epochs.current();
    if (epoch.policy.number === 0) return 'no policy is active';
    if (!(await clocksAgree(core))) return `this clock is more than ${MOST_APART / 1000} s from the store's`;
    await queue.submit(NOTHING);
    return null;
  } catch (error) {
    if (error instanceof VaultError) return error.message;
    if (error instanceof StoreFailure && error.kind === 'closed') return error.message;
    return 'the store does not take a commit';
  }
}

/** What the question took on its way is not held against either clock. */
async function clocksAgree({ store, world }: Core): Promise<boolean> {
  const asked = world.now();
  const told = await store.clock();
  const answered = world.now();
  return told === null || (told >= asked - MOST_APART && told <= answered + MOST_APART);
}
