import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { headSeal } from '../vault/commit/head.ts';
import { groupTransaction } from '../vault/commit/transaction.ts';
import { type Store, StoreFailure } from '../vault/store.ts';
import { HEAD, insertion } from './columns.ts';
import { readAuthority, sqliteReads } from './reads.ts';
import { sqliteSnapshot } from './snapshot.ts';
import { sqliteAside } from './sqlite-aside.ts';
import { configure, drive, mustBeDurable } from './sqlite-connection.ts';
import { atTheDoor } from './sqlite-door.ts';
import { sqliteWriter } from './sqlite-writer.ts';

const MIGRATIONS = fileURLToPath(new URL('../../drizzle/sqlite', import.meta.url));

/** How long a transaction waits for another process's, in milliseconds. */
const PATIENCE = 3000;
const PAUSE = 2;

/**
 * Opens a store in a SQLite file, creating and migrating it as needed.
 * @param path absolute; its folder is made if missing, readable to nobody else
 * @throws StoreFailure, also where the file does not keep what it acknowledges
 */
export function openSqlite(path: string): Store {
  const db = atTheDoor(() => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
    const opened = new Database(path, { timeout: 2000 });
    configure(opened);
    migrate(drizzle(opened), { migrationsFolder: MIGRATIONS });
    return opened;
  });
  mustBeDurable(db);
  // From here on a lock is waited for without holding up the event loop.
  db.pragma('busy_timeout = 0');
  const reads = sqliteReads(db);
  const writer = sqliteWriter(db);
  const aside = sqliteAside(path);
  const transact: Store['transact'] = (transaction) =>
    patiently(async () => atTheDoor(() => drive(db, writer, transaction())));
  const read = async <T>(ask: () => T): Promise<T> => atTheDoor(ask);
  return {
    transact,
    transactAside: (group, now, rowsKey) =>
      aside.isReady(rowsKey)
        ? patiently(() => aside.commit(group, now()))
        : transact(() => groupTransaction(group, now, headSeal(rowsKey))),
    found: async (head, inserts) =>
      atTheDoor(() =>
        db
          .transaction(() => {
            if (readAuthority(db).head !== null) return false;
            for (const { table, row } of inserts) writer.insert({ do: 'insert', table, rows: [row] });
            const { sql, properties } = insertion('head', HEAD);
            db.prepare(sql).run(...properties.map((name) => (name === 'only' ? 1 : Reflect.get(head, name))));
            return true;
          })
          .immediate(),
      ),
    authority: () => read(() => readAuthority(db)),
    epoch: () => read(() => reads.epoch()),
    locate: (collection, hashes) => read(() => reads.locate(collection, hashes)),
    located: (rows) => read(() => reads.located(rows)),
    fingerprinted: (collection, prints) => read(() => reads.fingerprinted(collection, prints)),
    taken: (collection, hashes) => read(() => reads.taken(collection, hashes)),
    subjects: (hashes) => read(() => reads.subjects(hashes)),
    claim: (owner, key) => read(() => reads.claim(owner, key)),
    hasClaims: (before) => read(() => reads.hasClaims(before)),
    isEmpty: (collection) => read(() => reads.isEmpty(collection)),
    snapshot: () => read(() => sqliteSnapshot(path)),
    close: async () => {
      await aside.close();
      db.close();
    },
  };
}

/** Waits for another process's transaction, up to PATIENCE. */
async function patiently<R>(run: () => Promise<R>): Promise<R> {
  for (let waited = 0; ; waited += PAUSE) {
    try {
      return await run();
    } catch (error) {
      const busy = error instanceof StoreFailure && error.kind === 'busy';
      if (!busy || waited >= PATIENCE) throw error;
    }
    await sleep(PAUSE);
  }
}
