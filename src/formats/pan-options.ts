import { z } from 'zod';
import { capacityProblem, SMALLEST_BUCKET } from './capacity.ts';
import type { Problem, Smallest } from './format.ts';

/** ISO/IEC 7812-1 allows up to 19 digits; the shortest cards in use (Maestro) have 12. */
export const SHORTEST = 12;
export const LONGEST = 19;

const length = z.int().min(SHORTEST).max(LONGEST);
// PCI DSS 3.4.1: at most the BIN, of up to 8 digits, and the last 4 may be seen.
const first = z.int().min(0).max(8);
const last = z.int().min(0).max(4);

export const panShape = {
  /** Accepted digits of a value, both included. */
  lengths: z.strictObject({ min: length, max: length }).default({ min: SHORTEST, max: LONGEST }),
  /** Digits of the value that its token shares. */
  keep: z.strictObject({ first, last }).default({ first: 6, last: 4 }),
  luhn: z.enum(['invalid', 'valid']).default('invalid'),
  /** Digits that a mask shows; an end that is not named is hidden. */
  mask: z.strictObject({ first: first.default(0), last: last.default(0) }).default({ first: 0, last: 4 }),
  /** Said out loud where a token could be somebody's card. */
  payable: z.literal('accepted').nullable().default(null),
} satisfies z.ZodRawShape;

export type PanOptions = z.output<z.ZodObject<typeof panShape>>;

/** Tokens of a value of `digits` digits: every free digit but the last is open, the last keeps the Luhn promise. */
export function panTokens({ keep, luhn }: PanOptions, digits: number): bigint {
  const free = digits - keep.first - keep.last;
  if (free < 1) return 0n;
  return 10n ** BigInt(free - 1) * (luhn === 'invalid' ? 9n : 1n);
}

export function panSmallest(options: PanOptions): Smallest {
  const { lengths, keep } = options;
  return {
    size: panTokens(options, lengths.min),
    what: `${lengths.min} digits keeping ${keep.first} + ${keep.last}`,
  };
}

export function panProblems(options: PanOptions): readonly Problem[] {
  const { lengths, mask } = options;
  const problems: Problem[] = [];
  if (lengths.min > lengths.max) {
    problems.push({
      path: ['lengths'],
      problem: `no length is at least ${lengths.min} and at most ${lengths.max}`,
      instead: `min: ${lengths.max}, max: ${lengths.min}`,
    });
  }
  const capacity = capacityProblem(panSmallest(options), null);
  if (capacity !== null) {
    problems.push({ path: ['keep'], problem: capacity.problem, instead: roomier(options) });
  }
  const shown = mask.first + mask.last;
  const most = Math.floor(lengths.min / 2);
  if (shown > most) {
    problems.push({
      path: ['mask'],
      problem: `showing ${mask.first} + ${mask.last} of ${lengths.min} digits hides less than half of them`,
      instead: `show at most ${most} digits, as in mask: { last: 4 }`,
    });
  }
  if (options.luhn === 'valid' && options.payable === null) {
    problems.push({
      path: ['payable'],
      problem: "a token that passes the Luhn check could be somebody's card",
      instead: 'luhn: invalid, or payable: accepted',
    });
  }
  return problems;
}

/** Options near these ones whose smallest bucket is large enough, in words. */
function roomier(options: PanOptions): string {
  const { lengths, keep } = options;
  let free = 1;
  while (panTokens(options, keep.first + keep.last + free) < SMALLEST_BUCKET) free++;
  const kept = lengths.min - free;
  const start = Math.min(keep.first, kept);
  const fewer = `keep: { first: ${start}, last: ${Math.min(keep.last, kept - start)} }`;
  const longer = keep.first + keep.last + free;
  return longer > lengths.max ? fewer : `${fewer}, or lengths: { min: ${longer}, max: ${lengths.max} }`;
}
