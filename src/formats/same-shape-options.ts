import type { z } from 'zod';
import { capacityProblem, SMALLEST_BUCKET } from './capacity.ts';
import { endsShape, type Ends, lengthsProblems, lengthsShape, maskProblems } from './ends.ts';
import type { Problem, Smallest } from './format.ts';
import { payable, payableProblem } from './payable.ts';

// 10^5 tokens, the least that is a whole number of digits.
export const FEWEST = 5;
// Digits of payment cards: ISO/IEC 7812-1, as in `pan`.
export const isCardLength = (length: number): boolean => length >= 12 && length <= 19;

/** What such a format accepts, and what its tokens could be. */
export interface Bounds {
  readonly shortest: number;
  readonly longest: number;
  /** Accepted unless said. */
  readonly lengths: { min: number; max: number };
  readonly could: string;
}

export function sameShapeKeys({ shortest, longest, lengths }: Bounds) {
  return {
    lengths: lengthsShape(shortest, longest, lengths),
    keep: endsShape({ first: 8, last: 4 }, { first: 0, last: 0 }),
    mask: endsShape({ first: 4, last: 4 }, { first: 0, last: 2 }),
    payable,
  } satisfies z.ZodRawShape;
}

export type SameShapeKeys = ReturnType<typeof sameShapeKeys>;
export type SameShapeOptions = z.output<z.ZodObject<SameShapeKeys>>;

/** Of digits alone, which are the fewest characters to draw from. */
export function sameShapeSmallest({ lengths, keep }: SameShapeOptions): Smallest {
  const length = Math.max(lengths.min, FEWEST);
  const free = length - keep.first - keep.last;
  const size = free < 1 ? 0n : isCardLength(length) ? 9n * 10n ** BigInt(free - 1) : 10n ** BigInt(free);
  return { size, what: `${lengths.min} digits keeping ${keep.first} + ${keep.last}` };
}

export function sameShapeProblems(bounds: Bounds, options: SameShapeOptions): readonly Problem[] {
  const { lengths, mask } = options;
  const capacity = capacityProblem(sameShapeSmallest(options), null);
  return [
    ...lengthsProblems(lengths),
    ...(capacity === null
      ? []
      : [{ path: ['keep'], problem: capacity.problem, instead: roomier(bounds, options) }]),
    ...maskProblems(mask, lengths.min),
    ...(options.payable === null ? [payableProblem(bounds.could, 'payable: accepted')] : []),
  ];
}

/** Options near these ones whose smallest bucket is large enough, in words. */
function roomier({ longest }: Bounds, options: SameShapeOptions): string {
  const { lengths, keep } = options;
  const fits = (min: number, kept: Ends): boolean =>
    sameShapeSmallest({ ...options, keep: kept, lengths: { min, max: lengths.max } }).size >= SMALLEST_BUCKET;
  let fewer = keep;
  while (!fits(lengths.min, fewer)) {
    fewer = fewer.last > 0 ? { ...fewer, last: fewer.last - 1 } : { ...fewer, first: fewer.first - 1 };
  }
  let longer = lengths.min;
  while (!fits(longer, keep)) longer++;
  const kept = `keep: { first: ${fewer.first}, last: ${fewer.last} }`;
  return longer > Math.min(lengths.max, longest)
    ? kept
    : `${kept}, or lengths: { min: ${longer}, max: ${lengths.max} }`;
}
