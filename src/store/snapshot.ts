import Database from 'better-sqlite3';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Scanned, ScannedRows, StoreSnapshot } from '../vault/store.ts';
import { EARLIER, EVENTS, selected, soundly, TABLES } from './columns.ts';
import { readAuthority } from './reads.ts';
import { sqlitePages } from './sqlite-pages.ts';

/** In the order of rows where verification walks tables side by side. */
const ORDER = {
  issued: ' order by "row"',
  values: ' order by "row"',
  fingerprints: ' order by "row"',
  lookups: ' order by "row"',
  earlier: ' order by "row"',
  subjects: '',
  claims: '',
  uses: '',
  followers: '',
  tiles: '',
  checkpoints: ' order by "slot"',
} satisfies Record<Scanned, string>;

const SCANNED = { ...TABLES, earlier: EARLIER };

/**
 * A view of the store as of now, on connections of its own, so that reading it holds up nobody. SQLite allows one open
 * cursor beside another on a connection, and one read transaction keeps them all at one moment.
 */
export const sqliteSnapshot = (path: string): StoreSnapshot =>
  snapshotOn(new Database(path, { readonly: true, fileMustExist: true }));

/** The view of a connection, which it has from now on and closes. */
export function snapshotOn(db: Database.Database): StoreSnapshot {
  db.prepare('begin').run();
  const authority = readAuthority(db);
  const open = new Set<IterableIterator<unknown>>();

  /** Rows one by one, each of the types that its table has. */
  async function* each<Row extends object>(table: SQLiteTable, sql: string): AsyncGenerator<Row> {
    const sound = soundly<Row>(table);
    const rows = db.prepare<[], Row>(sql).iterate();
    open.add(rows);
    for (const row of rows) yield sound(row);
    open.delete(rows);
  }

  return {
    authority,
    events: () => each(EVENTS, `select ${selected(EVENTS)} from "events" order by "index"`),
    scan: <T extends Scanned>(table: T) =>
      each<ScannedRows[T]>(
        SCANNED[table],
        `select ${selected(SCANNED[table])} from "${table}"${ORDER[table]}`,
      ),
    ...sqlitePages(db),
    close: async () => {
      // Whoever ended early has left his rows where they were, and SQLite closes over none.
      for (const rows of open) rows.return?.();
      db.close();
    },
  };
}
