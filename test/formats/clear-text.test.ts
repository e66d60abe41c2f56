import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { holdsValue } from '../../src/formats/clear-text.ts';
import { cpuTimeOf } from './cpu-time.ts';

const CARDS = [
  '4111111111111111',
  '4012888888881881',
  '4222222222222',
  '4000000000000000006',
  '5555555555554444',
  '2223003122003222',
  '378282246310005',
  '6011111111111117',
  '30569309025904',
  '3530111333300000',
  '6759649826438453',
  '6205500000000000004',
];

// Examples from the SWIFT IBAN registry.
const IBANS = [
  'DE89370400440532013000',
  'GB29NWBK60161331926819',
  'FR1420041010050500013M02606',
  'NO9386011117947',
  'MT84MALT011000012345MTLCAST001S',
  'NL91ABNA0417164300',
  'CH9300762011623852957',
  'ES9121000418450200051332',
  'PL61109010140000071219812874',
  'SE4550000000058398257466',
];

const grouped = (text: string, separator: string): string => (text.match(/.{1,4}/g) ?? []).join(separator);
const around = fc.stringMatching(/^[a-z ,.:#()]{0,20}$/);

describe.each(CARDS)('the card %s', (card) => {
  test.each(['', ' ', '-', '\u00a0', '\u2011'])('is found with %j between its groups', (separator) => {
    fc.assert(
      fc.property(around, around, (before, after) => {
        expect(holdsValue(before + grouped(card, separator) + after)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('is found beside other numbers', () => {
    expect(holdsValue(`order 17 ${card}`)).toBe(true);
    expect(holdsValue(`${grouped(card, ' ')} 12 25`)).toBe(true);
  });

  test('is not found inside a longer run of digits, or with a digit mistyped', () => {
    expect(holdsValue(`9999999${card}`)).toBe(false);
    expect(holdsValue(`${card}9999999`)).toBe(false);
    const last = (Number(card.at(-1)) + 1) % 10;
    expect(holdsValue(card.slice(0, -1) + last)).toBe(false);
  });
});

describe.each(IBANS)('the IBAN %s', (iban) => {
  test.each(['', ' ', '-'])('is found with %j between its groups, in either case', (separator) => {
    const text = grouped(iban, separator);
    for (const found of [
      text,
      text.toLowerCase(),
      `IBAN: ${text}, thanks`,
      `to ${text} please`,
      `iban=${text}`,
    ]) {
      expect(holdsValue(found)).toBe(true);
    }
  });

  test('is not found inside a longer word, or with its check digits changed', () => {
    expect(holdsValue(`X${iban}`)).toBe(false);
    expect(holdsValue(`${iban}9`)).toBe(false);
    const check = String(((Number(iban.slice(2, 4)) + 1) % 97) + 1).padStart(2, '0');
    expect(holdsValue(iban.slice(0, 2) + check + iban.slice(4))).toBe(false);
  });
});

test.each([
  '',
  'cus_42',
  'TICKET-1234',
  '2026-11-22T10:30:00.000Z',
  '+44 20 7946 0958',
  '550e8400-e29b-41d4-a716-446655440000',
  '1111111111111117',
  '0000000000000000',
  '411111111111',
  '4111 1111  1111 1111',
  '4111,1111,1111,1111',
  'DE89 3704',
  'ZZ89370400440532013000',
])('%j holds no value', (text) => {
  expect(holdsValue(text)).toBe(false);
});

// Drawn at random; each has digits between its dashes that pass for a card number.
const UUIDS = [
  '84625be3-cb15-4698-9059-36085036919d',
  '9c0d610e-70cf-4734-9289-87403b014bb3',
  '166a3017-6176-4701-9869-bae9bf58db3b',
];

test('a UUID is an id, and what stands beside it is still read', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uuid(), fc.constantFrom(...UUIDS)), (uuid) => {
      for (const id of [uuid, uuid.toUpperCase(), `cus_${uuid}`, `customers/${uuid}`, `${uuid} ${uuid}`])
        expect(holdsValue(id)).toBe(false);
      for (const text of [`${uuid} 4111111111111111`, `4111-1111-1111-1111 ${uuid}`])
        expect(holdsValue(text)).toBe(true);
    }),
  );
  // Not one: a card number that stands where a UUID's digits would.
  expect(holdsValue('4111111111111111-cb15-4698-9059-36085036919d')).toBe(true);
});

test('a text without digits holds no value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(holdsValue(text.replace(/[0-9]/g, '-'))).toBe(false);
    }),
  );
});

test('answers in time in proportion to the length of the text', () => {
  // 64 KiB of what makes a backtracking search quadratic: with one, each of these would take minutes.
  for (const part of ['4', '4 ', '4-', '40 ', 'DE89', 'DE89 ', 'DE8 ', 'A1 ', '4000000000000000 ']) {
    const text = part.repeat(65_536 / part.length);
    expect(cpuTimeOf(() => holdsValue(text))).toBeLessThan(2000);
  }
});
