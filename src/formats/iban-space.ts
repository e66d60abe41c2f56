import { DIGITS, drawAt, sizeOf, UPPER } from './drawn.ts';
import type { Smallest, Space } from './format.ts';
import { ibanRemainder, UNISSUED } from './iban-check.ts';
import { IBAN_COUNTRIES, type IbanCountry } from './iban-countries.ts';
import type { IbanOptions } from './iban-options.ts';

/** What is drawn of a BBAN: digits where its country allows them, letters where it does not. */
function placesOf({ bankCode }: IbanOptions, country: IbanCountry, bban: string): string[] {
  const { from, to } = country.bank;
  return Array.from(country.kinds, (kind, at) => {
    if (bankCode === 'kept' && at >= from && at < to) return bban.charAt(at);
    return kind === 'a' ? UPPER : DIGITS;
  });
}

export function ibanSpace(options: IbanOptions, normal: string): Space {
  const country = IBAN_COUNTRIES.get(normal.slice(0, 2));
  if (country === undefined) throw new RangeError('the argument is a normal form');
  const bban = normal.slice(4);
  const bank = options.bankCode === 'kept' ? bban.slice(country.bank.from, country.bank.to) : '';
  const places = placesOf(options, country, bban);
  const drawn =
    options.checkDigits === 'unissued' ? unissuedOf(country, places) : issuableOf(country, places);
  return { bucket: `${country.code}:${bank}`, ...drawn };
}

/** Every BBAN of the places, with the check digits that a bank would give it (ISO 7064). */
function issuableOf({ code }: IbanCountry, places: readonly string[]): Omit<Space, 'bucket'> {
  return {
    size: sizeOf(places),
    at: (index) => {
      const bban = drawAt(places, index);
      return code + String(98 - ibanRemainder(`${code}00${bban}`)).padStart(2, '0') + bban;
    },
  };
}

/**
 * Every choice of unissued check digits and of all drawn characters but two: those are the last two digits that stand
 * side by side after the bank code, and of 00 to 96 exactly one pair brings the remainder to 1.
 */
function unissuedOf(country: IbanCountry, places: readonly string[]): Omit<Space, 'bucket'> {
  const pair = pairOf(country);
  const others = places.map((place, i) => (i === pair || i === pair + 1 ? '0' : place));
  const checks = BigInt(UNISSUED.length);

  function at(index: bigint): string {
    const check = UNISSUED[Number(index % checks)];
    if (index < 0n || check === undefined) throw new RangeError('the index is outside the token space');
    const bban = drawAt(others, index / checks);
    const withPair = (number: number): string =>
      country.code + check + bban.slice(0, pair) + String(number).padStart(2, '0') + bban.slice(pair + 2);
    const remainder = ibanRemainder(withPair(0));
    const step = ibanRemainder(withPair(1)) - remainder + 97;
    // 97 is prime, so that the steps meet every remainder once.
    let number = 0;
    while ((remainder + step * number) % 97 !== 1) number++;
    return withPair(number);
  }

  return { size: checks * sizeOf(others), at };
}

function pairOf({ kinds }: IbanCountry): number {
  return Array.from(kinds).findLastIndex((kind, at) => kind !== 'a' && /^[nc]$/.test(kinds.charAt(at + 1)));
}

export function ibanSmallest(options: IbanOptions): Smallest {
  const { countries, bankCode } = options;
  const sizes = (countries ?? [...IBAN_COUNTRIES.keys()]).flatMap((code) => {
    const country = IBAN_COUNTRIES.get(code);
    if (country === undefined) return [];
    const places = placesOf(options, country, '0'.repeat(country.kinds.length));
    const { size } =
      options.checkDigits === 'unissued' ? unissuedOf(country, places) : issuableOf(country, places);
    return [
      bankCode === 'kept'
        ? {
            size,
            what: `an IBAN of ${code} keeping its bank code`,
            roomier: `bankCode: drawn, or countries without ${code}`,
          }
        : { size, what: `an IBAN of ${code}`, roomier: `or countries without ${code}` },
    ];
  });
  return sizes.reduce((least, each) => (each.size < least.size ? each : least));
}
