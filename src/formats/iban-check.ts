import { IBAN_COUNTRIES } from './iban-countries.ts';

/** Country code and check digits stand before the BBAN. */
const HEAD = 4;

/**
 * Check digits that no bank gives: ISO 7064 takes 98 less a remainder of 0 to 96, so that 02 to 98 are given. These
 * three pass plain mod 97 where 97, 98 and 02 would.
 */
export const UNISSUED = ['00', '01', '99'] as const;

export const hasUnissuedCheck = (iban: string): boolean =>
  UNISSUED.some((check) => iban.slice(2, HEAD) === check);

/** Remainder of an IBAN's number (ISO 13616: the first four characters last, A as 10): 1 where it passes. */
export function ibanRemainder(iban: string): number {
  let remainder = 0;
  for (const character of iban.slice(HEAD) + iban.slice(0, HEAD)) {
    const number = Number.parseInt(character, 36);
    remainder = (remainder * (number < 10 ? 10 : 100) + number) % 97;
  }
  return remainder;
}

/**
 * An IBAN of a known country begins at `start`, has exactly its country's length, ends where a word does and
 * has check digits that a bank gives. Either case; a single separator is allowed between any two characters.
 */
export function ibanStartsAt(text: string, start: number, separator: RegExp): boolean {
  const country = IBAN_COUNTRIES.get(text.slice(start, start + 2).toUpperCase());
  if (country === undefined) return false;
  let iban = '';
  let at = start;
  while (iban.length < HEAD + country.kinds.length) {
    if (iban !== '' && separator.test(text.charAt(at))) at++;
    const character = text.charAt(at++);
    if (!isAlphanumeric(character)) return false;
    iban += character;
  }
  return !isAlphanumeric(text.charAt(at)) && !hasUnissuedCheck(iban) && ibanRemainder(iban) === 1;
}

function isAlphanumeric(character: string): boolean {
  return /^[A-Za-z0-9]$/.test(character);
}
