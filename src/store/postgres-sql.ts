import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { columnsOf, type ColumnType, soundly } from './columns.ts';
import { TYPES } from './postgres-wire.ts';

/** A column of what a statement is given, and its type. */
export type Given = readonly (readonly [column: string, type: ColumnType])[];

/** The columns of a table as a statement is given them. */
export const givenOf = (table: SQLiteTable): Given =>
  columnsOf(table).map(({ column, type }) => [column, type] as const);

/** A set of rows: one array a column, as rows named `u` with their `position`, from 1. */
export const unnested = (given: Given): string => {
  const arrays = given.map(([, type], i) => `$${i + 1}::${TYPES[type].name}[]`).join(', ');
  return `unnest(${arrays}) with ordinality as u(${names(given)}, "position")`;
};

const names = (given: Given): string => given.map(([column]) => column).join(', ');

/** What a row gives to a statement, in the order of its columns. */
export type Cells = readonly unknown[];

/** The row's properties in the order of its columns. */
export function cellsOf(table: SQLiteTable): (row: object) => Cells {
  const properties = columnsOf(table).map(({ property }) => property);
  return (row) => properties.map((property): unknown => Reflect.get(row, property));
}

/** `insert into … select … order by position`: rows are locked in the order that they were given in. */
export function insertion(name: string, table: SQLiteTable): string {
  const given = givenOf(table);
  const taken = given.map(([column]) => `u.${column}`).join(', ');
  return `insert into public."${name}" (${names(given)}) select ${taken} from ${unnested(given)} order by u."position"`;
}

/** Where the columns of a key stand among those of its table. */
export function keyIn(table: SQLiteTable, properties: readonly string[]): readonly number[] {
  const all = columnsOf(table).map(({ property }) => property);
  return properties.map((property) => all.indexOf(property));
}

export const assigned = (given: Given, from: string): string =>
  given.map(([column]) => `${column} = ${from}.${column}`).join(', ');

/** How a table's rows are selected and read; each column of another type than its own holds what cannot be true. */
export interface RowReading<Row> {
  /** `t."key_id", …` */
  readonly columns: string;
  /** Null where the first column is: a row that a left join did not find. */
  readonly read: (cells: readonly unknown[], from?: number) => Row | null;
}

export function reading<Row extends object>(table: SQLiteTable, alias: string): RowReading<Row> {
  const columns = columnsOf(table);
  const sound = soundly<Row>(table);
  return {
    columns: columns.map(({ column }) => `${alias}.${column}`).join(', '),
    read: (cells, from = 0) => {
      if (cells[from] === null) return null;
      const row = {};
      for (const [i, { property }] of columns.entries()) Reflect.set(row, property, cells[from + i]);
      // Every property of the row was just set from the column that holds it.
      return sound(row as Row);
    },
  };
}
