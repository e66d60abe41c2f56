import { Refused, Unreachable } from './failure.ts';

/** The first pause, doubled each time, unless the vault asks for a longer one. Milliseconds. */
const FIRST_PAUSE = 200;
const LONGEST_PAUSE = 10_000;
/** Who is asked to stay away for longer is told so instead of being kept waiting. */
const LONGEST_ASKED = 30_000;

/** What may pass by itself: nobody knows whether it happened (`unavailable`), or nothing was shown. */
const PASSING = new Set(['unavailable', 'audit_unavailable']);

/**
 * Asks, and asks again where no answer came or the vault could not take it then. Only for what may happen twice: a
 * read, or a change under an Idempotency-Key.
 * @param retries how many times more, at most
 * @param pause waits for so many milliseconds
 */
export async function withRetries<A>(
  ask: () => Promise<A>,
  retries: number,
  pause: (milliseconds: number) => Promise<unknown>,
): Promise<A> {
  for (let tried = 0; ; tried++) {
    try {
      return await ask();
    } catch (error) {
      const wait = tried < retries ? waitAfter(error, tried) : null;
      if (wait === null) throw error;
      await pause(wait);
    }
  }
}

/** Milliseconds to wait before asking again, or null where asking again is of no use. */
export function waitAfter(error: unknown, tried: number): number | null {
  const grown = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tried);
  if (error instanceof Unreachable) return grown;
  if (!(error instanceof Refused) || !PASSING.has(error.code)) return null;
  const asked = (error.retryAfter ?? 0) * 1000;
  return asked > LONGEST_ASKED ? null : Math.max(grown, asked);
}
