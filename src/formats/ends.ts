import { z } from 'zod';
import type { Problem } from './format.ts';

/** Characters at a text's two ends, which a token keeps or a mask shows. */
export interface Ends {
  readonly first: number;
  readonly last: number;
}

/** An option that counts characters at both ends; an end that is not named counts none. */
export function endsShape(most: Ends, unless: Ends) {
  const first = z.int().min(0).max(most.first).default(0);
  const last = z.int().min(0).max(most.last).default(0);
  return z.strictObject({ first, last }).default(unless);
}

/** Accepted lengths of a value, both included. */
export function lengthsShape(shortest: number, longest: number, unless: { min: number; max: number }) {
  const length = z.int().min(shortest).max(longest);
  return z.strictObject({ min: length, max: length }).default(unless);
}

export function lengthsProblems({ min, max }: { min: number; max: number }): Problem[] {
  if (min <= max) return [];
  const problem = `no length is at least ${min} and at most ${max}`;
  return [{ path: ['lengths'], problem, instead: `min: ${max}, max: ${min}` }];
}

/** A mask hides at least half of the shortest accepted value. */
export function maskProblems({ first, last }: Ends, shortest: number): Problem[] {
  const most = Math.floor(shortest / 2);
  if (first + last <= most) return [];
  const problem = `showing ${first} + ${last} of ${shortest} characters hides less than half of them`;
  const instead = `show at most ${most}, as in mask: { last: ${Math.min(most, 4)} }`;
  return [{ path: ['mask'], problem, instead }];
}

/** Stars but for the ends. A value kept before `lengths` were raised may be too short for them: it is hidden whole. */
export function maskEnds(normal: string, { first, last }: Ends): string {
  const hidden = normal.length - first - last;
  if (hidden * 2 < normal.length) return '*'.repeat(normal.length);
  return normal.slice(0, first) + '*'.repeat(hidden) + normal.slice(normal.length - last);
}
