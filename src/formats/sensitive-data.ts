import { luhnValid } from './luhn.ts';

// ISO/IEC 7813: `%` opens track 1 and `^` parts it, `;` opens track 2 and `=` parts it. EMV tag 57 (track 2
// equivalent data) is written in hexadecimal, where the separator is D.
const TRACK = /[=^]|^\s*[%;]|\d{12,19}D\d{4}/i;
const NAMED_CODE = /cv[cvn]/i;

/**
 * The text holds a track, or a card number followed by what looks like a verification code of 3 or 4 digits:
 * sensitive authentication data, which PCI DSS 3.3.1 forbids to keep. The caller bounds the text's length.
 * A code run straight into the number cannot be told from a longer number, so it is not seen here; a code after
 * a separator is always refused, at the price of the one 19-digit card in ten, written 4-4-4-4-3, whose first
 * sixteen digits happen to pass the Luhn check (without separators it is accepted).
 */
export function holdsSensitiveData(text: string): boolean {
  return TRACK.test(text) || NAMED_CODE.test(text) || endsWithCode(text);
}

function endsWithCode(text: string): boolean {
  const groups = text.match(/\d+/g) ?? [];
  const code = groups.pop()?.length;
  if (code !== 3 && code !== 4) return false;
  let number = '';
  return groups.some((group, at) => {
    number += group;
    // 12 digits in several groups are the first three of the usual 4-4-4-4, not a number of their own.
    const shortest = at === 0 ? 12 : 13;
    return number.length >= shortest && number.length <= 19 && luhnValid(number);
  });
}
