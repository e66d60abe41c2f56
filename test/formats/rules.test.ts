import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bindOptions, collectionSchema, FORMAT_NAMES, optionsProblems } from '../../src/formats/catalogue.ts';
import type { BoundFormat } from '../../src/formats/format.ts';
import { VALUES } from './values.ts';
import { cpuTimeOf } from './cpu-time.ts';

// The rules that all formats keep, whatever a value is, with every set of options that changes tokens.

const collection = collectionSchema({});
const accepted = { payable: 'accepted' };
const OPTIONS: Readonly<Record<(typeof FORMAT_NAMES)[number], readonly object[]>> = {
  pan: [{ lengths: { min: 15, max: 19 } }, { lengths: { min: 16, max: 19 }, luhn: 'valid', ...accepted }],
  iban: [{}, { bankCode: 'kept' }, { bankCode: 'kept', checkDigits: 'issuable', ...accepted }],
  'account-number': [accepted, { lengths: { min: 10, max: 17 }, keep: { first: 1, last: 4 }, ...accepted }],
  'aba-routing': [{}],
  ssn: [{}],
  phone: [{}],
  email: [{}, { domain: 'kept' }],
  credential: [{}, { drawn: 12 }],
  uuid: [{}],
  digits: [accepted, { lengths: { min: 12, max: 64 }, keep: { first: 3, last: 3 }, ...accepted }],
  alphanumeric: [accepted, { lengths: { min: 12, max: 64 }, keep: { first: 3, last: 3 }, ...accepted }],
  text: [{}],
};
const REASONS = ['not_text', 'empty', 'too_long', 'malformed', 'length', 'checksum', 'sensitive'];

const cases = FORMAT_NAMES.flatMap((name) => OPTIONS[name].map((options) => ({ name, options })));

describe.each(cases)('$name $options', ({ name, options }) => {
  const parsed = collection.parse({ format: name, ...options });
  const bound: BoundFormat = bindOptions(parsed, { environment: 'test' });
  /** Normal forms that these options accept. */
  const normals = VALUES[name]
    .map((value) => bound.parse(value))
    .filter((result) => result.ok)
    .map((result) => (result.ok ? result.normal : ''));

  test('has no problems', () => {
    expect(optionsProblems(parsed)).toEqual([]);
  });

  test('accepts values by the published rules, and its own normal forms as they are', () => {
    fc.assert(
      fc.property(VALUES[name], (value) => {
        const result = bound.parse(value);
        // Options may ask for longer values than the format accepts.
        if (result.ok) expect(bound.parse(result.normal)).toEqual(result);
        else expect(result.reason, value).toBe('length');
      }),
    );
  });

  test('gives distinct tokens of the shape, none of them the value, and says honestly whether they can be values', () => {
    const somewhere = fc.bigInt(0n, 10n ** 1200n);
    fc.assert(
      fc.property(normals, somewhere, somewhere, (normal, x, y) => {
        const space = bound.space(normal);
        const [here, there] = [x % space.size, y % space.size];
        const token = space.at(here);
        expect(token.length).toBeLessThanOrEqual(512);
        expect(bound.isToken(token)).toBe(true);
        expect(bound.tokenForm(token)).toBe(token);
        expect(space.at(there) === token).toBe(here === there);
        if (!bound.disjoint) return;
        expect(token).not.toBe(normal);
        expect(bound.parse(token).ok).toBe(false);
        expect(bound.isToken(normal)).toBe(false);
      }),
    );
  });

  test('has one space for each bucket, never smaller than the smallest', () => {
    expect(bound.smallest.size).toBeGreaterThanOrEqual(90_000n);
    fc.assert(
      fc.property(normals, normals, fc.bigInt(0n, 10n ** 1200n), (one, other, x) => {
        const [space, second] = [bound.space(one), bound.space(other)];
        expect(space.size).toBeGreaterThanOrEqual(bound.smallest.size);
        const index = x % space.size;
        if (space.bucket === second.bucket) {
          expect(second.size).toBe(space.size);
          expect(second.at(index)).toBe(space.at(index));
        } else if (x % second.size === index) {
          expect(second.at(index)).not.toBe(space.at(index));
        }
      }),
    );
  });

  test('a bucket tells nothing that a token of it does not show', () => {
    fc.assert(
      fc.property(normals, fc.bigInt(0n, 10n ** 1200n), (normal, x) => {
        const space = bound.space(normal);
        const token = space.at(x % space.size);
        // A token's own bucket, where a token can be asked for one.
        if (!bound.disjoint && bound.parse(token).ok) expect(bound.space(token).bucket).toBe(space.bucket);
      }),
    );
  });

  test('throws outside of a space', () => {
    fc.assert(
      fc.property(normals, (normal) => {
        const space = bound.space(normal);
        expect(() => space.at(-1n)).toThrow(RangeError);
        expect(() => space.at(space.size)).toThrow(RangeError);
        expect(bound.isToken(space.at(space.size - 1n))).toBe(true);
        expect(bound.isToken(space.at(0n))).toBe(true);
      }),
    );
  });

  test('a mask shows at most half of a value', () => {
    fc.assert(
      fc.property(normals, (normal) => {
        const shown = bound.mask(normal).replaceAll(/[*@+-]/g, '');
        expect(shown.length * 2).toBeLessThanOrEqual(normal.length);
      }),
    );
  });

  test('refuses with a constant word and knows tokens without throwing, whatever it is given', () => {
    const near = fc
      .tuple(VALUES[name], fc.nat(), fc.string({ unit: 'binary', maxLength: 2 }))
      .map(([value, place, change]) => {
        const at = place % (value.length + 1);
        return value.slice(0, at) + change + value.slice(at + 1);
      });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), near), (text) => {
        const result = bound.parse(text);
        if (!result.ok) expect(REASONS).toContain(result.reason);
        expect(Object.keys(result).toSorted()).toEqual(result.ok ? ['normal', 'ok'] : ['ok', 'reason']);
        expect(typeof bound.isToken(text)).toBe('boolean');
        expect(bound.tokenForm(bound.tokenForm(text))).toBe(bound.tokenForm(text));
        if (result.ok && bound.disjoint) expect(bound.isToken(bound.tokenForm(text))).toBe(false);
      }),
    );
    expect(bound.parse('')).toEqual({ ok: false, reason: 'empty' });
    expect(bound.parse('\ud800').ok).toBe(false);
  });

  test('answers at once for long and repetitive texts', () => {
    for (const part of ['0', 'a', '0 ', '0-', '+1 ', '+(', 'a.', 'a@', '@a.', 'tok-', 'DE00', '4111 ']) {
      const long = part.repeat(65_536 / part.length);
      const all = () => {
        for (const text of [long, long.slice(0, 500), long.slice(0, 63), `+${long.slice(0, 38)}x`]) {
          bound.parse(text);
          bound.isToken(text);
          bound.tokenForm(text);
        }
      };
      expect(cpuTimeOf(all)).toBeLessThan(2000);
    }
  });
});
