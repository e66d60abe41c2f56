import Database from 'better-sqlite3';
import { StoreFailure } from '../vault/store.ts';

/** The one place that reads a driver's error: nothing of it but the code goes further. */
export function atTheDoor<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    const { code } = error;
    if (code.startsWith('SQLITE_BUSY'))
      throw new StoreFailure('busy', 'the store is locked by another process');
    if (code === 'SQLITE_FULL') throw new StoreFailure('full', 'the disk of the store is full');
    const broken = /^SQLITE_(?:IOERR|CORRUPT|NOTADB|READONLY|CANTOPEN)/.test(code);
    if (broken) throw new StoreFailure('io', `the store failed (${code}): nothing more can be acknowledged`);
    throw new StoreFailure('other', `the store refused a statement (${code})`);
  }
}
