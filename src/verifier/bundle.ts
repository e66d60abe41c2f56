import type { LogSource } from './source.ts';
import { type ReadLogFile, tilesSource } from './tiles-source.ts';

/** Reads an archive from its front. Each throws where the archive has something else there. */
export interface Archive {
  /** The size of the next file, which must have this name. */
  readonly next: (name: string) => Promise<number>;
  /** Its bytes. */
  readonly file: (size: number) => AsyncIterable<Uint8Array>;
  /** Nothing may follow. */
  readonly end: () => Promise<void>;
}

/** Of the verifier key that stands first in a bundle. */
export const KEY_FILE = 'key';
const MOST_KEY = 1000;

/**
 * A bundle: the files of C2SP tlog-tiles in the one order in which they are read, after the key. It is read once, from its
 * front; from the first file that is another one, nothing more of it is there.
 * @param isRefusal of the errors by which the archive says that it has something else
 */
export async function bundleSource(
  archive: Archive,
  isRefusal: (error: unknown) => boolean,
  close: () => Promise<void>,
): Promise<{ readonly key: string | null; readonly source: LogSource }> {
  let isOver = false;
  const unlessOver = async <T>(work: () => Promise<T | null>): Promise<T | null> => {
    if (isOver) return null;
    const done = await work().catch((error: unknown) => {
      if (isRefusal(error)) return null;
      throw error;
    });
    if (done === null) isOver = true;
    return done;
  };
  const read: ReadLogFile = (path, most) =>
    unlessOver(async () => {
      const size = await archive.next(path);
      if (size > most) return null;
      const parts: Uint8Array[] = [];
      for await (const part of archive.file(size)) parts.push(Buffer.from(part));
      return Buffer.concat(parts);
    });
  const surplus = async (): Promise<string | null> =>
    (await unlessOver(() => archive.end().then(() => true))) === null
      ? 'the bundle is cut, or holds something that no bundle of this log has there'
      : null;
  const key = await read(KEY_FILE, MOST_KEY);
  return {
    key: key === null ? null : Buffer.from(key).toString().trim(),
    source: tilesSource(read, { surplus, close }),
  };
}
