import type { Problem, Smallest } from './format.ts';

// Below this a token says too much about its value, and a draw meets a taken token too soon: it is exactly
// what 15 digits keeping 6 + 4 leave when tokens fail the Luhn check.
export const SMALLEST_BUCKET = 90_000n;

// All expected values may share one bucket (one BIN, one ending): at 5 % full the first draw nearly always does.
const ROOM = 20n;

/**
 * Why the smallest bucket is too small, or null.
 * `expect` is how many values the collection is declared to hold (a whole number), or null when it is not declared.
 */
export function capacityProblem(smallest: Smallest, expect: number | null): Omit<Problem, 'path'> | null {
  const { size, what, roomier = 'keep fewer characters, or accept only longer values' } = smallest;
  if (size < SMALLEST_BUCKET) {
    return {
      problem: `${what} leaves ${size} tokens, under the least of ${SMALLEST_BUCKET}`,
      instead: 'keep fewer characters, or accept only longer values',
    };
  }
  if (expect === null || size >= BigInt(expect) * ROOM) return null;
  return {
    problem: `${what} leaves ${size} tokens, under ${ROOM} times the ${expect} values expected`,
    instead: [`expect at most ${size / ROOM}`, ...(roomier === null ? [] : [roomier])].join(', '),
  };
}
