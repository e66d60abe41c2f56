import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openCell, sealCell } from '../../src/crypto/cell.ts';
import { bindFields } from '../../src/crypto/encoding.ts';
import { fingerprint } from '../../src/crypto/fingerprint.ts';
import { commitment, Secret } from '../../src/crypto/key.ts';
import { keyedHash, mac } from '../../src/crypto/mac.ts';
import { commitSlowly, keyedHashSlowly, labelSlowly, macSlowly, sealCellSlowly } from './slow-twin.ts';

// These bytes are in stores: a change here is a release decision. They were made by the slow twin, not by src/.

const hex = z.string().transform((text) => Uint8Array.from(Buffer.from(text, 'hex')));

function frozen<Shape extends z.ZodType>(name: string, shape: Shape): z.infer<Shape>[] {
  const text = readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8');
  return z.array(shape).min(3).parse(JSON.parse(text));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('frozen vectors', () => {
  const binding = z.strictObject({
    kind: z.enum(['value', 'value-with-metadata', 'metadata', 'subject']),
    keyId: z.string(),
    collectionId: z.string(),
    row: hex.nullable(),
    token: z.string(),
    subjectId: z.string().nullable(),
    expiresAt: z.int().nullable(),
    version: z.int(),
    creator: z.string(),
  });
  const cell = z.strictObject({ name: z.string(), key: hex, nonce: hex, plaintext: hex, binding, cell: hex });

  it.each(frozen('cell.json', cell))('cell: $name', (vector) => {
    const key = new Secret(vector.key);
    const bytes = toHex(vector.cell);
    expect(toHex(sealCell(key, vector.nonce, vector.plaintext, vector.binding))).toBe(bytes);
    expect(toHex(sealCellSlowly(vector.key, vector.nonce, vector.plaintext, vector.binding))).toBe(bytes);
    const opened = openCell(key, vector.cell, vector.binding);
    expect(opened === null ? null : toHex(opened)).toBe(toHex(vector.plaintext));
  });

  const of = z.strictObject({
    format: z.string(),
    normalisation: z.int(),
    normal: z.string(),
    subjectId: z.string().nullable(),
  });

  it.each(frozen('fingerprint.json', z.strictObject({ key: hex, of, fingerprint: hex })))(
    'fingerprint: $of',
    (vector) => {
      const { format, normalisation, normal, subjectId } = vector.of;
      const fields = ['strongroom/fingerprint/v1', format, normalisation, normal, subjectId];
      expect(toHex(fingerprint(new Secret(vector.key), vector.of))).toBe(toHex(vector.fingerprint));
      expect(toHex(keyedHashSlowly(vector.key, ...fields))).toBe(toHex(vector.fingerprint));
    },
  );

  it.each(
    frozen('commitment.json', z.strictObject({ key: hex, context: hex, label: z.string(), commitment: hex })),
  )('commitment and label: $label', (vector) => {
    const key = new Secret(vector.key);
    expect(toHex(commitment(key, vector.context))).toBe(toHex(vector.commitment));
    expect(toHex(commitSlowly(vector.key, vector.context))).toBe(toHex(vector.commitment));
    expect(String(key)).toBe(vector.label);
    expect(labelSlowly(vector.key)).toBe(vector.label);
  });

  const field = z.union([
    z.string(),
    z.int(),
    z.null(),
    z.strictObject({ hex }).transform((bytes) => bytes.hex),
  ]);
  const row = z.strictObject({
    key: hex,
    domain: z.string(),
    fields: z.array(field),
    bound: hex,
    mac: hex,
    keyedHash: hex,
  });

  it.each(frozen('mac.json', row))('mac and keyed hash: $fields', (vector) => {
    const key = new Secret(vector.key);
    expect(toHex(bindFields(vector.domain, ...vector.fields))).toBe(toHex(vector.bound));
    expect(toHex(mac(key, vector.domain, ...vector.fields))).toBe(toHex(vector.mac));
    expect(toHex(macSlowly(vector.key, vector.domain, ...vector.fields))).toBe(toHex(vector.mac));
    expect(toHex(keyedHash(key, vector.domain, ...vector.fields))).toBe(toHex(vector.keyedHash));
  });
});
