import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { accountNumber } from '../../src/formats/account-number.ts';
import { alphanumeric } from '../../src/formats/alphanumeric.ts';
import { holdsValue } from '../../src/formats/clear-text.ts';
import { digits } from '../../src/formats/digits.ts';
import { passesLuhn } from './luhn-twin.ts';

// `account-number`, `digits` and `alphanumeric`: formats without a check of their own.

const schema = {
  'account-number': z.strictObject(accountNumber.shape),
  digits: z.strictObject(digits.shape),
  alphanumeric: z.strictObject(alphanumeric.shape),
};
type Given = z.input<(typeof schema)['digits']>;
const environment = 'test';
const account = (given: Given = {}) =>
  accountNumber.bind(schema['account-number'].parse({ payable: 'accepted', ...given }), { environment });
const number = (given: Given = {}) =>
  digits.bind(schema.digits.parse({ payable: 'accepted', ...given }), { environment });
const code = (given: Given = {}) =>
  alphanumeric.bind(schema.alphanumeric.parse({ payable: 'accepted', ...given }), { environment });
const kinds = [accountNumber, digits, alphanumeric];

describe('account-number', () => {
  test.each(['1234', '31926819', '0532013000', '000000123456', '12345678901234567'])(
    'accepts %s',
    (value) => {
      expect(account().parse(value)).toEqual({ ok: true, normal: value });
      expect(account().parse((value.match(/.{1,3}/g) ?? []).join(' '))).toEqual({ ok: true, normal: value });
      expect(account().parse((value.match(/.{1,3}/g) ?? []).join('-'))).toEqual({ ok: true, normal: value });
    },
  );

  test.each([
    ['', 'empty'],
    ['123', 'malformed'],
    ['123456789012345678', 'malformed'],
    ['1234 ', 'malformed'],
    ['12  34', 'malformed'],
    ['12,345', 'malformed'],
    ['12A4', 'malformed'],
    ['١٢٣٤٥', 'malformed'],
    ['1234\n', 'malformed'],
    ['1'.repeat(65), 'too_long'],
  ])('refuses %j as %s', (text, reason) => {
    expect(account().parse(text)).toEqual({ ok: false, reason });
  });

  test('refuses a length that the collection does not accept', () => {
    expect(account({ lengths: { min: 8, max: 10 } }).parse('1234567')).toEqual({
      ok: false,
      reason: 'length',
    });
    expect(account({ lengths: { min: 8, max: 10 } }).parse('12345678901')).toEqual({
      ok: false,
      reason: 'length',
    });
  });

  test('gives a value of four digits a token of five: four would leave 10,000', () => {
    const space = account().space('1234');
    expect(space.size).toBe(100_000n);
    expect(space.at(1234n)).toBe('01234');
    expect(account().smallest).toEqual({ size: 100_000n, what: '4 digits keeping 0 + 0' });
    expect(account().isToken('1234')).toBe(false);
  });
});

describe('digits', () => {
  test('keep leading zeros and take nothing out', () => {
    expect(number().parse('000000')).toEqual({ ok: true, normal: '000000' });
    for (const text of ['000 000', '000-000', '+00000', '0x0000', '1e6000', '00000.0']) {
      expect(number().parse(text)).toEqual({ ok: false, reason: 'malformed' });
    }
    expect(number().tokenForm('000 000')).toBe('000 000');
  });
});

describe('alphanumeric', () => {
  // The specimen of ICAO 9303, and shapes that codes have.
  test.each(['L898902C3', 'D231458907', 'aB3dE6gH', 'ABCDEF', '0000000A'])(
    'keeps the class of each character of %s',
    (value) => {
      const space = code().space(value);
      const shape = (text: string): string =>
        text.replaceAll(/[0-9]/g, '9').replaceAll(/[a-z]/g, 'x').replaceAll(/[A-Z]/g, 'X');
      fc.assert(
        fc.property(fc.bigInt(0n, space.size - 1n), (index) => {
          expect(shape(space.at(index))).toBe(shape(value));
        }),
      );
    },
  );

  test('lets nothing stand between, and no letter beyond ASCII', () => {
    for (const text of ['AB-1234', 'AB 1234', 'ÄB1234', 'AB1234\n', 'ＡＢ１２３４', 'AB_1234']) {
      expect(code().parse(text)).toEqual({ ok: false, reason: 'malformed' });
    }
  });
});

