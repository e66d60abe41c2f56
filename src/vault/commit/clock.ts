import { StoreFailure } from '../store.ts';

/** How far a clock may be ahead of the store's, in milliseconds: more than what waiting for the head's lock takes. */
const MOST_AHEAD = 10_000;

/**
 * The time of events never goes back. One process whose clock is ahead would move it for all: values would be destroyed as expired
 * and API keys end, for good. Where the store has a clock of its own, no commit goes past it.
 * @param clock the store's, or null where it has none
 * @returns now
 * @throws StoreFailure
 */
export function mustNotBeAhead(now: number, clock: number | null): number {
  if (clock === null || now <= clock + MOST_AHEAD) return now;
  throw new StoreFailure('busy', "the clock of this process is ahead of the store's: nothing is committed");
}
