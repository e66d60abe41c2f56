import type { Call, Caller } from './call.ts';
import type { Core } from './core.ts';
import { Draw } from './draw.ts';
import { VaultError } from './error.ts';
import { StoreFailure } from './store.ts';

/** Attempts before a call that keeps being overtaken is answered `unavailable`. */
const ATTEMPTS = 32;

/** Answers null to be decided again under what is then the newest epoch. */
type Verb<T> = (call: Call) => Promise<T | null>;

/**
 * Runs a verb until what it decided still holds when it is committed.
 * @param expected random bytes that the verb is likely to need
 * @throws VaultError `unavailable` where the store does not read, or the verb keeps being overtaken
 */
export async function attempt<T>(core: Core, caller: Caller, expected: number, verb: Verb<T>): Promise<T> {
  try {
    return await untilItHolds(core, caller, expected, verb);
  } catch (error) {
    if (error instanceof StoreFailure) throw new VaultError('unavailable', null, error);
    throw error;
  }
}

async function untilItHolds<T>(core: Core, caller: Caller, expected: number, verb: Verb<T>): Promise<T> {
  const { epochs, world } = core;
  for (let tries = 0; tries < ATTEMPTS; tries++) {
    const epoch = await epochs.current();
    const { changes, lastAt } = epochs.seen;
    const now = Math.max(world.now(), lastAt);
    const actor = caller.who(epoch, now);
    const draw = new Draw(world.random, expected);
    const answer = await verb({ core, epoch, actor, origin: caller.origin, now, changes, draw });
    if (answer !== null) return answer;
    await epochs.refresh();
  }
  throw new VaultError('unavailable');
}
