import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { text } from '../../src/formats/text.ts';

const bound = text.bind({}, { environment: 'production' });
const unicode = fc.string({ unit: 'binary', minLength: 1, maxLength: 600 });

describe('parse', () => {
  test('gives any Unicode text back byte for byte', () => {
    fc.assert(
      fc.property(unicode, (given) => {
        expect(bound.parse(given)).toEqual({ ok: true, normal: given });
      }),
    );
  });

  test.each([
    ['NUL', 'a\u0000b'],
    ['right to left', 'שלום \u202e123'],
    ['an emoji of several code points', '👩‍👩‍👧‍👦'],
    ['decomposed', 'e\u0301'],
    ['a byte order mark', '\ufeffx'],
    ['spaces and line ends', '  \r\n\t '],
    ['a noncharacter', '\uffff'],
  ])('keeps %s as it is', (_, given) => {
    expect(bound.parse(given)).toEqual({ ok: true, normal: given });
  });

  test('counts bytes of UTF-8', () => {
    expect(bound.parse('a'.repeat(4096)).ok).toBe(true);
    expect(bound.parse('é'.repeat(2048)).ok).toBe(true);
    expect(bound.parse('👍'.repeat(1024)).ok).toBe(true);
    for (const long of ['a'.repeat(4097), `${'é'.repeat(2048)}a`, `${'👍'.repeat(1024)}a`]) {
      expect(bound.parse(long)).toEqual({ ok: false, reason: 'too_long' });
    }
  });

  test('refuses what is empty or not text', () => {
    expect(bound.parse('')).toEqual({ ok: false, reason: 'empty' });
    for (const lone of ['\ud800', 'a\udc00b', '\udc00\ud800', '👍\ud83d']) {
      expect(bound.parse(lone)).toEqual({ ok: false, reason: 'not_text' });
    }
  });
});

describe('space', () => {
  const space = bound.space('anything');

  test('is wider than 128 bits and the same for every value', () => {
    expect(space.size).toBe(58n ** 22n);
    expect(space.size).toBeGreaterThan(2n ** 128n);
    expect(bound.smallest).toEqual({ size: space.size, what: '22 base58 characters' });
    expect(bound.space('else').bucket).toBe(space.bucket);
  });

  test('runs from all ones to all z', () => {
    expect(space.at(0n)).toBe(`tok_production_${'1'.repeat(22)}`);
    expect(space.at(58n)).toBe(`tok_production_${'1'.repeat(20)}21`);
    expect(space.at(space.size - 1n)).toBe(`tok_production_${'z'.repeat(22)}`);
    expect(() => space.at(space.size)).toThrow(RangeError);
    expect(() => space.at(-1n)).toThrow(RangeError);
  });

  test('gives distinct tokens of the shape', () => {
    const index = fc.bigInt(0n, space.size - 1n);
    fc.assert(
      fc.property(index, index, (here, there) => {
        const token = space.at(here);
        expect(token).toMatch(/^tok_production_[1-9A-HJ-NP-Za-km-z]{22}$/);
        expect(bound.isToken(bound.tokenForm(token))).toBe(true);
        expect(space.at(there) === token).toBe(here === there);
      }),
    );
  });

  test('is not disjoint from values: a value may look like a token', () => {
    expect(bound.disjoint).toBe(false);
    expect(bound.parse(space.at(5n)).ok).toBe(true);
  });
});

test('a token of another environment, length or alphabet is none', () => {
  const token = bound.space('x').at(10n ** 30n);
  const staging = text.bind({}, { environment: 'staging' });
  expect(staging.isToken(token)).toBe(false);
  for (const given of [
    '',
    token.slice(1),
    `${token}1`,
    `${token}\n`,
    ` ${token}`,
    `${token.slice(0, -1)}0`,
  ]) {
    expect(bound.isToken(given)).toBe(false);
  }
});

test('an environment that would break the shape of tokens is refused', () => {
  for (const environment of ['', 'a_b', 'Production', 'a'.repeat(33), 'a\n']) {
    expect(() => text.bind({}, { environment })).toThrow(RangeError);
  }
});

test('a mask tells nothing, not even the length', () => {
  fc.assert(
    fc.property(unicode, (given) => {
      expect(bound.mask(given)).toBe('********');
    }),
  );
});
