import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindFields, equalBytes } from '../../src/crypto/encoding.ts';
import type { Field } from '../../src/crypto/encoding.ts';
import { bindSlowly } from './slow-twin.ts';

const field = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
  fc.maxSafeNat(),
  fc.nat(300),
);

/** Reads bound bytes back: if every list of fields can be read back, no two lists are bound to the same bytes. */
function unbind(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  const view = Buffer.from(bytes);
  for (let at = 0; at < view.length;) {
    const content = view.subarray(at + 5, at + 5 + view.readUInt32BE(at + 1));
    const kind = view[at];
    if (kind === 0) fields.push(null);
    else if (kind === 1) fields.push(Uint8Array.from(content));
    else if (kind === 2) fields.push(content.toString('utf8'));
    else fields.push(Number(content.readBigUInt64BE()));
    at += 5 + content.length;
  }
  return fields;
}

describe('bindFields', () => {
  it('can be read back, so no two field lists give the same bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(field, { maxLength: 8 }), (domain, fields) => {
        expect(unbind(bindFields(domain, ...fields))).toEqual([domain, ...fields]);
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with its slow twin', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 8 }), (fields) => {
        expect(Buffer.compare(bindFields('d', ...fields), bindSlowly('d', ...fields))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('tells apart what careless encodings confuse', () => {
    const lists: Field[][] = [
      [],
      [null],
      [''],
      [new Uint8Array(0)],
      [0],
      ['0'],
      [1],
      [2 ** 32],
      [2 ** 32 + 1],
      [new Uint8Array(8)],
      [Uint8Array.of(48)],
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      ['a', 'b', 'c'],
      [null, null],
      ['', ''],
      ['é'],
      ['e\u0301'],
      [Uint8Array.of(0xc3, 0xa9)],
    ];
    const seen = new Set(lists.map((list) => Buffer.from(bindFields('d', ...list)).toString('hex')));
    expect(seen.size).toBe(lists.length);
    expect(bindFields('ab', 'c')).not.toEqual(bindFields('a', 'bc'));
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('refuses the number %s', (number) => {
    expect(() => bindFields('d', number)).toThrow(RangeError);
  });

  it.each(['\ud800', 'a\udc00b', '\udc00\ud800'])('refuses lone surrogates (%j)', (text) => {
    expect(() => bindFields('d', text)).toThrow(RangeError);
    expect(() => bindFields(text)).toThrow(RangeError);
  });
});

it('equalBytes compares lengths and bytes', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
});
