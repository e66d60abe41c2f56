import type Database from 'better-sqlite3';
import type { Statement, Told, Transaction } from '../vault/statement.ts';
import { StoreFailure } from '../vault/store.ts';
import type { Writer } from './sqlite-writer.ts';

/** Pages of WAL between checkpoints: fewer, larger ones than SQLite's 1000. */
const CHECKPOINT_PAGES = 8000;

export function configure(db: Database.Database): void {
  db.pragma('journal_mode = WAL');
  // better-sqlite3 opens WAL databases at NORMAL, where a power cut loses what was acknowledged.
  db.pragma('synchronous = FULL');
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${64 * 1024 * 1024}`);
  db.pragma('cache_size = -32768');
  // What is deleted is overwritten: an ended value leaves no bytes behind in the file.
  db.pragma('secure_delete = ON');
}

/** Journal mode and `synchronous`, as a connection has them. */
export const durabilityOf = (db: Database.Database): readonly [unknown, unknown] => [
  db.pragma('journal_mode', { simple: true }),
  db.pragma('synchronous', { simple: true }),
];

/** Read back after the schema exists: only then do the settings hold for good. */
export function mustBeDurable(db: Database.Database): void {
  const settings = durabilityOf(db);
  if (settings[0] === 'wal' && settings[1] === 2) return;
  db.close();
  throw new StoreFailure(
    'other',
    'the store does not keep WAL and synchronous=FULL: it would lose what it acknowledged',
  );
}

/** Drives a transaction without awaiting anything: nothing else runs in between. */
export function drive<R>(db: Database.Database, writer: Writer, transaction: Transaction<R>): R {
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

function perform(writer: Writer, statement: Statement): Told {
  // A statement goes to the entry of its own name: TypeScript cannot follow the union through the lookup.
  const run = writer[statement.do] as (one: Statement) => Told;
  return run(statement);
}
