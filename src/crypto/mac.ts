import { bindFields, equalBytes } from './encoding.ts';
import type { Field } from './encoding.ts';
import type { Secret } from './key.ts';

/** Suite 1 is HMAC-SHA-256, whole. */
const SUITE = 1;
const DIGEST_BYTES = 32;
const MAC_BYTES = 1 + DIGEST_BYTES;
const KEYED_HASH_BYTES = 16;

/** Suite byte 1 | HMAC-SHA-256 over domain and fields: 33 bytes. Throws as `bindFields` does. */
export function mac(key: Secret, domain: string, ...fields: readonly Field[]): Uint8Array {
  const out = Buffer.allocUnsafe(MAC_BYTES);
  out[0] = SUITE;
  return key.writeHmac(out, 1, bindFields(domain, ...fields));
}

/** Whether `stored` is the MAC of domain and fields, in constant time; false for any other suite or length. */
export function macMatches(
  key: Secret,
  stored: Uint8Array,
  domain: string,
  ...fields: readonly Field[]
): boolean {
  return equalBytes(mac(key, domain, ...fields), stored);
}

/** The first 16 bytes of HMAC-SHA-256 over domain and fields: names a token or a key where the text must not appear. */
export function keyedHash(key: Secret, domain: string, ...fields: readonly Field[]): Uint8Array {
  return key.writeHmac(Buffer.allocUnsafe(KEYED_HASH_BYTES), 0, bindFields(domain, ...fields));
}

/**
 * The digest of a table: the sum of its row MACs mod 2^256, as 32 bytes big-endian (an empty table's is 32 zeros).
 * Returns `sum` with one row's MAC (33 bytes) added. RangeError for other lengths or another suite.
 */
export function addDigest(sum: Uint8Array, added: Uint8Array): Uint8Array {
  return accumulate(sum, added, 1);
}

/** Returns `sum` with one row's MAC taken out. */
export function subtractDigest(sum: Uint8Array, removed: Uint8Array): Uint8Array {
  return accumulate(sum, removed, -1);
}

function accumulate(sum: Uint8Array, rowMac: Uint8Array, sign: 1 | -1): Uint8Array {
  if (sum.length !== DIGEST_BYTES || rowMac.length !== MAC_BYTES || rowMac[0] !== SUITE) {
    throw new RangeError('a digest is 32 bytes and a row MAC 33 of suite 1');
  }
  const out = Buffer.allocUnsafe(DIGEST_BYTES);
  let carry = 0;
  for (let i = DIGEST_BYTES - 1; i >= 0; i -= 1) {
    const total = (sum[i] ?? 0) + sign * (rowMac[i + 1] ?? 0) + carry;
    out[i] = total & 0xff;
    carry = total >> 8;
  }
  return out;
}
