import Database from 'better-sqlite3';
import type { EventRow, Rows, Scanned, StoreSnapshot } from '../vault/store.ts';
import { EVENTS, selected, TABLES } from './columns.ts';
import { readAuthority } from './reads.ts';

/** In the order of rows where verification walks tables side by side. */
const ORDER = {
  issued: ' order by "row"',
  values: ' order by "row"',
  fingerprints: ' order by "row"',
  subjects: '',
  claims: '',
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
    events: () =>
      db.prepare<[], EventRow>(`select ${selected(EVENTS)} from "events" order by "index"`).iterate(),
    scan: <T extends Scanned>(table: T) =>
      db.prepare<[], Rows[T]>(`select ${selected(TABLES[table])} from "${table}"${ORDER[table]}`).iterate(),
    close: () => db.close(),
  };
}
