import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCell, sealCell } from '../../src/crypto/cell.ts';
import type { CellBinding } from '../../src/crypto/cell.ts';
import { Secret } from '../../src/crypto/key.ts';
import { openXChaCha, sealXChaCha } from '../../src/crypto/xchacha.ts';
import { sealCellSlowly } from './slow-twin.ts';

const keyBytes = Uint8Array.from({ length: 32 }, (_, i) => 5 * i);
const key = new Secret(keyBytes);
const nonce = Uint8Array.from({ length: 24 }, (_, i) => 7 * i);
const plaintext = Buffer.from('4111111111111111');
const binding: CellBinding = {
  kind: 'value',
  keyId: 'key_01',
  collectionId: 'col_01',
  row: Uint8Array.from({ length: 16 }, (_, i) => i),
  token: '4111119876541111',
  subjectId: 'sub_01',
  expiresAt: 1_790_000_000_000,
  version: 1,
  creator: 'cli_01',
};

describe('a cell', () => {
  const cell = sealCell(key, nonce, plaintext, binding);

  it('opens to what was sealed, under its key and binding', () => {
    expect(openCell(key, cell, binding)).toEqual(plaintext);
  });

  it('fails to open after any bit flip, any cut and any addition', () => {
    for (let bit = 0; bit < cell.length * 8; bit += 1) {
      const changed = Uint8Array.from(cell);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(openCell(key, changed, binding), `bit ${bit}`).toBeNull();
    }
    for (let length = 0; length < cell.length; length += 1) {
      expect(openCell(key, cell.subarray(0, length), binding), `${length} bytes`).toBeNull();
    }
    expect(openCell(key, Buffer.concat([cell, Buffer.of(0)]), binding)).toBeNull();
  });

  it('fails to open with another key', () => {
    expect(openCell(new Secret(new Uint8Array(32)), cell, binding)).toBeNull();
  });

  const changes = {
    kind: ['value-with-metadata', 'metadata', 'subject'],
    keyId: ['key_02', ''],
    collectionId: ['col_02', ''],
    row: [Uint8Array.from({ length: 16 }, (_, i) => i + 1), new Uint8Array(0), null],
    token: ['4111119876541112', ''],
    subjectId: ['sub_02', '', null],
    expiresAt: [1_790_000_000_001, 0, null],
    version: [2, 0],
    creator: ['cli_02', ''],
  } satisfies { [Name in keyof CellBinding]: CellBinding[Name][] };

  it.each(Object.entries(changes))('fails to open when its %s changes', (name, others) => {
    expect(others.length).toBeGreaterThan(0);
    for (const other of others) expect(openCell(key, cell, { ...binding, [name]: other })).toBeNull();
  });

  it('fails to open when two fields trade places or a boundary moves', () => {
    const swapped = { ...binding, keyId: binding.collectionId, collectionId: binding.keyId };
    const moved = { ...binding, keyId: 'key_0', collectionId: '1col_01' };
    expect(openCell(key, cell, swapped)).toBeNull();
    expect(openCell(key, cell, moved)).toBeNull();
  });

  it('agrees with its slow twin for every length and binding', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const bindings: fc.Arbitrary<CellBinding> = fc.record({
      kind: fc.constantFrom('value', 'value-with-metadata', 'metadata', 'subject'),
      keyId: text,
      collectionId: text,
      row: fc.option(fc.uint8Array({ maxLength: 20 })),
      token: text,
      subjectId: fc.option(text),
      expiresAt: fc.option(fc.maxSafeNat()),
      version: fc.maxSafeNat(),
      creator: text,
    });
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(32), bytes(24), fc.uint8Array({ maxLength: 300 }), bindings, (k, n, p, b) => {
        const secret = new Secret(k);
        const sealed = sealCell(secret, n, p, b);
        expect(Buffer.compare(sealed, sealCellSlowly(k, n, p, b))).toBe(0);
        expect(Buffer.compare(openCell(secret, sealed, b) ?? Buffer.of(0), p)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe('XChaCha20-Poly1305', () => {
  it('agrees with noble around block and buffer boundaries, call after call', () => {
    for (const length of [0, 1, 15, 16, 17, 63, 64, 65, 4095, 4096, 9000, 70_000]) {
      const message = new Uint8Array(length).fill(length);
      const aad = new Uint8Array(length % 40).fill(1);
      const sealed = sealXChaCha(key, nonce, message, aad);
      expect(Buffer.compare(sealed, xchacha20poly1305(keyBytes, nonce, aad).encrypt(message))).toBe(0);
      const opened = openXChaCha(key, nonce, sealed, aad);
      expect(opened?.length).toBe(length);
      expect(Buffer.compare(opened ?? Buffer.of(0), message)).toBe(0);
    }
  });

  it('refuses nonces that are not 24 bytes', () => {
    const sealed = sealXChaCha(key, nonce, plaintext, new Uint8Array(0));
    for (const length of [0, 8, 12, 23, 25]) {
      expect(() => sealXChaCha(key, new Uint8Array(length), plaintext, new Uint8Array(0))).toThrow(
        RangeError,
      );
      expect(openXChaCha(key, new Uint8Array(length), sealed, new Uint8Array(0))).toBeNull();
    }
  });
});
