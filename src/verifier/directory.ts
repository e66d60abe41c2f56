import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReadLogFile } from './tiles-source.ts';

/** What a name that is not there, or stands for something else than a file, is told by. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ENXIO', 'ELOOP']);

/**
 * Reads files below a folder, which somebody else wrote: only plain files, and none that is larger than it can be.
 * @throws the system's error where it is there and does not read
 */
export function filesIn(dir: string): ReadLogFile {
  return async (path, most) => {
    // Without waiting: what has a name there may be a pipe that nobody writes to.
    const file = await open(join(dir, path), constants.O_RDONLY | constants.O_NONBLOCK).catch(
      (error: NodeJS.ErrnoException) => {
        if (ABSENT.has(error.code ?? '')) return null;
        throw error;
      },
    );
    if (file === null) return null;
    try {
      const { size } = await file.stat().then((stat) => (stat.isFile() ? stat : NOT_A_FILE));
      if (size > most) return null;
      const bytes = Buffer.alloc(size);
      const { bytesRead } = await file.read(bytes, 0, size, 0);
      return bytesRead === size ? bytes : null;
    } finally {
      await file.close();
    }
  };
}

const NOT_A_FILE = { size: Infinity };
