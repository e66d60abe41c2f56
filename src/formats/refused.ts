import type { Parsed, Reason } from './format.ts';

export const refused = (reason: Reason): Parsed => ({ ok: false, reason });

/** What no format that takes one line of text accepts, or null. `longest` counts UTF-16 units, in any spelling. */
export function refusedAtOnce(text: string, longest: number): Parsed | null {
  if (text === '') return refused('empty');
  if (text.length > longest) return refused('too_long');
  return /\p{Surrogate}/u.test(text) ? refused('not_text') : null;
}

const GROUPS = /^[0-9](?:[ -]?[0-9])*$/;
/** Longer than any number of 19 digits in any grouping. */
export const LONGEST_GROUPED = 64;

/** Digits without the single spaces and dashes between them; any other text as it is. */
export const ungrouped = (text: string): string =>
  text.length <= LONGEST_GROUPED && GROUPS.test(text) ? text.replaceAll(/[ -]/g, '') : text;
