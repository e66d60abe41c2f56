import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { abaRouting } from '../../src/formats/aba-routing.ts';

const schema = z.strictObject(abaRouting.shape);
const bound = abaRouting.bind(schema.parse({}), { environment: 'test' });

/** The check as the ABA writes it: 3(d1+d4+d7) + 7(d2+d5+d8) + (d3+d6+d9) is a multiple of ten. */
function passes(number: string): boolean {
  const [d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0, d8 = 0, d9 = 0] = Array.from(number, Number);
  return (3 * (d1 + d4 + d7) + 7 * (d2 + d5 + d8) + d3 + d6 + d9) % 10 === 0;
}

// Federal Reserve Banks, banks that print theirs, the Treasury (00), a thrift (2x), and traveller's cheques (80).
test.each([
  '011000015',
  '021001208',
  '031000040',
  '021000021',
  '026009593',
  '111000025',
  '121000248',
  '122105155',
  '322271627',
  '000000518',
  '800000019',
])('accepts %s', (value) => {
  expect(passes(value)).toBe(true);
  expect(bound.parse(value)).toEqual({ ok: true, normal: value });
  const grouped = `${value.slice(0, 4)}-${value.slice(4, 8)}-${value.slice(8)}`;
  expect(bound.parse(grouped)).toEqual({ ok: true, normal: value });
});

test('refuses every number with one digit mistyped, and neighbours exchanged unless they are five apart', () => {
  for (const value of ['011000015', '021000021', '322271627']) {
    for (let at = 0; at < 9; at++) {
      for (let digit = 0; digit < 10; digit++) {
        const mistyped = value.slice(0, at) + digit + value.slice(at + 1);
        expect(bound.parse(mistyped).ok).toBe(mistyped === value);
      }
    }
  }
  expect(bound.parse('012000015')).toEqual({ ok: false, reason: 'checksum' });
});

test('refuses every first pair that is never assigned, whatever the check says', () => {
  const taken = new Set<string>();
  for (let pair = 0; pair < 100; pair++) {
    const start = String(pair).padStart(2, '0');
    const passing = Array.from({ length: 10 }, (_, digit) => `${start}000000${digit}`).find(passes) ?? '';
    if (bound.parse(passing).ok) taken.add(start);
    else expect(bound.parse(passing)).toEqual({ ok: false, reason: 'malformed' });
  }
  const range = (low: number, high: number): string[] =>
    Array.from({ length: high - low + 1 }, (_, i) => String(low + i).padStart(2, '0'));
  expect([...taken].toSorted()).toEqual([...range(0, 12), ...range(21, 32), ...range(61, 72), '80']);
});

test.each([
  ['', 'empty'],
  ['01100001', 'malformed'],
  ['0110000150', 'malformed'],
  ['01100001a', 'malformed'],
  ['０１１０００００１５', 'malformed'],
])('refuses %j as %s', (text, reason) => {
  expect(bound.parse(text)).toEqual({ ok: false, reason });
});

test('tokens begin with no assigned pair and fail the check', () => {
  const space = bound.space('011000015');
  expect(space.size).toBe(558_000_000n);
  fc.assert(
    fc.property(fc.bigInt(0n, space.size - 1n), (index) => {
      const token = space.at(index);
      expect(token).toMatch(/^[0-9]{9}$/);
      expect(passes(token)).toBe(false);
      // The pair alone keeps it from being a value: with its check digit put right it is refused all the same.
      const right = Array.from({ length: 10 }, (_, digit) => token.slice(0, 8) + digit).find(passes) ?? '';
      expect(bound.parse(right)).toEqual({ ok: false, reason: 'malformed' });
      expect(bound.isToken(right)).toBe(false);
    }),
  );
});

test('a mask shows half at most', () => {
  expect(bound.mask('011000015')).toBe('*****0015');
  expect(abaRouting.problems(schema.parse({ mask: { first: 4, last: 1 } })).map(({ path }) => path)).toEqual([
    ['mask'],
  ]);
});
