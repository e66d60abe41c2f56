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

  /** A uniform index in [0, size): 64 more bits than the size has, so that the bias is under 2^-64. */
  index(size: bigint): bigint {
    const bytes = Math.ceil(size.toString(2).length / 8) + 8;
    return BigInt(`0x${Buffer.from(this.take(bytes)).toString('hex')}`) % size;
  }
}
