import { existsSync } from 'node:fs';
import { link, open, rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BackupRefused } from './refused.ts';

/** Writes a new file, readable to its owner alone, and waits until it is on the disk. */
export async function writeDurably(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of bytes) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Gives a finished file its name, and waits until the name is on the disk.
 * @throws BackupRefused if the name is taken: nothing is overwritten
 */
export async function putInPlace(from: string, to: string): Promise<void> {
  await link(from, to).catch(async (error: NodeJS.ErrnoException) => {
    // Some file systems have no second names; there the look and the rename are two steps.
    if (error.code === 'EEXIST' || existsSync(to))
      throw new BackupRefused(`${basename(to)} is there already: nothing is overwritten`);
    await rename(from, to);
  });
  const folder = await open(dirname(to), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
