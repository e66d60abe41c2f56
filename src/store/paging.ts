import { getTableName } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { RawRow } from '../vault/rows.ts';
import { StoreFailure } from '../vault/store.ts';
import { columnsOf, type ColumnType, fitsIn, keyColumnsOf } from './columns.ts';
import * as tables from './tables.ts';

/** Whole tables a page at a time, in the order of their keys: what is copied when a vault moves to another store. */

/** Rows of a page, which the new store takes in one transaction. */
export const PAGE = 1000;

/** Tables whose rows stay where they are: the head is made anew, and leases are of the old store's processes. */
const STAYING: ReadonlySet<string> = new Set(['head', 'leases']);

/** Every other table by its name: one that is new in tables.ts is copied unless it is named above. */
export const COPIED: ReadonlyMap<string, SQLiteTable> = new Map(
  Object.values(tables)
    .map((table) => [getTableName(table), table] as const)
    .filter(([name]) => !STAYING.has(name)),
);

export function copied(name: string): SQLiteTable {
  const table = COPIED.get(name);
  if (table === undefined) throw new TypeError('a table that is not copied');
  return table;
}

/** How a table is read, for either engine. */
export interface Paging {
  readonly count: string;
  /** The first page, and the next, whose parameters are the columns of the last row's key. */
  readonly first: string;
  readonly next: string;
  /** The last row alone. */
  readonly last: string;
  /** Where the columns of the key stand in a row. */
  readonly key: readonly number[];
}

/**
 * @param place the parameter of the n-th column of the key, from 0
 * @param schema what stands before the table's name: `public.`
 */
export function pagingOf(name: string, place: (n: number, type: ColumnType) => string, schema = ''): Paging {
  const table = copied(name);
  const columns = columnsOf(table);
  const quoted = keyColumnsOf(table).map((column) => `"${column}"`);
  const key = quoted.map((one) => columns.findIndex(({ column }) => column === one));
  const places = key.map((at, n) => place(n, columns[at]?.type ?? 'buffer')).join(', ');
  const from = `select ${columns.map(({ column }) => column).join(', ')} from ${schema}"${name}"`;
  const inOrder = `order by ${quoted.join(', ')} limit ${PAGE}`;
  return {
    count: `select count(*) from ${schema}"${name}"`,
    first: `${from} ${inOrder}`,
    next: `${from} where (${quoted.join(', ')}) > (${places}) ${inOrder}`,
    last: `${from} order by ${quoted.map((column) => `${column} desc`).join(', ')} limit 1`,
    key,
  };
}

/**
 * Rows as they were read, if their columns have the types that the vault gave them: others cannot be held against a copy.
 * @throws StoreFailure
 */
export function soundRows(name: string, rows: readonly (readonly unknown[])[]): readonly RawRow[] {
  const columns = columnsOf(copied(name));
  const isSound = (row: readonly unknown[]): row is RawRow =>
    row.length === columns.length && columns.every((column, at) => fitsIn(column, row[at]));
  return rows.map((row) => {
    if (!isSound(row)) throw new StoreFailure('other', `a row of ${name} is not as the vault wrote it`);
    return row;
  });
}
