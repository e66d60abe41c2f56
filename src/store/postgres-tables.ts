import { Column, getTableColumns, getTableName, is } from 'drizzle-orm';
import {
  bigint,
  check,
  customType,
  index,
  type PgColumn,
  type PgColumnBuilderBase,
  pgTable,
  primaryKey,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { getTableConfig, type SQLiteColumn, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import * as tables from './tables.ts';

/**
 * The tables of tables.ts as PostgreSQL has them: the same names and columns, for the migrations under drizzle/postgres.
 * Text is compared byte by byte (`COLLATE "C"`): a unique index under a language's order breaks silently when the
 * operating system learns another order for it, and a token could be issued twice.
 */

const word = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

const KINDS = {
  string: (name: string) => word(name),
  buffer: (name: string) => bytes(name),
  number: (name: string) => bigint(name, { mode: 'number' }),
} satisfies Record<string, (name: string) => PgColumnBuilderBase>;

export const issued = postgresTable(tables.issued);
export const values = postgresTable(tables.values);
export const earlier = postgresTable(tables.earlier);
export const fingerprints = postgresTable(tables.fingerprints);
export const lookups = postgresTable(tables.lookups);
export const subjects = postgresTable(tables.subjects);
export const claims = postgresTable(tables.claims);
export const leases = postgresTable(tables.leases);
export const clients = postgresTable(tables.clients);
export const grants = postgresTable(tables.grants);
export const policies = postgresTable(tables.policies);
export const collections = postgresTable(tables.collections);
export const keys = postgresTable(tables.keys);
export const restrictions = postgresTable(tables.restrictions);
export const uses = postgresTable(tables.uses);
export const followers = postgresTable(tables.followers);
export const tiles = postgresTable(tables.tiles);
export const checkpoints = postgresTable(tables.checkpoints);
export const head = postgresTable(tables.head);
export const events = postgresTable(tables.events);

function postgresTable(table: SQLiteTable) {
  const { primaryKeys, indexes, checks } = getTableConfig(table);
  const columns = Object.entries(getTableColumns(table)).map(([property, column]) => [
    property,
    built(column),
  ]);
  return pgTable(getTableName(table), Object.fromEntries(columns), (made) => {
    const own = (column: object): PgColumn => {
      const named = Object.values<PgColumn>(made).find(
        ({ name }) => is(column, Column) && name === column.name,
      );
      if (named === undefined) throw new TypeError('a key or an index is on something else than a column');
      return named;
    };
    return [
      ...primaryKeys.map((key) => primaryKey({ columns: ownColumns(key.columns, own) })),
      ...indexes.map(({ config }) => {
        const on = (config.unique ? uniqueIndex : index)(config.name).on(...ownColumns(config.columns, own));
        return config.where === undefined ? on : on.where(config.where);
      }),
      ...checks.map(({ name, value }) => check(name, value)),
    ];
  });
}

function ownColumns(
  columns: readonly object[],
  own: (column: object) => PgColumn,
): [PgColumn, ...PgColumn[]] {
  const [first, ...rest] = columns.map(own);
  if (first === undefined) throw new TypeError('a key or an index without columns');
  return [first, ...rest];
}

function built({ name, dataType, notNull, primary }: SQLiteColumn): PgColumnBuilderBase {
  if (dataType !== 'string' && dataType !== 'buffer' && dataType !== 'number')
    throw new TypeError(`no column of PostgreSQL is made for ${dataType}`);
  const column = KINDS[dataType](name);
  if (primary) return column.primaryKey();
  return notNull ? column.notNull() : column;
}
