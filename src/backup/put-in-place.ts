import { existsSync } from 'node:fs';
import { link, rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { syncFolder } from '../disk/durable.ts';
import { BackupRefused } from './refused.ts';

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
  await syncFolder(dirname(to));
}
