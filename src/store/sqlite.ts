import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
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
 * Makes a SQLite file for a store, and its folder, readable to nobody else, where they are missing.
 * @param path absolute
 */
export function createSqlite(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

/**
 * Opens a store in a SQLite file and migrates it as needed.
 * @param path absolute
 * @throws StoreFailure, also where there is no file or it does not keep what it acknowledges
 */
export function openSqlite(path: string): Store {
  if (!existsSync(path)) throw new StoreFailure('other', `there is no store at ${path}: run strongroom init`);
  const { db, reads, writer } = atTheDoor(() => {
    const opened = new Database(path, { timeout: 2000, fileMustExist: true });
    configure(opened);
    migrate(drizzle(opened), { migrationsFolder: MIGRATIONS });
    mustBeDurable(opened);
    // From here on a lock is waited for without holding up the event loop.
    opened.pragma('busy_timeout = 0');
    return { db: opened, reads: sqliteReads(opened), writer: sqliteWriter(opened) };
  });
  const aside = sqliteAside(path);
  const whileOpen = async <T>(ask: () => T): Promise<T> => {
    if (!db.open) throw new StoreFailure('other', 'the store is closed');
    return atTheDoor(ask);
  };
  const transact: Store['transact'] = (transaction) =>
    patiently(() => whileOpen(() => drive(db, writer, transaction())));
  return {
    transact,
    transactAside: (group, now, rowsKey) =>
      aside.isReady(rowsKey)
        ? patiently(() => aside.commit(group, now()))
        : transact(() => groupTransaction(group, now, headSeal(rowsKey))),
    found: (head, inserts) =>
      whileOpen(() =>
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
    authority: () => whileOpen(() => readAuthority(db)),
    epoch: () => whileOpen(() => reads.epoch()),
    head: () => whileOpen(() => reads.head()),
    eventsFrom: (index, most) => whileOpen(() => reads.eventsFrom(index, most)),
    follower: (name) => whileOpen(() => reads.follower(name)),
    tiles: (places) => whileOpen(() => reads.tiles(places)),
    lastCheckpoint: () => whileOpen(() => reads.lastCheckpoint()),
    locate: (collection, hashes) => whileOpen(() => reads.locate(collection, hashes)),
    located: (rows) => whileOpen(() => reads.located(rows)),
    fingerprinted: (collection, prints) => whileOpen(() => reads.fingerprinted(collection, prints)),
    taken: (collection, hashes) => whileOpen(() => reads.taken(collection, hashes)),
    subjects: (hashes) => whileOpen(() => reads.subjects(hashes)),
    earlier: (rows) => whileOpen(() => reads.earlier(rows)),
    lookedUp: (collection, prints, most) => whileOpen(() => reads.lookedUp(collection, prints, most)),
    subjectsById: (ids) => whileOpen(() => reads.subjectsById(ids)),
    expired: (by, offset, most) => whileOpen(() => reads.expired(by, offset, most)),
    outlived: (by, offset, most) => whileOpen(() => reads.outlived(by, offset, most)),
    lease: (name) => whileOpen(() => reads.lease(name)),
    claim: (owner, key) => whileOpen(() => reads.claim(owner, key)),
    uses: (keyIds) => whileOpen(() => reads.uses(keyIds)),
    hasClaims: (before) => whileOpen(() => reads.hasClaims(before)),
    isEmpty: (collection) => whileOpen(() => reads.isEmpty(collection)),
    snapshot: () => whileOpen(() => sqliteSnapshot(path)),
    clock: async () => null,
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
