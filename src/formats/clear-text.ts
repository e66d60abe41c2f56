import { inBrandRange } from './card-brand.ts';
import { ibanStartsAt } from './iban-check.ts';
import { luhnValid } from './luhn.ts';

// What people and word processors put between groups: spaces, no-break spaces, hyphens, dashes.
const SEPARATOR = /^[ \u00a0\u202f\u2010-\u2015-]$/;
const LONGEST = 19;
// RFC 9562 4: an id that services draw by the million. One in 900 has digits that would pass for a card number.
const UUID = /(?<![0-9])[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9])/gi;

/**
 * The text of a clear field (a ticket, a subject's reference, metadata) holds an IBAN or a card number.
 * Single separators between groups are allowed. Work is linear in the text: at most 19 groups are joined, and
 * at most 34 characters read, from any one place. It guards against accidents, not against a caller who hides
 * a number on purpose.
 */
export function holdsValue(text: string): boolean {
  // A letter in its place: what stands before an id and after it is no one number.
  const rest = text.replaceAll(UUID, 'x');
  return holdsCard(rest) || holdsIban(rest);
}

function holdsCard(text: string): boolean {
  const groups = [...text.matchAll(/[0-9]+/g)];
  return groups.some((_, start) => {
    let number = '';
    let end: number | null = null;
    // A number ends where a group does, and never inside a longer run of digits.
    for (const group of groups.slice(start, start + LONGEST)) {
      if (end !== null && !SEPARATOR.test(text.slice(end, group.index))) return false;
      number += group[0];
      if (number.length > LONGEST) return false;
      if (inBrandRange(number) && luhnValid(number)) return true;
      end = group.index + group[0].length;
    }
    return false;
  });
}

function holdsIban(text: string): boolean {
  for (const { index } of text.matchAll(/(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}/g)) {
    if (ibanStartsAt(text, index, SEPARATOR)) return true;
  }
  return false;
}
