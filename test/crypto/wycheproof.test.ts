import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { HmacSha256 } from '../../src/crypto/hmac.ts';
import { hkdfSha256, Secret } from '../../src/crypto/key.ts';
import { openXChaCha, sealXChaCha } from '../../src/crypto/xchacha.ts';
import { describeVectors } from '../shared-vectors.ts';

const hex = z.string().transform((text) => Buffer.from(text, 'hex'));
const result = z.enum(['valid', 'invalid']);
const common = { tcId: z.int(), comment: z.string(), result };

/** Groups of cases, all of them: the file says how many there are. */
function readCases<Group extends z.ZodType<{ tests: unknown[] }>>(
  path: string,
  group: Group,
): z.infer<Group>[] {
  const file = z
    .object({ numberOfTests: z.int().positive(), testGroups: z.array(group) })
    .parse(JSON.parse(readFileSync(path, 'utf8')));
  const counted = file.testGroups.reduce((sum, { tests }) => sum + tests.length, 0);
  expect(counted).toBe(file.numberOfTests);
  return file.testGroups;
}

describeVectors('wycheproof/xchacha20_poly1305_test.json', (path) => {
  const test = z.object({ ...common, key: hex, iv: hex, aad: hex, msg: hex, ct: hex, tag: hex });
  it('seals and opens the valid, refuses the invalid and every nonce that is not 24 bytes', () => {
    for (const { tests } of readCases(path, z.object({ tests: z.array(test) }))) {
      for (const { tcId, key, iv, aad, msg, ct, tag, result: expected } of tests) {
        const secret = new Secret(key);
        const sealed = Buffer.concat([ct, tag]);
        const opened = openXChaCha(secret, iv, sealed, aad);
        if (expected === 'valid') {
          expect(sealXChaCha(secret, iv, msg, aad), `case ${tcId}`).toEqual(sealed);
          expect(opened, `case ${tcId}`).toEqual(msg);
        } else {
          expect(opened, `case ${tcId}`).toBeNull();
        }
        if (iv.length !== 24) {
          expect(() => sealXChaCha(secret, iv, msg, aad), `case ${tcId}`).toThrow(RangeError);
        }
      }
    }
  });
});

describeVectors('wycheproof/hmac_sha256_test.json', (path) => {
  const test = z.object({ ...common, key: hex, msg: hex, tag: hex });
  it('makes the valid tags, whole and truncated, and none of the invalid', () => {
    for (const { tagSize, tests } of readCases(path, z.object({ tagSize: z.int(), tests: z.array(test) }))) {
      for (const { tcId, key, msg, tag, result: expected } of tests) {
        const made = new HmacSha256(key).writeTo(Buffer.alloc(tagSize / 8), 0, msg);
        expect(made.equals(tag), `case ${tcId}`).toBe(expected === 'valid');
      }
    }
  });
});

describeVectors('wycheproof/hkdf_sha256_test.json', (path) => {
  const test = z.object({ ...common, ikm: hex, salt: hex, info: hex, size: z.int(), okm: hex });
  it('derives the valid keys and refuses the impossible', () => {
    for (const { tests } of readCases(path, z.object({ tests: z.array(test) }))) {
      for (const { tcId, ikm, salt, info, size, okm, result: expected } of tests) {
        const derive = () => Buffer.from(hkdfSha256(ikm, salt, info, size));
        if (expected === 'valid') expect(derive(), `case ${tcId}`).toEqual(okm);
        else expect(derive, `case ${tcId}`).toThrow(RangeError);
      }
    }
  });
});
