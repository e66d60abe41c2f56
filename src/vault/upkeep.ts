import type { RefusedKeys } from './access/refused-keys.ts';
import { base58 } from './base58.ts';
import { NOTHING } from './commit/commit.ts';
import type { Core } from './core.ts';
import type { Key } from './custody/keyring.ts';
import { VaultError } from './error.ts';
import { seldom } from './pace.ts';
import type { Refusals } from './refusals.ts';
import { purge } from './values/purge.ts';

/** What is counted in memory until it is committed. */
export interface Counted {
  readonly refusals: Refusals;
  readonly refusedKeys: RefusedKeys;
}

/** Claims are kept this long, in milliseconds. */
const CLAIM_LIFE = 24 * 60 * 60 * 1000;

/** What the vault does on its own. */
export interface Upkeep {
  /** Commits what was counted. */
  readonly flush: () => Promise<void>;
  /** Commits what was found and counted, drops old claims, purges what has expired; the operator is told if it fails. */
  readonly maintain: () => Promise<void>;
}

export function upkeepOf(core: Core, { refusals, refusedKeys }: Counted, rowsKey: Key): Upkeep {
  const { world, store, queue, findings, uses } = core;
  const holder = base58(world.random(9), 13);
  const tell = seldom(world.now, (error: unknown) =>
    world.notice({
      kind: 'upkeep',
      reason: error instanceof VaultError ? error.message : 'a part of it failed',
    }),
  );

  async function flush(): Promise<void> {
    await refusals.flush(queue, world.random);
    await refusedKeys.flush(queue, world.random);
    await uses.flush(queue, rowsKey.secret);
  }

  async function maintain(): Promise<void> {
    await findings.raise(queue, world);
    await flush();
    const before = world.now() - CLAIM_LIFE;
    if (await store.hasClaims(before)) await queue.submit({ ...NOTHING, forgetClaims: before });
    await purge(core, holder);
  }

  return {
    flush,
    maintain: () =>
      maintain().catch((error: unknown) => {
        tell(error);
        throw error;
      }),
  };
}
