import { hash } from 'node:crypto';

const BLOCK = 64;
const DIGEST = 32;
/** Messages up to this many bytes are hashed without an allocation; every message of the vault's own is shorter. */
const ROOM = 1024;

/**
 * HMAC-SHA-256 (RFC 2104) with its padded key prepared once, over the one-shot hash: half the time of `createHmac`
 * for short messages, because no native object is made per call. Holds key material: keep it inside a Secret.
 */
export class HmacSha256 {
  readonly #inner = Buffer.alloc(BLOCK + ROOM);
  readonly #outer = Buffer.alloc(BLOCK + DIGEST);

  /** Any key length; RFC 2104 2: a key longer than a block is hashed first. */
  constructor(key: Uint8Array) {
    const short = key.length > BLOCK ? hash('sha256', key, 'buffer') : key;
    this.#inner.set(short);
    this.#outer.set(short);
    for (let i = 0; i < BLOCK; i += 1) {
      this.#inner[i] = (this.#inner[i] ?? 0) ^ 0x36;
      this.#outer[i] = (this.#outer[i] ?? 0) ^ 0x5c;
    }
  }

  /** Writes the first bytes of the MAC, as many as fit up to 32, to `out` from `at`, and returns `out`. */
  writeTo(out: Buffer, at: number, message: Uint8Array): Buffer {
    // Binary (latin1) strings leave the native call faster than a Buffer does (measured: 1.4 us to 2.0).
    this.#outer.write(this.#hashInner(message), BLOCK, 'latin1');
    out.write(hash('sha256', this.#outer, 'binary'), at, 'latin1');
    return out;
  }

  zeroise(): void {
    this.#inner.fill(0);
    this.#outer.fill(0);
  }

  #hashInner(message: Uint8Array): string {
    const end = BLOCK + message.length;
    if (message.length > ROOM) {
      const whole = Buffer.concat([this.#inner.subarray(0, BLOCK), message]);
      const digest = hash('sha256', whole, 'binary');
      whole.fill(0);
      return digest;
    }
    this.#inner.set(message, BLOCK);
    const digest = hash('sha256', this.#inner.subarray(0, end), 'binary');
    // A message may be a normal form: it must not stay behind in memory that lives as long as the key.
    this.#inner.fill(0, BLOCK, end);
    return digest;
  }
}
