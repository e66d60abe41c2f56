import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Statement, type Store, StoreFailure, type Told, type Transaction } from '../vault/store.ts';
import { HEAD, insertion } from './columns.ts';
import { readAuthority, sqliteReads } from './reads.ts';
import { sqliteSnapshot } from './snapshot.ts';
import { sqliteWriter, type Writer } from './sqlite-writer.ts';

const MIGRATIONS = fileURLToPath(new URL('../../drizzle/sqlite', import.meta.url));

/** How long a transaction waits for another process's, in milliseconds. */
const PATIENCE = 3000;
const PAUSE = 2;

/** Pages of WAL between checkpoints: fewer, larger ones than SQLite's 1000. */
const CHECKPOINT_PAGES = 8000;

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
  const read = async <T>(ask: () => T): Promise<T> => atTheDoor(ask);
  return {
    transact: (transaction) => patiently(() => drive(db, writer, transaction())),
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
      db.close();
    },
  };
}

function configure(db: Database.Database): void {
  db.pragma('journal_mode = WAL');
  // better-sqlite3 opens WAL databases at NORMAL, where a power cut loses what was acknowledged.
  db.pragma('synchronous = FULL');
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${64 * 1024 * 1024}`);
  db.pragma('cache_size = -65536');
  // What is deleted is overwritten: an ended value leaves no bytes behind in the file.
  db.pragma('secure_delete = ON');
}

/** Read back after the schema exists: only then do the settings hold for good. */
function mustBeDurable(db: Database.Database): void {
  const settings = [db.pragma('journal_mode', { simple: true }), db.pragma('synchronous', { simple: true })];
  if (settings[0] === 'wal' && settings[1] === 2) return;
  db.close();
  throw new StoreFailure(
    'other',
    'the store does not keep WAL and synchronous=FULL: it would lose what it acknowledged',
  );
}

/** Drives a transaction without awaiting anything: nothing else runs in between. */
function drive<R>(db: Database.Database, writer: Writer, transaction: Transaction<R>): R {
  db.exec('begin immediate');
  try {
    let step = transaction.next();
    while (step.done !== true) step = transaction.next(perform(writer, step.value));
    db.exec(step.value.keep ? 'commit' : 'rollback');
    return step.value.result;
  } catch (error) {
    if (db.inTransaction) db.exec('rollback');
    throw error;
  }
}

function perform<S extends Statement>(writer: Writer, statement: S): Told {
  // A statement goes to the entry of its own name: TypeScript cannot follow the union through the lookup.
  const run = writer[statement.do] as (one: Statement) => Told;
  return run(statement);
}

/** Waits for another process's transaction, up to PATIENCE. */
async function patiently<R>(run: () => R): Promise<R> {
  for (let waited = 0; ; waited += PAUSE) {
    try {
      return atTheDoor(run);
    } catch (error) {
      const busy = error instanceof StoreFailure && error.kind === 'busy';
      if (!busy || waited >= PATIENCE) throw error;
    }
    await sleep(PAUSE);
  }
}

/** The one place that reads a driver's error: nothing of it but the code goes further. */
function atTheDoor<T>(run: () => T): T {
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
