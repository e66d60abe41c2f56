import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/crypto/fingerprint.ts';
import { HmacSha256 } from '../../src/crypto/hmac.ts';
import { Secret } from '../../src/crypto/key.ts';
import { addDigest, keyedHash, mac, macMatches, subtractDigest } from '../../src/crypto/mac.ts';
import { keyedHashSlowly, macSlowly } from './slow-twin.ts';

const keyBytes = new Uint8Array(32).fill(9);
const key = new Secret(keyBytes);
const other = new Secret(new Uint8Array(32).fill(8));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('HMAC-SHA-256', () => {
  it('agrees with noble for every key and message length, call after call', () => {
    const prepared = new HmacSha256(keyBytes);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 1000, 1023, 1024, 1025, 5000, 3, 0]) {
      const message = new Uint8Array(length).fill(length);
      expect(hex(prepared.writeTo(Buffer.alloc(32), 0, message))).toBe(hex(hmac(sha256, keyBytes, message)));
    }
    for (const length of [0, 1, 32, 63, 64, 65, 200]) {
      const long = new Uint8Array(length).fill(3);
      const made = new HmacSha256(long).writeTo(Buffer.alloc(32), 0, keyBytes);
      expect(hex(made)).toBe(hex(hmac(sha256, long, keyBytes)));
    }
  });

  it('writes where it is told, and no further than there is room', () => {
    const whole = hex(hmac(sha256, keyBytes, Uint8Array.of(1)));
    const out = new HmacSha256(keyBytes).writeTo(Buffer.alloc(20, 0xee), 4, Uint8Array.of(1));
    expect(hex(out)).toBe('eeeeeeee' + whole.slice(0, 32));
  });
});

describe('mac and keyedHash', () => {
  const fields = ['clients', 'cli_01', 7, null, Uint8Array.of(0, 255)];

  it('agree with their slow twins', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeNat())), (list) => {
        expect(hex(mac(key, 'd', ...list))).toBe(hex(macSlowly(keyBytes, 'd', ...list)));
        expect(hex(keyedHash(key, 'd', ...list))).toBe(hex(keyedHashSlowly(keyBytes, 'd', ...list)));
      }),
    );
  });

  it('match nothing but the same key, domain, fields and suite', () => {
    const stored = mac(key, 'row', ...fields);
    expect(stored[0]).toBe(1);
    expect(macMatches(key, stored, 'row', ...fields)).toBe(true);
    expect(macMatches(other, stored, 'row', ...fields)).toBe(false);
    expect(macMatches(key, stored, 'rows', ...fields)).toBe(false);
    for (let at = 0; at < fields.length; at += 1) {
      expect(macMatches(key, stored, 'row', ...fields.with(at, 'changed'))).toBe(false);
      expect(macMatches(key, stored, 'row', ...fields.toSpliced(at, 1))).toBe(false);
    }
    for (let bit = 0; bit < stored.length * 8; bit += 1) {
      const changed = Uint8Array.from(stored, (byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(macMatches(key, changed, 'row', ...fields)).toBe(false);
    }
    expect(macMatches(key, stored.subarray(1), 'row', ...fields)).toBe(false);
    expect(macMatches(key, new Uint8Array(0), 'row', ...fields)).toBe(false);
  });
});

describe('fingerprint', () => {
  const of = { format: 'pan', normalisation: 1, normal: '4111111111111111', subjectId: 'sub_01' };

  it('is the same for the same value and different for any other', () => {
    const first = hex(fingerprint(key, of));
    expect(first).toHaveLength(32);
    expect(hex(fingerprint(key, { ...of }))).toBe(first);
    const others = [
      { ...of, format: 'iban' },
      { ...of, normalisation: 2 },
      { ...of, normal: '4111111111111112' },
      { ...of, subjectId: 'sub_02' },
      { ...of, subjectId: null },
      { ...of, subjectId: '' },
    ];
    const seen = new Set([
      first,
      hex(fingerprint(other, of)),
      ...others.map((o) => hex(fingerprint(key, o))),
    ]);
    expect(seen.size).toBe(others.length + 2);
  });
});

describe('a table digest', () => {
  const zero = new Uint8Array(32);
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const number = (big: Uint8Array) => BigInt(`0x${hex(big)}`);

  it('is the sum of the MACs mod 2^256, and taking out undoes adding in', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (sum, digest) => {
        const row = Uint8Array.of(1, ...digest);
        const added = addDigest(sum, row);
        expect(number(added)).toBe((number(sum) + number(digest)) % 2n ** 256n);
        expect(hex(subtractDigest(added, row))).toBe(hex(sum));
      }),
    );
  });

  it('wraps round, and does not depend on the order', () => {
    const ones = Uint8Array.of(1, ...new Uint8Array(32).fill(0xff));
    const one = Uint8Array.of(1, ...new Uint8Array(31), 1);
    expect(hex(addDigest(addDigest(zero, ones), one))).toBe(hex(zero));
    expect(hex(subtractDigest(zero, one))).toBe('ff'.repeat(32));
    const rows = ['a', 'b', 'c'].map((row) => mac(key, 'row', row));
    expect(rows.reduce(addDigest, zero)).toEqual(rows.toReversed().reduce(addDigest, zero));
  });

  it('refuses what is not a sum and a row MAC of suite 1', () => {
    const row = mac(key, 'row');
    expect(() => addDigest(zero.subarray(1), row)).toThrow(RangeError);
    expect(() => addDigest(zero, row.subarray(1))).toThrow(RangeError);
    expect(() => subtractDigest(zero, Uint8Array.of(2, ...row.subarray(1)))).toThrow(RangeError);
  });
});
