import { BackupRefused } from './refused.ts';

/**
 * As much of POSIX.1-1988 ustar as two plain files need, so that stock `tar` opens what is written here. What is read must
 * be what is written here, byte for byte of each header: no path, link, mode or owner of a stranger's archive is acted on.
 */
const BLOCK = 512;

/** A file of the archive. */
export interface Entry {
  readonly name: string;
  readonly size: number;
}

/** Sizes from here on do not fit the eleven octal digits: GNU and BSD tar write them in base 256. */
const OCTAL_LIMIT = 8 ** 11;

/** @param madeAt milliseconds, kept in seconds */
export function header({ name, size }: Entry, madeAt: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), at, 'ascii');
  };
  block.write(name, 0, 100, 'ascii');
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  if (size < OCTAL_LIMIT) octal(size, 124, 11);
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  octal(Math.floor(madeAt / 1000), 136, 11);
  block.fill(' ', 148, 156);
  block.write('0', 156, 'ascii');
  block.write('ustar\x0000', 257, 'ascii');
  const sum = block.reduce((total, byte) => total + byte, 0);
  octal(sum, 148, 6);
  block[154] = 0;
  return block;
}

/** What follows a file's bytes. */
export const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** What ends an archive. */
export const END = Buffer.alloc(2 * BLOCK);

const ALIEN = 'the backup does not hold what strongroom backup writes';

/** Reads an archive from its front, as its bytes come. */
export class TarReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * The size of the next file, which must have this name.
   * @throws BackupRefused
   */
  async next(name: string): Promise<number> {
    const block = await this.#take(BLOCK);
    const size =
      block[124] === 0x80
        ? Number(block.readBigUInt64BE(128))
        : Number.parseInt(block.toString('ascii', 124, 135), 8);
    const madeAt = Number.parseInt(block.toString('ascii', 136, 147), 8) * 1000;
    const isOurs = Number.isSafeInteger(size) && size >= 0 && Number.isSafeInteger(madeAt) && madeAt >= 0;
    if (!isOurs || !header({ name, size }, madeAt).equals(block)) throw new BackupRefused(ALIEN);
    return size;
  }

  /** The bytes of a file of this size, and past its padding. */
  async *file(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0;) {
      const chunk = await this.#some(left);
      left -= chunk.length;
      yield chunk;
    }
    await this.#zeros(padding(size).length);
  }

  /** @throws BackupRefused if anything but the end follows */
  async end(): Promise<void> {
    await this.#zeros(END.length);
    if (this.#held.length > 0 || !(await this.#source.next()).done) throw new BackupRefused(ALIEN);
  }

  async #zeros(count: number): Promise<void> {
    const bytes = await this.#take(count);
    if (bytes.some((byte) => byte !== 0)) throw new BackupRefused(ALIEN);
  }

  async #take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0;) {
      const part = await this.#some(left);
      left -= part.length;
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  /** At least one byte, and no more than are asked for. */
  async #some(most: number): Promise<Buffer> {
    while (this.#held.length === 0) {
      const { done, value } = await this.#source.next();
      if (done === true) throw new BackupRefused(ALIEN);
      this.#held = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const some = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(some.length);
    return some;
  }
}
