import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { capacityProblem } from '../../src/formats/capacity.ts';
import { pan } from '../../src/formats/pan.ts';

const schema = z.strictObject(pan.shape);
const problems = (given: z.input<typeof schema>) => pan.problems(schema.parse(given));
const smallest = (given: z.input<typeof schema>) =>
  pan.bind(schema.parse(given), { environment: 'test' }).smallest;

describe('the shape', () => {
  test('fills in what is not said', () => {
    expect(schema.parse({})).toEqual({
      lengths: { min: 12, max: 19 },
      keep: { first: 6, last: 4 },
      luhn: 'invalid',
      mask: { first: 0, last: 4 },
      payable: null,
    });
  });

  test.each([
    { lengths: { min: 11, max: 19 } },
    { lengths: { min: 12, max: 20 } },
    { lengths: { min: 15.5, max: 19 } },
    { keep: { first: 9, last: 4 } },
    { keep: { first: 6, last: 5 } },
    { keep: { first: -1, last: 4 } },
    { keep: { first: 6, last: 4, middle: 1 } },
    { luhn: 'either' },
    { mask: { last: 5 } },
    { payable: true },
    { length: { min: 15, max: 19 } },
  ])('refuses %j', (given) => {
    expect(schema.safeParse(given).success).toBe(false);
  });
});

describe('capacity', () => {
  test('is of the shortest accepted value', () => {
    expect(smallest({ lengths: { min: 15, max: 19 } })).toEqual({
      size: 90_000n,
      what: '15 digits keeping 6 + 4',
    });
    expect(smallest({ lengths: { min: 16, max: 16 } }).size).toBe(900_000n);
    expect(smallest({ lengths: { min: 16, max: 16 }, luhn: 'valid' }).size).toBe(100_000n);
    expect(smallest({ lengths: { min: 16, max: 16 }, luhn: 'valid', keep: { first: 8, last: 4 } }).size).toBe(
      1000n,
    );
    expect(smallest({ keep: { first: 8, last: 4 } }).size).toBe(0n);
  });

  test('equals the size of the space of a value of that length', () => {
    const bound = pan.bind(schema.parse({ lengths: { min: 15, max: 19 } }), { environment: 'test' });
    expect(bound.space('378282246310005').size).toBe(bound.smallest.size);
  });

  test('refuses under 90,000 tokens and under 20 times what is expected', () => {
    const bucket = (size: bigint) => ({ size, what: '15 digits keeping 6 + 4' });
    expect(capacityProblem(bucket(90_000n), null)).toBeNull();
    expect(capacityProblem(bucket(90_000n), 4500)).toBeNull();
    expect(capacityProblem(bucket(90_000n), 4501)).toEqual({
      problem: '15 digits keeping 6 + 4 leaves 90000 tokens, under 20 times the 4501 values expected',
      instead: 'expect at most 4500, keep fewer characters, or accept only longer values',
    });
    expect(capacityProblem(bucket(89_999n), null)?.problem).toBe(
      '15 digits keeping 6 + 4 leaves 89999 tokens, under the least of 90000',
    );
    expect(capacityProblem(bucket(89_999n), 1)?.problem).toContain('the least of 90000');
  });
});

describe('problems', () => {
  test('are none for what works', () => {
    expect(problems({ lengths: { min: 15, max: 19 } })).toEqual([]);
    expect(problems({ keep: { first: 6, last: 1 } })).toEqual([]);
    expect(problems({ lengths: { min: 16, max: 16 }, luhn: 'valid', payable: 'accepted' })).toEqual([]);
  });

  test('name what would work', () => {
    expect(problems({})).toEqual([
      {
        path: ['keep'],
        problem: '12 digits keeping 6 + 4 leaves 90 tokens, under the least of 90000',
        instead: 'keep: { first: 6, last: 1 }, or lengths: { min: 15, max: 19 }',
      },
    ]);
    expect(problems({ lengths: { min: 12, max: 14 } })[0]?.instead).toBe('keep: { first: 6, last: 1 }');
    expect(problems({ lengths: { min: 15, max: 14 } })).toContainEqual({
      path: ['lengths'],
      problem: 'no length is at least 15 and at most 14',
      instead: 'min: 14, max: 15',
    });
    expect(problems({ lengths: { min: 15, max: 19 }, mask: { first: 4, last: 4 } })).toEqual([
      {
        path: ['mask'],
        problem: 'showing 4 + 4 of 15 digits hides less than half of them',
        instead: 'show at most 7 digits, as in mask: { last: 4 }',
      },
    ]);
    expect(problems({ lengths: { min: 16, max: 16 }, luhn: 'valid' }).map(({ path }) => path)).toEqual([
      ['payable'],
    ]);
  });

  test('what is named for a small bucket is itself accepted', () => {
    const choice = fc.record({
      lengths: fc.record({ min: fc.integer({ min: 12, max: 19 }), max: fc.constant(19) }),
      keep: fc.record({ first: fc.nat(8), last: fc.nat(4) }),
      luhn: fc.constantFrom('invalid' as const, 'valid' as const),
      payable: fc.constant('accepted' as const),
    });
    fc.assert(
      fc.property(choice, (given) => {
        const small = problems(given).find(({ path }) => path[0] === 'keep');
        if (small === undefined) {
          expect(smallest(given).size).toBeGreaterThanOrEqual(90_000n);
          return;
        }
        expect(smallest(given).size).toBeLessThan(90_000n);
        const [first, last] = Array.from(small.instead.matchAll(/\d+/g), Number);
        const keep = z.object({ first: z.number(), last: z.number() }).parse({ first, last });
        expect(problems({ ...given, keep })).toEqual([]);
        const min = /min: (\d+)/.exec(small.instead)?.[1];
        if (min !== undefined)
          expect(problems({ ...given, lengths: { min: Number(min), max: 19 } })).toEqual([]);
      }),
    );
  });
});
