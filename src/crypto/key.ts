import { hash, hkdfSync } from 'node:crypto';
import { bindFields, equalBytes } from './encoding.ts';
import { HmacSha256 } from './hmac.ts';

const KEY_BYTES = 32;
const COMMITMENT_SUITE = 1;

/** 32 secret bytes that print as `[key 3f2a]`, whoever prints them and however. */
export class Secret {
  readonly #bytes = new Uint8Array(KEY_BYTES);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  readonly #label: string;
  readonly #hmac: HmacSha256;
  #zeroised = false;

  /** Copies `bytes`; throws RangeError unless there are 32. The caller may wipe its own copy. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw new RangeError('a key is 32 bytes');
    this.#bytes.set(bytes);
    this.#hmac = new HmacSha256(bytes);
    this.#label = `[key ${shortId(bytes)}]`;
  }

  /** The live bytes, for wrapping and deriving. Never keep, print or change them. */
  revealKeyBytes(): Uint8Array {
    this.#mustBeLive();
    return this.#bytes;
  }

  /** The same live bytes as words in the host's order, as HChaCha20 takes them. */
  revealKeyWords(): Uint32Array {
    this.#mustBeLive();
    return this.#words;
  }

  /** Writes HMAC-SHA-256 of `message` under this key to `out` from `at` (as many bytes as fit), and returns `out`. */
  writeHmac(out: Buffer, at: number, message: Uint8Array): Buffer {
    this.#mustBeLive();
    return this.#hmac.writeTo(out, at, message);
  }

  /** Overwrites the key; every later use throws. It still prints its label. */
  zeroise(): void {
    this.#zeroised = true;
    this.#bytes.fill(0);
    this.#hmac.zeroise();
  }

  toString(): string {
    return this.#label;
  }

  toJSON(): string {
    return this.#label;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.#label;
  }

  #mustBeLive(): void {
    if (this.#zeroised) throw new Error('the key was zeroised');
  }
}

/**
 * Suite byte 1 | HKDF-SHA-256(key, no salt, domain and context, 32 bytes). Stored beside a wrapped key, it shows a
 * substituted one: an AEAD does not commit to its key. `context` is at most 900 bytes (node's HKDF takes 1 KiB).
 */
export function commitment(secret: Secret, context: Uint8Array): Uint8Array {
  const info = bindFields('strongroom/commitment/v1', context);
  const out = new Uint8Array(1 + KEY_BYTES);
  out[0] = COMMITMENT_SUITE;
  out.set(hkdfSha256(secret.revealKeyBytes(), new Uint8Array(0), info, KEY_BYTES), 1);
  return out;
}

/** Whether `stored` is this key's commitment in this context, in constant time. */
export function commitmentMatches(secret: Secret, context: Uint8Array, stored: Uint8Array): boolean {
  return equalBytes(commitment(secret, context), stored);
}

/** RFC 5869 with SHA-256; throws RangeError when `length` is above 8,160 bytes or `info` above 1 KiB. */
export function hkdfSha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', ikm, salt, info, length));
}

function shortId(bytes: Uint8Array): string {
  const domain = Buffer.from('strongroom/key-id/v1', 'utf8');
  return hash('sha256', Buffer.concat([domain, bytes]), 'hex').slice(0, 4);
}
