import fc from 'fast-check';
import type { FormatName } from '../../src/formats/catalogue.ts';

/** Values of each format, made without its code: from the published rules. */

const digits = (min: number, max = min): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9]{${min},${max}}$`));

const luhnSum = (text: string): number =>
  Array.from(text)
    .toReversed()
    .map((digit, at) => (at % 2 === 0 ? digit : String(Number(digit) * 2)))
    .join('')
    .split('')
    .reduce((sum, digit) => sum + Number(digit), 0);

const withLuhn = (body: string): string => body + ((10 - (luhnSum(`${body}0`) % 10)) % 10);

/** A few countries of each kind; iban.test.ts has them all. */
const IBANS: readonly (readonly [string, RegExp])[] = [
  ['DE', /^[0-9]{18}$/],
  ['GB', /^[A-Z]{4}[0-9]{14}$/],
  ['NO', /^[0-9]{11}$/],
  ['BR', /^[0-9]{23}[A-Z][A-Z0-9]$/],
  ['MU', /^[A-Z]{4}[0-9]{19}[A-Z]{3}$/],
  ['QA', /^[A-Z]{4}[A-Z0-9]{21}$/],
];

/** ISO 13616 by big integers: 98 less the remainder of the number with 00. */
export function withCheckDigits(country: string, bban: string): string {
  const number = Array.from(`${bban}${country}00`, (character) => Number.parseInt(character, 36)).join('');
  return country + String(98n - (BigInt(number) % 97n)).padStart(2, '0') + bban;
}

const routing = fc
  .tuple(fc.constantFrom('00', '01', '07', '12', '21', '32', '61', '72', '80'), digits(6))
  .map(([start, rest]) => {
    const eight = start + rest;
    const weights = [3, 7, 1, 3, 7, 1, 3, 7];
    const sum = weights.reduce((total, weight, at) => total + weight * Number(eight.charAt(at)), 0);
    return eight + ((10 - (sum % 10)) % 10);
  });

const security = fc
  .tuple(fc.integer({ min: 1, max: 899 }), fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 9999 }))
  .filter(([area]) => area !== 666)
  .map(([area, group, serial]) =>
    [String(area).padStart(3, '0'), String(group).padStart(2, '0'), String(serial).padStart(4, '0')].join(
      '-',
    ),
  );

export const VALUES: Readonly<Record<FormatName, fc.Arbitrary<string>>> = {
  pan: digits(14, 18).map(withLuhn),
  iban: fc.oneof(
    ...IBANS.map(([country, bban]) => fc.stringMatching(bban).map((text) => withCheckDigits(country, text))),
  ),
  'account-number': digits(4, 17),
  'aba-routing': routing,
  ssn: security,
  phone: fc.oneof(
    digits(8).map((rest) => `+4420${rest}`),
    digits(7).map((rest) => `+1 202 ${rest}`),
    digits(3).map((rest) => `+6834${rest}`),
    digits(12).map((rest) => `+495${rest.slice(1)}`),
  ),
  email: fc.emailAddress().filter((address) => address.length <= 200),
  credential: fc
    .string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 512 })
    .filter((text) => (text.match(/[A-Za-z0-9]/g) ?? []).length >= 5),
  uuid: fc.uuid({ version: [1, 2, 3, 4, 5, 6, 7] }),
  digits: digits(6, 32),
  alphanumeric: fc.stringMatching(/^[A-Za-z0-9]{6,64}$/),
  text: fc.string({ unit: 'binary', minLength: 1, maxLength: 600 }),
};
