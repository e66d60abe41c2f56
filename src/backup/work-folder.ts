import Database from 'better-sqlite3';
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { BackupRefused } from './refused.ts';

/** A private folder for one piece of work, gone when it is done. */
export interface WorkFolder {
  at(name: string): string;
  /** Removes it with all that is in it. */
  close(): void;
}

const LOCK = 'lock';
const TRIES = 10;

/**
 * Opens a folder of mode 0700 that one process has at a time, and takes out of it what a killed one has left. The lock is
 * SQLite's own on a file in it: the system lets go of it when a process ends, however it ends.
 * @param path of the folder; its parent must be there
 * @param userId of this process
 * @throws BackupRefused if another process works there, or the folder is not ours
 */
export function openWorkFolder(path: string, userId: number): WorkFolder {
  for (let tries = 0; tries < TRIES; tries++) {
    makeOurs(path, userId);
    const held = takeLock(join(path, LOCK), path);
    // Between making and locking, whoever had it may have taken it away: then there is another one, or none.
    if (held === null) continue;
    empty(path);
    return {
      at: (name) => join(path, name),
      close: () => {
        empty(path);
        rmSync(join(path, LOCK));
        removeIfEmpty(path);
        held.close();
      },
    };
  }
  throw new BackupRefused(`${path} comes and goes: another strongroom works there`);
}

/** All but the lock. */
function empty(path: string): void {
  for (const name of readdirSync(path)) if (name !== LOCK) rmSync(join(path, name), { recursive: true });
}

/** Somebody may be making it again for himself already. */
function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY') throw error;
  }
}

function makeOurs(path: string, userId: number): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // In a folder that others may write to, somebody else could have put it there, or a link.
    const found = lstatSync(path);
    if (!found.isDirectory() || found.uid !== userId)
      throw new BackupRefused(`${path} is not a folder of this user: move it away`);
    chmodSync(path, 0o700);
  }
}

/** The lock, held; null if the file is no longer the one at this path. */
function takeLock(lock: string, folder: string): Database.Database | null {
  let held: Database.Database | null = null;
  try {
    // Made first, so that it can be told from one that is put in its place.
    closeSync(openSync(lock, 'a', 0o600));
    const before = statSync(lock).ino;
    held = new Database(lock, { timeout: 0 });
    held.exec('begin exclusive');
    if (statSync(lock).ino === before) return held;
  } catch (error) {
    held?.close();
    if (codeOf(error).startsWith('SQLITE_BUSY'))
      throw new BackupRefused(`another strongroom works in ${folder}: wait for it`);
    if (['ENOENT', 'SQLITE_CANTOPEN'].includes(codeOf(error))) return null;
    throw error;
  }
  held.close();
  return null;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';
