/** Six bytes, as a number. */
const RANGE = 2 ** 48;
/** Below this a draw is rejected less than once in 65,000 times. */
const SMALL = 1n << 32n;

/**
 * One request's random bytes: drawn from the kernel at the request's start and handed out in slices, so that no two
 * requests, processes or restored machines ever share a nonce.
 */
export class Draw {
  readonly #random: (bytes: number) => Uint8Array;
  #bytes: Uint8Array;
  #used = 0;

  /** @param expected bytes that the request is likely to need; more are drawn when they run out */
  constructor(random: (bytes: number) => Uint8Array, expected: number) {
    this.#random = random;
    this.#bytes = random(expected);
  }

  take(count: number): Uint8Array {
    if (this.#used + count > this.#bytes.length) {
      this.#bytes = this.#random(Math.max(count, this.#bytes.length));
      this.#used = 0;
    }
    this.#used += count;
    return this.#bytes.subarray(this.#used - count, this.#used);
  }

  /** A uniform index in [0, size). */
  index(size: bigint): bigint {
    return size <= SMALL ? BigInt(this.#smallIndex(Number(size))) : this.#largeIndex(size);
  }

  /** By rejection: exactly uniform, and without big integers, which a token's draw would feel. */
  #smallIndex(size: number): number {
    const fair = RANGE - (RANGE % size);
    for (;;) {
      const six = this.take(6);
      const drawn = Buffer.from(six.buffer, six.byteOffset, 6).readUIntBE(0, 6);
      if (drawn < fair) return drawn % size;
    }
  }

  /** 64 more bits than the size has: the bias is under 2^-64. */
  #largeIndex(size: bigint): bigint {
    const bytes = Math.ceil(size.toString(2).length / 8) + 8;
    return BigInt(`0x${Buffer.from(this.take(bytes)).toString('hex')}`) % size;
  }
}
