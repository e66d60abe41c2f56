import { getTableColumns } from 'drizzle-orm';
import { getTableConfig, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import {
  type EarlierRow,
  type HeadRow,
  LAST_REVISION,
  type LeaseRow,
  PRIMARY_KEY,
  type Rows,
} from '../vault/rows.ts';
import type { UpdatedTable } from '../vault/statement.ts';
import * as tables from './tables.ts';

/** The table of each kind of row; one whose columns are not the row's does not compile. */
export const TABLES = {
  issued: tables.issued,
  values: tables.values,
  fingerprints: tables.fingerprints,
  lookups: tables.lookups,
  subjects: tables.subjects,
  claims: tables.claims,
  clients: tables.clients,
  grants: tables.grants,
  policies: tables.policies,
  collections: tables.collections,
  keys: tables.keys,
  restrictions: tables.restrictions,
  uses: tables.uses,
  followers: tables.followers,
  tiles: tables.tiles,
  checkpoints: tables.checkpoints,
} satisfies { [T in keyof Rows]: SQLiteTable & { readonly $inferSelect: Rows[T] } };

export const HEAD: SQLiteTable & { readonly $inferSelect: HeadRow } = tables.head;
export const EARLIER: SQLiteTable & { readonly $inferSelect: EarlierRow } = tables.earlier;
export const LEASES: SQLiteTable & { readonly $inferSelect: LeaseRow } = tables.leases;
export const EVENTS = tables.events;

const quoted = (name: string): string => `"${name}"`;

/** What a column holds, as drizzle names it. */
export type ColumnType = 'buffer' | 'string' | 'number';

/** A property of a table's rows, with the column that holds it, quoted. */
export interface RowColumn {
  readonly property: string;
  readonly column: string;
  readonly type: ColumnType;
  readonly notNull: boolean;
}

export const columnsOf = (table: SQLiteTable): readonly RowColumn[] =>
  Object.entries(getTableColumns(table)).map(([property, { name, dataType, notNull }]) => ({
    property,
    column: quoted(name),
    type: dataType === 'buffer' || dataType === 'number' ? dataType : 'string',
    notNull,
  }));

/** The columns that a table's rows are told apart by, unquoted. */
export function keyColumnsOf(table: SQLiteTable): readonly string[] {
  const { primaryKeys, columns } = getTableConfig(table);
  return (primaryKeys[0]?.columns ?? columns.filter(({ primary }) => primary)).map(({ name }) => name);
}

/** Every table with the columns that this release has in it, as SQLite names them. */
export const SCHEMA: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({ ...TABLES, earlier: EARLIER, leases: LEASES, head: HEAD, events: EVENTS }).map(
    ([name, table]) => [name, Object.values(getTableColumns(table)).map((column) => column.name)],
  ),
);

/** `"key_id" as "keyId", …`: columns under the names of the row's properties. */
export const selected = (table: SQLiteTable, alias = ''): string =>
  columnsOf(table)
    .map(({ property, column }) => `${alias}${column} as ${quoted(property)}`)
    .join(', ');

/** `insert into … values (?, …) on conflict do nothing`, and the properties in the order of its parameters. */
export function insertion(
  name: string,
  table: SQLiteTable,
): { readonly sql: string; readonly properties: readonly string[] } {
  const columns = columnsOf(table);
  const places = columns.map(() => '?').join(', ');
  return {
    sql: `insert into ${quoted(name)} (${columns.map(({ column }) => column).join(', ')}) values (${places}) on conflict do nothing`,
    properties: columns.map(({ property }) => property),
  };
}

/** `update … set … where id = ? and revision = ?`, and the properties of its parameters, in order, but the revision. */
export function replacement(name: UpdatedTable): {
  readonly sql: string;
  readonly properties: readonly string[];
} {
  const columns = columnsOf(TABLES[name]);
  const names: readonly string[] = PRIMARY_KEY[name];
  const key = columns.filter(({ property }) => names.includes(property));
  const set = columns.map(({ column }) => `${column} = ?`).join(', ');
  const where = key.map(({ column }) => `${column} = ?`).join(' and ');
  return {
    sql: `update ${quoted(name)} set ${set} where ${where} and "revision" = ?`,
    properties: [...columns, ...key].map(({ property }) => property),
  };
}

/** Inserts a first revision, or puts a row in the place of the revision before it; a first one also of what is none. */
export function succession(
  name: string,
  table: SQLiteTable,
  key: string,
): { readonly sql: string; readonly properties: readonly string[] } {
  const columns = columnsOf(table);
  const places = columns.map(() => '?').join(', ');
  const set = columns.map(({ column }) => `${column} = excluded.${column}`).join(', ');
  const isNone = `typeof("revision") <> 'integer' or "revision" not between 0 and ${LAST_REVISION}`;
  return {
    sql: `insert into ${quoted(name)} (${columns.map(({ column }) => column).join(', ')}) values (${places}) on conflict (${quoted(key)}) do update set ${set} where case when ${isNone} then 0 else "revision" end = excluded."revision" - 1`,
    properties: columns.map(({ property }) => property),
  };
}

/** Inserts a row, or puts it in the place of the one of its key. */
export function putting(name: string, table: SQLiteTable, key: string): ReturnType<typeof insertion> {
  const { sql, properties } = insertion(name, table);
  const set = columnsOf(table)
    .map(({ column }) => `${column} = excluded.${column}`)
    .join(', ');
  return { sql: sql.replace('do nothing', `(${quoted(key)}) do update set ${set}`), properties };
}

/** `insert into … on conflict … do update`, which keeps the later of two uses. */
export const useNoting = (): ReturnType<typeof insertion> => {
  const { sql, properties } = insertion('uses', TABLES.uses);
  const later =
    'on conflict ("key_id") do update set "client" = excluded."client", "at" = excluded."at", "mac" = excluded."mac" where excluded."at" > "at"';
  return { sql: sql.replace('on conflict do nothing', later), properties };
};

/** What no column holds, for each type: it authenticates nowhere, and sorts where SQLite sorts what it replaces. */
const UNSOUND = {
  buffer: Buffer.alloc(0),
  string: '\0',
  number: Number.MAX_SAFE_INTEGER,
} as const satisfies Record<ColumnType, unknown>;

/**
 * SQLite lets whoever writes the file put any type into any column. A reader of rows that must authenticate gets a row
 * of the right types, in which a column of the wrong one holds what cannot be true.
 */
export function soundly<Row extends object>(table: SQLiteTable): (row: Row) => Row {
  const columns = columnsOf(table);
  return (row) => {
    for (const { property, type, notNull } of columns) {
      const stored: unknown = Reflect.get(row, property);
      const fits = fitsIn({ type, notNull }, stored);
      if (!fits) Reflect.set(row, property, UNSOUND[type]);
    }
    return row;
  };
}

/** Whether a column can hold what is stored in it. */
export const fitsIn = ({ type, notNull }: Pick<RowColumn, 'type' | 'notNull'>, stored: unknown): boolean =>
  stored === null ? !notNull : isOf(type, stored);

function isOf(type: ColumnType, stored: unknown): boolean {
  if (type === 'buffer') return Buffer.isBuffer(stored);
  return type === 'number' ? Number.isSafeInteger(stored) && Number(stored) >= 0 : typeof stored === 'string';
}
