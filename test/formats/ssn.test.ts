import { expect, test } from 'vitest';
import { z } from 'zod';
import { ssn } from '../../src/formats/ssn.ts';

const schema = z.strictObject(ssn.shape);
const bound = ssn.bind(schema.parse({}), { environment: 'test' });

// Numbers that were printed for all to see, and were once valid: SSA's "Misused numbers" and its pamphlet of 1940.
test.each([
  '078-05-1120',
  '219-09-9999',
  '078051120',
  '078 05 1120',
  '001-01-0001',
  '665-99-9999',
  '667-01-0001',
  '899-99-9999',
  '772-45-6789',
])('accepts %s', (value) => {
  expect(bound.parse(value)).toEqual({ ok: true, normal: value.replaceAll(/\D/g, '') });
});

// SSA: never 000, 666 or 900-999, never group 00, never serial 0000. 987-65-4320 to 4329 are for advertisements.
test.each([
  '000-12-3456',
  '666-12-3456',
  '900-12-3456',
  '999-99-9999',
  '123-00-4567',
  '123-45-0000',
  '987-65-4320',
  '900-70-0001',
  '12-345-678',
  '123-45-67890',
  '1234567',
  '123-45-678a',
  '123--45-6789',
])('refuses %s', (text) => {
  expect(bound.parse(text)).toEqual({ ok: false, reason: 'malformed' });
});

// IRS: middle digits of ITINs, of adoption numbers (ATIN) and of its own temporary numbers (IRSN).
const within =
  (...ranges: readonly (readonly [number, number])[]) =>
  (middle: number): boolean =>
    ranges.some(([low, high]) => middle >= low && middle <= high);
const ITIN = within([50, 65], [70, 88], [90, 92], [94, 99]);
const ATIN = within([93, 93]);
const IRSN = within([1, 10], [17, 19], [28, 29], [37, 39]);

test('every token is of an area that is never issued, and no number of the IRS: the whole space', () => {
  const space = bound.space('219099999');
  expect(space.size).toBe(39_000_000n);
  const starts = new Set<string>();
  for (let index = 0n; index < space.size; index += 10_000n) {
    const token = space.at(index);
    expect(token).toMatch(/^[0-9]{9}$/);
    const [area, middle] = [token.slice(0, 3), Number(token.slice(3, 5))];
    expect(['000', '666'].includes(area) || area.startsWith('9')).toBe(true);
    if (area.startsWith('9'))
      expect([ITIN(middle), ATIN(middle), IRSN(middle)]).toEqual([false, false, false]);
    starts.add(token.slice(0, 5));
    expect(bound.isToken(token)).toBe(true);
    expect(bound.parse(token).ok).toBe(false);
  }
  // With four digits after each, the tokens are distinct.
  expect(starts.size).toBe(3900);
  expect(space.at(9_999n)).toBe('000009999');
  expect(space.at(10_000n)).toBe('000010000');
});

test('numbers of the IRS are neither values nor tokens', () => {
  for (const number of ['900701234', '912501234', '999991234', '950931234', '900011234', '912381234']) {
    expect(bound.parse(number).ok).toBe(false);
    expect(bound.isToken(number)).toBe(false);
  }
});

test('a token is known with its dashes', () => {
  expect(bound.isToken(bound.tokenForm('666-54-6377'))).toBe(true);
  expect(bound.isToken('666-54-6377')).toBe(false);
});

test('a mask shows the last four at most', () => {
  expect(bound.mask('219099999')).toBe('*****9999');
  expect(schema.safeParse({ mask: { last: 5 } }).success).toBe(false);
  expect(schema.safeParse({ mask: { first: 3 } }).success).toBe(false);
  expect(ssn.problems(schema.parse({}))).toEqual([]);
});
