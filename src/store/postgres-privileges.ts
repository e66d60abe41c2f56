import { getTableColumns, getTableName } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import * as tables from './tables.ts';

/**
 * What the role that serves may do with each table on PostgreSQL, beside reading it. Nothing takes an event, an issued
 * token or a row of authority away, and no column changes that nothing of the vault changes.
 */

type Verb = 'insert' | 'update' | 'delete';

type Name = keyof typeof tables;
type Property<T extends Name> = keyof (typeof tables)[T]['_']['columns'];

interface Rights<T extends Name> {
  readonly may: readonly Verb[];
  /** The columns that an update may change, where that is not all of them. */
  readonly columns?: readonly Property<T>[];
}

/** A table that is new must be listed here: without that it does not compile. */
const PRIVILEGES: { readonly [T in Name]: Rights<T> } = {
  events: { may: ['insert'] },
  issued: { may: ['insert', 'update'], columns: ['ended'] },
  values: {
    may: ['insert', 'update', 'delete'],
    columns: ['cell', 'metadata', 'keyId', 'version', 'expiresAt'],
  },
  earlier: { may: ['insert', 'update', 'delete'], columns: ['version', 'cell', 'keyId', 'until'] },
  fingerprints: { may: ['insert', 'delete'] },
  lookups: { may: ['insert', 'delete'] },
  subjects: { may: ['insert'] },
  // Locking a row asks for the right to change one column of it.
  claims: { may: ['insert', 'update', 'delete'], columns: ['at'] },
  leases: { may: ['insert', 'update'] },
  clients: { may: ['insert', 'update'] },
  grants: { may: ['insert'] },
  policies: { may: ['insert'] },
  collections: { may: ['insert', 'update'] },
  // One that is destroyed keeps its row, which says so.
  keys: { may: ['insert', 'update'], columns: ['state', 'wrapped', 'revision', 'mac'] },
  restrictions: { may: ['insert', 'update'] },
  uses: { may: ['insert', 'update'] },
  followers: { may: ['insert', 'update'] },
  // A whole tile never changes; a signed checkpoint makes place for a later one.
  tiles: { may: ['insert'] },
  checkpoints: { may: ['insert', 'update'] },
  // The first row makes the store a vault; there is no second one, and none is taken away.
  head: {
    may: ['insert', 'update'],
    columns: ['standing', 'size', 'frontier', 'epoch', 'changes', 'lastAt', 'digests', 'mac'],
  },
};

/** What a role may do with one table, as PostgreSQL names it. */
export interface TableRights {
  readonly table: string;
  /** The whole table's. */
  readonly verbs: readonly ('select' | Verb)[];
  /** The columns that may be updated, where `verbs` has no update. */
  readonly updates: readonly string[];
}

export const TABLE_RIGHTS: readonly TableRights[] = Object.entries(tables)
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, table]: [string, SQLiteTable]) => {
    // Every key is a name, as both are made of the same tables.
    const { may, columns = [] }: Rights<never> = PRIVILEGES[name as Name];
    const stored: Readonly<Record<PropertyKey, { readonly name: string }>> = getTableColumns(table);
    const updates = columns.map((property) => stored[property]?.name ?? String(property));
    const verbs = updates.length === 0 ? may : may.filter((verb) => verb !== 'update');
    return { table: getTableName(table), verbs: ['select', ...verbs], updates };
  });

/** Where it is noted which migrations were applied: only read by whoever serves. */
export const NOTES = '__drizzle_migrations';

/** An identifier as SQL has it, whatever is in it. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Gives a role what the vault needs and takes from it whatever else it was given on these tables. */
export const grantsTo = (role: string): string[] => [
  `grant usage on schema public to ${quoted(role)}`,
  `revoke all on public.${quoted(NOTES)} from ${quoted(role)}`,
  `grant select on public.${quoted(NOTES)} to ${quoted(role)}`,
  ...TABLE_RIGHTS.flatMap(({ table, verbs, updates }) => {
    const columns = updates.map(quoted).join(', ');
    const given = columns === '' ? verbs : [...verbs, `update (${columns})`];
    return [
      `revoke all on public.${quoted(table)} from ${quoted(role)}`,
      `grant ${given.join(', ')} on public.${quoted(table)} to ${quoted(role)}`,
    ];
  }),
];