describe.each([
  ['account-number', account],
  ['digits', number],
  ['alphanumeric', code],
] as const)('%s', (_, bind) => {
  test('of a small bucket is exactly the shape, by enumeration', () => {
    const space = bind({ lengths: { min: 8, max: 12 }, keep: { first: 2, last: 1 } }).space('12345678');
    expect(space.size).toBe(100_000n);
    const tokens = new Set(Array.from({ length: 100_000 }, (__, index) => space.at(BigInt(index))));
    const shape = new Set(
      Array.from({ length: 100_000 }, (__, free) => `12${String(free).padStart(5, '0')}8`),
    );
    expect(tokens).toEqual(shape);
  });

  test('no token of as many digits as a card passes the Luhn check, by enumeration', () => {
    const bound = bind({ lengths: { min: 16, max: 17 }, keep: { first: 8, last: 3 } });
    const space = bound.space('4111111111111111');
    expect(space.size).toBe(90_000n);
    const tokens = new Set(Array.from({ length: 90_000 }, (__, index) => space.at(BigInt(index))));
    const shape = new Set(
      Array.from({ length: 100_000 }, (__, free) => `41111111${String(free).padStart(5, '0')}111`).filter(
        (token) => !passesLuhn(token),
      ),
    );
    expect(tokens).toEqual(shape);
    for (const token of [...tokens].slice(0, 500)) expect(holdsValue(token)).toBe(false);
    expect(bound.isToken('4111111111111111')).toBe(false);
    expect(bound.isToken('4111111111111112')).toBe(true);
  });

  test('tokens stay tokens when the accepted lengths are narrowed', () => {
    const token = bind({ lengths: { min: 6, max: 12 } })
      .space('123456')
      .at(7n);
    expect(bind({ lengths: { min: 10, max: 12 } }).isToken(token)).toBe(true);
  });

  test('a value shorter than the mask was checked for is hidden whole', () => {
    expect(bind({ lengths: { min: 12, max: 12 }, mask: { first: 2, last: 4 } }).mask('1234567')).toBe(
      '*******',
    );
    expect(bind({ mask: { last: 2 } }).mask('1234567')).toBe('*****67');
  });
});

describe.each(kinds)('options of $name', (format) => {
  const shape = z.strictObject(format.shape);
  const problems = (given: Given) => format.problems(shape.parse({ payable: 'accepted', ...given }));

  test('say out loud that a token could be somebody’s', () => {
    expect(format.problems(shape.parse({}))).toEqual([
      {
        path: ['payable'],
        problem: expect.stringMatching(/^a token could be somebody's/),
        instead: 'payable: accepted',
      },
    ]);
    expect(problems({})).toEqual([]);
  });

  test('name what would work', () => {
    expect(problems({ lengths: { min: 8, max: 12 }, keep: { first: 2, last: 4 } })).toEqual([
      {
        path: ['keep'],
        problem: '8 digits keeping 2 + 4 leaves 100 tokens, under the least of 90000',
        instead: 'keep: { first: 2, last: 1 }, or lengths: { min: 11, max: 12 }',
      },
    ]);
    expect(problems({ lengths: { min: 9, max: 8 } })[0]?.instead).toBe('min: 8, max: 9');
    expect(problems({ lengths: { min: 8, max: 12 }, mask: { first: 4, last: 1 } })).toEqual([
      {
        path: ['mask'],
        problem: 'showing 4 + 1 of 8 characters hides less than half of them',
        instead: 'show at most 4, as in mask: { last: 4 }',
      },
    ]);
  });

  test('what is named for a small bucket is itself accepted', () => {
    const choice = fc.record({
      lengths: fc.record({ min: fc.integer({ min: 5, max: 16 }), max: fc.constant(17) }),
      keep: fc.record({ first: fc.nat(8), last: fc.nat(4) }),
      mask: fc.constant({}),
    });
    fc.assert(
      fc.property(choice, (given) => {
        const small = problems(given).find(({ path }) => path[0] === 'keep');
        if (small === undefined) return;
        const [first = 0, last = 0] = Array.from(small.instead.matchAll(/\d+/g), Number);
        expect(problems({ ...given, keep: { first, last } })).toEqual([]);
        const min = /min: (\d+)/.exec(small.instead)?.[1];
        if (min !== undefined)
          expect(problems({ ...given, lengths: { min: Number(min), max: 17 } })).toEqual([]);
      }),
    );
  });
});

test('what can be searched is told', () => {
  expect(number({ lengths: { min: 19, max: 32 } }).guessable).toBe(true);
  expect(number({ lengths: { min: 20, max: 32 } }).guessable).toBe(false);
});
