import Database from 'better-sqlite3';
import type { TestVault } from '../harness.ts';

/** Somebody who can write the database, and has no key. */

/** Changes the store of a closed vault with plain SQL. */
export function tamper(storePath: string, change: (db: Database.Database) => void): void {
  const db = new Database(storePath);
  change(db);
  db.close();
}

/** The events of a store, as stored. */
export function eventsOf(storePath: string): Record<string, unknown>[] {
  const db = new Database(storePath, { readonly: true });
  const rows = db.prepare<[], { bytes: Buffer }>('select bytes from events order by "index"').all();
  db.close();
  return rows.map(({ bytes }) => JSON.parse(bytes.toString()) as Record<string, unknown>);
}

/** The same, on either engine. */
export async function logOf({ writer }: Pick<TestVault, 'writer'>): Promise<Record<string, unknown>[]> {
  const rows = await writer.sql('select bytes from events order by "index"');
  return rows.map(({ bytes }) => JSON.parse(String(bytes)) as Record<string, unknown>);
}
