import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { credential } from '../../src/formats/credential.ts';

const schema = z.strictObject(credential.shape);
const bind = (given: z.input<typeof schema> = {}) =>
  credential.bind(schema.parse(given), { environment: 'test' });
const shapeOf = (text: string): string =>
  text.replaceAll(/[0-9]/g, '9').replaceAll(/[a-z]/g, 'x').replaceAll(/[A-Z]/g, 'X');

// Published in documentation as examples, by AWS, RFC 6750 and xkcd 936.
test.each([
  'AKIAIOSFODNN7EXAMPLE',
  'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  'mF_9.B5f-4.1JqM',
  'correct horse battery staple',
  'p@ss-W0rd',
  '12345-.-',
  ' a1b2c3 ',
])('keeps %j byte for byte', (value) => {
  expect(bind().parse(value)).toEqual({ ok: true, normal: value });
});

test('counts 8 to 512 characters, 5 of them letters or digits', () => {
  expect(bind().parse('abcdefg')).toEqual({ ok: false, reason: 'length' });
  expect(bind().parse('a'.repeat(512)).ok).toBe(true);
  expect(bind().parse('a'.repeat(513))).toEqual({ ok: false, reason: 'too_long' });
  expect(bind().parse('!@#$%^&*()')).toEqual({ ok: false, reason: 'length' });
  expect(bind().parse('abcd----')).toEqual({ ok: false, reason: 'length' });
  expect(bind().parse('abcde---').ok).toBe(true);
  expect(bind({ drawn: 20 }).parse('a'.repeat(19))).toEqual({ ok: false, reason: 'length' });
});

test.each([
  'pässword1',
  'pass\tword',
  'password\n',
  'password\u0000',
  'pass\u007fword',
  'password\u200b',
  '密码密码密码密码',
])('refuses %j: text is for those', (text) => {
  expect(bind().parse(text)).toEqual({ ok: false, reason: 'malformed' });
});

describe('tokens', () => {
  const values = fc.stringMatching(/^[ -~]{3,200}[A-Za-z0-9]{5}$/);

  test('have each character’s class, the punctuation and the length', () => {
    fc.assert(
      fc.property(values, fc.bigInt(0n, 62n ** 205n), (value, x) => {
        const space = bind().space(value);
        expect(shapeOf(space.at(x % space.size))).toBe(shapeOf(value));
      }),
    );
  });

  test('are all that have the shape, by enumeration', () => {
    const space = bind().space('7---x9+A0');
    const tokens = new Set(Array.from({ length: 676_000 }, (_, index) => space.at(BigInt(index))));
    expect(space.size).toBe(676_000n);
    expect(tokens.size).toBe(676_000);
    for (const token of tokens) if (!/^[0-9]---[a-z][0-9]\+[A-Z][0-9]$/.test(token)) expect.fail(token);
  });

  test('a bucket says no more than a token shows', () => {
    fc.assert(
      fc.property(values, fc.bigInt(0n, 62n ** 205n), (value, x) => {
        const prefix = value.slice(0, 3);
        fc.pre(!prefix.includes(' '));
        const bound = bind({ prefix });
        const space = bound.space(value);
        const token = space.at(x % space.size);
        expect(bound.space(token).bucket).toBe(space.bucket);
      }),
    );
  });

  test('two shapes are two buckets', () => {
    const bucket = (value: string): string => bind().space(value).bucket;
    expect(bucket('abcd=0a=')).not.toBe(bucket('abcd=aa='));
    expect(bucket('abcde===')).not.toBe(bucket('abcdef=='));
    expect(bucket('abcde0=')).toBe(bucket('vwxyz9='));
  });

  test('are not apart from values', () => {
    expect(bind().disjoint).toBe(false);
    expect(bind().isToken('AKIAIOSFODNN7EXAMPLE')).toBe(true);
  });
});

describe('a prefix', () => {
  const live = bind({ prefix: 'acme_live_', drawn: 16 });

  test('is what every value begins with, and stays in clear', () => {
    expect(live.parse('acme_live_4eC39HqLyjWDarjtT1').ok).toBe(true);
    expect(live.parse('acme_test_4eC39HqLyjWDarjtT1')).toEqual({ ok: false, reason: 'malformed' });
    expect(live.parse('acme_live_4eC39H')).toEqual({ ok: false, reason: 'length' });
    expect(live.space('acme_live_4eC39HqLyjWDarjtT1').at(0n)).toBe('acme_live_0aA00AaAaaAAaaaaA0');
    expect(live.isToken('acme_test_4eC39HqLyjWDarjtT1')).toBe(false);
  });

  test('of letters and digits stays as it is', () => {
    const key = bind({ prefix: 'AKIA5', drawn: 8 }).space('AKIA5ODNN7EXAMPLE');
    expect(key.at(0n)).toBe('AKIA5AAAA0AAAAAAA');
    expect(key.at(key.size - 1n)).toBe('AKIA5ZZZZ9ZZZZZZZ');
  });

  test('does not count as drawn', () => {
    expect(bind({ prefix: 'abcdefgh' }).parse('abcdefgh1234')).toEqual({ ok: false, reason: 'length' });
    expect(bind({ prefix: 'abcdefgh' }).parse('abcdefgh12345').ok).toBe(true);
  });

  test('is printable, without a space', () => {
    for (const prefix of ['', 'a b', 'é', 'a\n', 'a'.repeat(33)]) {
      const parsed = schema.safeParse({ prefix });
      expect(parsed.error?.issues.map(({ message }) => message)).toEqual([
        'must be 1 to 32 printable ASCII characters without a space, as sk_live_',
      ]);
    }
  });
});

test('how many tokens there are is told by what is drawn at least', () => {
  expect(bind().smallest).toMatchObject({ size: 100_000n, what: 'a credential of 5 digits' });
  expect(bind().guessable).toBe(true);
  expect(bind({ drawn: 20 }).smallest.size).toBe(10n ** 20n);
  expect(bind({ drawn: 20 }).guessable).toBe(false);
  expect(schema.safeParse({ drawn: 4 }).success).toBe(false);
});

test('tokens stay tokens when more is asked of values', () => {
  const token = bind().space('p@ss-W0rd').at(7n);
  expect(bind({ drawn: 30 }).isToken(token)).toBe(true);
});

test('a mask tells nothing of length, and the last four at most', () => {
  expect(bind().mask('AKIAIOSFODNN7EXAMPLE')).toBe('********');
  expect(bind({ mask: { last: 4 } }).mask('AKIAIOSFODNN7EXAMPLE')).toBe('********MPLE');
  const problems = (given: z.input<typeof schema>) => credential.problems(schema.parse(given));
  expect(problems({ mask: { last: 4 } })).toEqual([]);
  // After `AKIA` the shortest value has five characters, so that four would be nearly all of it.
  expect(problems({ prefix: 'AKIA', mask: { last: 4 } })).toEqual([
    {
      path: ['mask'],
      problem: 'showing 0 + 4 of 5 characters hides less than half of them',
      instead: 'show at most 2, as in mask: { last: 2 }',
    },
  ]);
  expect(problems({ prefix: 'AKIA', drawn: 16, mask: { last: 4 } })).toEqual([]);
});
