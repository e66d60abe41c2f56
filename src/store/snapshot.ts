import Database from 'better-sqlite3';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Rows, Scanned, StoreSnapshot } from '../vault/store.ts';
import { EVENTS, selected, soundly, TABLES } from './columns.ts';
import { readAuthority } from './reads.ts';

/** In the order of rows where verification walks tables side by side. */
const ORDER = {
  issued: ' order by "row"',
  values: ' order by "row"',
  fingerprints: ' order by "row"',
  subjects: '',
  claims: '',
  uses: '',
} satisfies Record<Scanned, string>;

/**
 * A view of the store as of now, on connections of its own, so that reading it holds up nobody. SQLite allows one open
 * cursor beside another on a connection, and one read transaction keeps them all at one moment.
 */
export function sqliteSnapshot(path: string): StoreSnapshot {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  db.prepare('begin').run();
  const authority = readAuthority(db);
  return {
    authority: () => authority,
    events: () => each(db, EVENTS, `select ${selected(EVENTS)} from "events" order by "index"`),
    scan: <T extends Scanned>(table: T) =>
      each<Rows[T]>(db, TABLES[table], `select ${selected(TABLES[table])} from "${table}"${ORDER[table]}`),
    close: () => db.close(),
  };
}

/** Rows one by one, each of the types that its table has. */
function* each<Row extends object>(db: Database.Database, table: SQLiteTable, sql: string): Generator<Row> {
  const sound = soundly<Row>(table);
  for (const row of db.prepare<[], Row>(sql).iterate()) yield sound(row);
}
