import { createHash } from 'node:crypto';
import { bindFields } from './crypto/encoding.ts';
import type { RawRow } from './vault/rows.ts';
import type { StoreSnapshot } from './vault/store.ts';

/** Rows on their way from one store to another. */

/** Told how many of all rows are done. */
type Done = (rows: number) => void;

/** The rows of each table. */
export async function countRows(snapshot: StoreSnapshot): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const table of snapshot.tables) counts.set(table, await snapshot.count(table));
  return counts;
}

/** How far a copy is: the last row of each table, and how many there are in all. */
export interface Reached {
  readonly last: ReadonlyMap<string, RawRow | null>;
  readonly rows: number;
}

export async function reachedBy(snapshot: StoreSnapshot): Promise<Reached> {
  const last = new Map<string, RawRow | null>();
  for (const table of snapshot.tables) last.set(table, await snapshot.last(table));
  return { last, rows: sumOf(await countRows(snapshot)) };
}

export const sumOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, rows) => sum + rows, 0);

/**
 * Loads every row that is not there yet: a table's pages go in order, so what is there ends with its last row.
 * @param load takes one page durably
 */
export async function copyRows(
  source: StoreSnapshot,
  there: Reached,
  load: (table: string, rows: readonly RawRow[]) => Promise<void>,
  done: Done,
): Promise<void> {
  let { rows } = there;
  for (const table of source.tables) {
    for await (const page of source.pages(table, there.last.get(table) ?? null)) {
      await load(table, page);
      done((rows += page.length));
    }
  }
}

/** Tables that are not the same in both: by the SHA-256 of their rows in the order of their keys. */
export async function otherTables(
  source: StoreSnapshot,
  target: StoreSnapshot,
  done: Done,
): Promise<readonly string[]> {
  const others: string[] = [];
  let rows = 0;
  for (const table of source.tables) {
    const [old, made] = [
      await digestOf(source, table, (more) => done((rows += more / 2))),
      await digestOf(target, table, (more) => done((rows += more / 2))),
    ];
    if (old !== made) others.push(table);
  }
  return others;
}

async function digestOf(snapshot: StoreSnapshot, table: string, done: Done): Promise<string> {
  const sum = createHash('sha256');
  for await (const page of snapshot.pages(table, null)) {
    for (const row of page) sum.update(bindFields(table, ...row));
    done(page.length);
  }
  return sum.digest('base64');
}
