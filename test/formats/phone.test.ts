import fc from 'fast-check';
import { getCountries, getExampleNumber, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import metadata from 'libphonenumber-js/metadata.max.json' with { type: 'json' };
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { CALLING_CODES, neverAfter } from '../../src/formats/calling-codes.ts';
import { phone } from '../../src/formats/phone.ts';

const schema = z.strictObject(phone.shape);
const bound = phone.bind(schema.parse({}), { environment: 'test' });

// Numbers that regulators keep for fiction: Ofcom, NANPA (555-0100 to 0199), ACMA, ARCEP; and a freephone number.
test.each([
  ['+44 20 7946 0958', '+442079460958'],
  ['+44 (20) 7946 0958', '+442079460958'],
  ['+44 1632 960001', '+441632960001'],
  ['+447700900123', '+447700900123'],
  ['+1 (202) 555-0123', '+12025550123'],
  ['+1-202-555-0123', '+12025550123'],
  ['+61 2 5550 1234', '+61255501234'],
  ['+33.1.99.00.12.34', '+33199001234'],
  ['+39 06 69812345', '+390669812345'],
  ['+225 01 23 45 67 89', '+2250123456789'],
  ['+683 4001', '+6834001'],
  ['+800 1234 5678', '+80012345678'],
])('accepts %s', (written, normal) => {
  expect(bound.parse(written)).toEqual({ ok: true, normal });
  expect(bound.parse(normal)).toEqual({ ok: true, normal });
});

test.each([
  ['', 'empty'],
  ['020 7946 0958', 'malformed'],
  ['0044 20 7946 0958', 'malformed'],
  ['+44 (0)20 7946 0958', 'malformed'],
  ['tel:+442079460958', 'malformed'],
  ['+44 20 7946 0958 ext 1', 'malformed'],
  ['+44  20 7946 0958', 'malformed'],
  ['+1 800 FLOWERS', 'malformed'],
  ['+٤٤٢٠٧٩٤٦٠٩٥٨', 'malformed'],
  ['+442079460958\n', 'malformed'],
  ['+', 'malformed'],
  ['+999 1234 5678', 'malformed'],
  ['+210 1234 5678', 'malformed'],
  ['+44 0020 7946', 'malformed'],
  ['+683400', 'length'],
  ['+4420794609581234', 'length'],
  [`+44${' 2'.repeat(40)}`, 'too_long'],
])('refuses %j as %s', (text, reason) => {
  expect(bound.parse(text)).toEqual({ ok: false, reason });
});

// Google's libphonenumber is the twin: which codes there are, and which numbers a country can have.
const lengthsOf = (code: string): number[] => Array.from({ length: 15 - code.length - 3 }, (_, i) => i + 4);

test('knows every country code that libphonenumber knows, and the one that the Vatican does not use', () => {
  const codes = [...Object.keys(metadata.country_calling_codes), ...Object.keys(metadata.nonGeographic)];
  expect(CALLING_CODES.toSorted()).toEqual([...codes.filter((code) => code !== '888'), '379'].toSorted());
});

test('no country code begins another', () => {
  for (const code of CALLING_CODES) {
    expect(CALLING_CODES.filter((other) => other.startsWith(code))).toEqual([code]);
  }
});

test('accepts an example of every country', () => {
  const countries = getCountries();
  expect(countries.length).toBeGreaterThan(240);
  for (const country of countries) {
    const example = getExampleNumber(country, examples)?.number ?? '';
    expect(bound.parse(example), example).toEqual({ ok: true, normal: example });
  }
});

describe.each(CALLING_CODES)('+%s', (code) => {
  test('has tokens of the country code and the length, and none is a number there', () => {
    const start = `+${code}${neverAfter(code)}`;
    fc.assert(
      fc.property(fc.constantFrom(...lengthsOf(code)), fc.bigInt(0n, 10n ** 13n), (length, x) => {
        const space = bound.space(`+${code}${'2'.repeat(length)}`);
        const token = space.at(x % space.size);
        expect(token).toMatch(/^\+[1-9][0-9]{6,14}$/);
        expect(token).toHaveLength(1 + code.length + Math.max(length, 10));
        expect(token.startsWith(start)).toBe(true);
        expect(parsePhoneNumberFromString(token)?.isValid() ?? false, token).toBe(false);
        expect(bound.parse(token)).toEqual({ ok: false, reason: 'malformed' });
      }),
    );
  });
});

test('no pattern of a plan begins as a token does: every continuation of three digits, at every length', () => {
  for (const code of CALLING_CODES) {
    for (let length = 10; length <= 15 - code.length; length++) {
      for (let next = 0; next < 1000; next++) {
        const token = `+${code}${neverAfter(code)}${String(next).padStart(3, '0')}`.padEnd(
          1 + code.length + length,
          '0',
        );
        if (parsePhoneNumberFromString(token)?.isValid() === true) expect.fail(token);
      }
    }
  }
});

test('a short number has a token of ten digits after the country code', () => {
  const space = bound.space('+6834001');
  expect(space.size).toBe(100_000_000n);
  expect(space.at(1n)).toBe('+6830000000001');
  expect(bound.isToken('+683000000001')).toBe(false);
});

test('a token is known however it is written', () => {
  const token = bound.space('+442079460958').at(5_546_377n);
  expect(token).toBe('+440005546377');
  expect(bound.tokenForm('+44 000 554 6377')).toBe(token);
  expect(bound.tokenForm('+44 (0)005546377')).toBe('+44 (0)005546377');
});

test('a mask shows the last digits at most', () => {
  expect(bound.mask('+442079460958')).toBe('+**********58');
  const most = phone.bind(schema.parse({ mask: { last: 3 } }), { environment: 'test' });
  expect(most.mask('+6834001')).toBe('+****001');
  expect(phone.bind(schema.parse({ mask: {} }), { environment: 'test' }).mask('+6834001')).toBe('+*******');
  expect(schema.safeParse({ mask: { last: 4 } }).success).toBe(false);
});
