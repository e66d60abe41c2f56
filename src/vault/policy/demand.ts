import { parseDuration } from './duration.ts';
import type { Policy } from './policy.ts';

/** What the policy asks of anchors. */
export interface Demand {
  /** In milliseconds. */
  readonly maxAge: number;
  readonly atLeast: number;
}

export function demandOf({ audit }: Policy): Demand | null {
  const anchors = audit?.anchors;
  return anchors === undefined
    ? null
    : { maxAge: parseDuration(anchors.maxAge) ?? 0, atLeast: anchors.atLeast };
}

/** `10m by 2 anchors`: what is told of it, in comparisons and explanations. */
export function demandText({ audit }: Policy): string | null {
  const anchors = audit?.anchors;
  if (anchors === undefined) return null;
  const { maxAge, atLeast } = anchors;
  return `${maxAge} by ${atLeast} ${atLeast === 1 ? 'anchor' : 'anchors'}`;
}
