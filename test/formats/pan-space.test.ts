import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { luhnDigit, luhnSum } from '../../src/formats/luhn.ts';
import { pan } from '../../src/formats/pan.ts';
import { passesLuhn } from './luhn-twin.ts';

const schema = z.strictObject(pan.shape);
const bind = (given: z.input<typeof schema> = {}) => pan.bind(schema.parse(given), { environment: 'test' });

const card = fc
  .stringMatching(/^[0-9]{11,18}$/)
  .map((digits) => digits + luhnDigit(luhnSum(`${digits}0`), 0));
const keeps = fc.record({ first: fc.nat(8), last: fc.nat(4) });

describe.each(['invalid', 'valid'] as const)('space, luhn: %s', (luhn) => {
  test('of a small bucket is exactly the shape, by enumeration', () => {
    const bound = bind({ luhn, keep: { first: 8, last: 4 }, payable: 'accepted' });
    const space = bound.space('4111111111111111');
    const tokens = new Set<string>();
    for (let index = 0n; index < space.size; index++) tokens.add(space.at(index));
    const shape = new Set<string>();
    for (let free = 0; free < 10_000; free++) {
      const token = `41111111${String(free).padStart(4, '0')}1111`;
      if (passesLuhn(token) === (luhn === 'valid')) shape.add(token);
    }
    expect(tokens).toEqual(shape);
    expect(space.size).toBe(luhn === 'valid' ? 1000n : 9000n);
  });

  test('gives distinct tokens of the promised shape anywhere in it', () => {
    fc.assert(
      fc.property(card, keeps, fc.bigInt(0n, 10n ** 19n), fc.bigInt(0n, 10n ** 19n), (number, keep, x, y) => {
        fc.pre(number.length > keep.first + keep.last);
        const bound = bind({ luhn, keep, payable: 'accepted' });
        const space = bound.space(number);
        const [here, there] = [x % space.size, y % space.size];
        const token = space.at(here);
        expect(token).toMatch(/^[0-9]+$/);
        expect(token.length).toBe(number.length);
        expect(token.slice(0, keep.first)).toBe(number.slice(0, keep.first));
        expect(token.slice(token.length - keep.last)).toBe(number.slice(number.length - keep.last));
        expect(passesLuhn(token)).toBe(luhn === 'valid');
        expect(bound.isToken(token)).toBe(true);
        expect(bound.parse(token).ok).toBe(!bound.disjoint);
        expect(space.at(there) === token).toBe(here === there);
      }),
    );
  });

  test('throws outside it', () => {
    const space = bind({ luhn }).space('4111111111111111');
    expect(() => space.at(-1n)).toThrow(RangeError);
    expect(() => space.at(space.size)).toThrow(RangeError);
    expect(space.at(space.size - 1n)).toHaveLength(16);
  });
});

test('tokens that fail the Luhn check are disjoint from values; those that pass hold each value once', () => {
  expect(bind().disjoint).toBe(true);
  expect(bind().isToken('4111111111111111')).toBe(false);
  const payable = bind({ luhn: 'valid', payable: 'accepted' });
  expect(payable.disjoint).toBe(false);
  expect(payable.isToken('4111111111111112')).toBe(false);
  const space = payable.space('378282246310005');
  let same = 0;
  for (let index = 0n; index < space.size; index++) if (space.at(index) === '378282246310005') same++;
  expect(same).toBe(1);
});

test('a bucket is its length and its kept characters', () => {
  const bound = bind();
  const bucket = (number: string) => bound.space(number).bucket;
  expect(bucket('4111111111111111')).toBe('16:411111:1111');
  expect(bucket('4111110000000001111')).not.toBe(bucket('4111111111111111'));
});

test('what is no token is told so without throwing', () => {
  const bound = bind();
  for (const text of [
    '',
    '4',
    '4111 1111 1111 1112',
    '4111111111111112\n',
    '4'.repeat(10_000),
    '\uff14'.repeat(16),
  ]) {
    expect(bound.isToken(text)).toBe(false);
  }
  expect(bound.isToken(bound.tokenForm('4111 1111 1111 1112'))).toBe(true);
  expect(bound.tokenForm('4111  1111')).toBe('4111  1111');
});

test('tokens stay tokens when the accepted lengths are narrowed', () => {
  const token = bind({ lengths: { min: 14, max: 19 } })
    .space('30569309025904')
    .at(7n);
  expect(bind({ lengths: { min: 16, max: 16 } }).isToken(token)).toBe(true);
});
