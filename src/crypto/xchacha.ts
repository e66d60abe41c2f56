import { createCipheriv, createDecipheriv } from 'node:crypto';
import { hchacha } from '@noble/ciphers/chacha.js';
import type { Secret } from './key.ts';

/** Bytes of a nonce: random, fresh for each message. */
export const NONCE_BYTES = 24;
export const TAG_BYTES = 16;

const ALGORITHM = 'chacha20-poly1305';
const OPTIONS = { authTagLength: TAG_BYTES };
const SIGMA = new Uint32Array(new Uint8Array(Buffer.from('expand 32-byte k', 'latin1')).buffer);

// Scratch, shared by all calls: none awaits, and node copies key and nonce when it makes a cipher.
const prefix = new Uint32Array(4);
const prefixBytes = new Uint8Array(prefix.buffer);
const subkey = new Uint32Array(8);
const subkeyBytes = new Uint8Array(subkey.buffer);
const nonce12 = new Uint8Array(12);

/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): ciphertext | tag (16 bytes). HChaCha20 by noble, the rest by node:
 * half the time of noble alone. Throws RangeError unless the nonce is 24 bytes.
 */
export function sealXChaCha(
  key: Secret,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  if (nonce.length !== NONCE_BYTES) throw new RangeError('an XChaCha20 nonce is 24 bytes');
  deriveSubkey(key, nonce);
  const cipher = createCipheriv(ALGORITHM, subkeyBytes, nonce12, OPTIONS);
  subkey.fill(0);
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  const out = Buffer.allocUnsafe(plaintext.length + TAG_BYTES);
  out.set(cipher.update(plaintext));
  cipher.final();
  out.set(cipher.getAuthTag(), plaintext.length);
  return out;
}

/** The plaintext, or null when anything at all was changed: key, nonce, ciphertext, tag or associated data. */
export function openXChaCha(
  key: Secret,
  nonce: Uint8Array,
  sealed: Uint8Array,
  aad: Uint8Array,
): Uint8Array | null {
  const length = sealed.length - TAG_BYTES;
  if (nonce.length !== NONCE_BYTES || length < 0) return null;
  deriveSubkey(key, nonce);
  const decipher = createDecipheriv(ALGORITHM, subkeyBytes, nonce12, OPTIONS);
  subkey.fill(0);
  decipher.setAAD(aad, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = decipher.update(sealed.subarray(0, length));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    return null;
  }
}

/** Draft 2.3: the subkey comes of the nonce's first 16 bytes; the other 8 follow four zero bytes in the inner nonce. */
function deriveSubkey(key: Secret, nonce: Uint8Array): void {
  prefixBytes.set(nonce.subarray(0, 16));
  nonce12.set(nonce.subarray(16), 4);
  hchacha(SIGMA, key.revealKeyWords(), prefix, subkey);
}
