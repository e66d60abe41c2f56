import { sql } from 'drizzle-orm';
import {
  blob,
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core';

/**
 * Every table, once: migrations under drizzle/ are made from this file. Times are milliseconds. Drizzle has no word for
 * WITHOUT ROWID: the first migration has it by hand, since a second tree per table costs a third of the inserts.
 */

const bytes = (name: string) => blob(name, { mode: 'buffer' }).notNull();
const word = (name: string) => text(name).notNull();
const count = (name: string) => integer(name).notNull();

export const issued = sqliteTable(
  'issued',
  {
    collection: word('collection'),
    hash: bytes('hash'),
    row: bytes('row'),
    ended: integer('ended'),
    at: count('at'),
  },
  (table) => [primaryKey({ columns: [table.collection, table.hash] })],
);

export const values = sqliteTable(
  'values',
  {
    row: blob('row', { mode: 'buffer' }).primaryKey(),
    collection: word('collection'),
    token: word('token'),
    cell: bytes('cell'),
    metadata: blob('metadata', { mode: 'buffer' }),
    keyId: word('key_id'),
    version: count('version'),
    subject: text('subject'),
    expiresAt: integer('expires_at'),
    creator: word('creator'),
  },
  // Partial: a value that never expires pays nothing for it.
  (table) => [
    index('values_expire')
      .on(table.expiresAt)
      .where(sql`${table.expiresAt} is not null`),
  ],
);

export const earlier = sqliteTable(
  'earlier',
  {
    row: blob('row', { mode: 'buffer' }).primaryKey(),
    version: count('version'),
    cell: bytes('cell'),
    keyId: word('key_id'),
    until: count('until'),
  },
  (table) => [index('earlier_until').on(table.until)],
);

const print = {
  collection: word('collection'),
  fingerprint: bytes('fingerprint'),
  row: bytes('row'),
  keyId: word('key_id'),
  mac: bytes('mac'),
};

export const fingerprints = sqliteTable('fingerprints', print, (table) => [
  primaryKey({ columns: [table.collection, table.fingerprint] }),
]);

export const lookups = sqliteTable('lookups', print, (table) => [
  primaryKey({ columns: [table.collection, table.fingerprint, table.row] }),
]);

export const subjects = sqliteTable(
  'subjects',
  {
    hash: blob('hash', { mode: 'buffer' }).primaryKey(),
    id: word('id'),
    cell: bytes('cell'),
    keyId: word('key_id'),
    revision: count('revision'),
    mac: bytes('mac'),
  },
  (table) => [uniqueIndex('subjects_id').on(table.id)],
);

export const claims = sqliteTable(
  'claims',
  {
    owner: word('owner'),
    key: bytes('key'),
    body: bytes('body'),
    rows: bytes('rows'),
    at: count('at'),
    mac: bytes('mac'),
  },
  (table) => [primaryKey({ columns: [table.owner, table.key] }), index('claims_at').on(table.at)],
);

export const leases = sqliteTable('leases', {
  name: text('name').primaryKey(),
  holder: word('holder'),
  until: count('until'),
  revision: count('revision'),
});

export const clients = sqliteTable('clients', {
  id: text('id').primaryKey(),
  name: word('name'),
  kind: word('kind'),
  keyId: word('key_id'),
  keyHash: bytes('key_hash'),
  keyAt: count('key_at'),
  priorKeyId: text('prior_key_id'),
  priorKeyHash: blob('prior_key_hash', { mode: 'buffer' }),
  priorKeyAt: integer('prior_key_at'),
  priorKeyUntil: integer('prior_key_until'),
  sources: word('sources'),
  state: word('state'),
  createdAt: count('created_at'),
  expiresAt: integer('expires_at'),
  revision: count('revision'),
  mac: bytes('mac'),
});

export const grants = sqliteTable(
  'grants',
  { client: word('client'), grant: word('grant'), revision: count('revision'), mac: bytes('mac') },
  (table) => [primaryKey({ columns: [table.client, table.grant] })],
);

export const policies = sqliteTable('policies', {
  number: integer('number').primaryKey(),
  text: word('text'),
  at: count('at'),
  revision: count('revision'),
  mac: bytes('mac'),
});

export const collections = sqliteTable('collections', {
  id: text('id').primaryKey(),
  name: word('name'),
  shape: word('shape'),
  createdAt: count('created_at'),
  revision: count('revision'),
  mac: bytes('mac'),
});

export const keys = sqliteTable('keys', {
  id: text('id').primaryKey(),
  collection: text('collection'),
  use: word('use'),
  version: count('version'),
  state: word('state'),
  masterKey: word('master_key'),
  wrapped: bytes('wrapped'),
  commitment: bytes('commitment'),
  createdAt: count('created_at'),
  revision: count('revision'),
  mac: bytes('mac'),
});

export const restrictions = sqliteTable(
  'restrictions',
  {
    client: word('client'),
    restriction: word('restriction'),
    until: integer('until'),
    reason: text('reason'),
    by: word('by'),
    at: count('at'),
    revision: count('revision'),
    mac: bytes('mac'),
  },
  (table) => [primaryKey({ columns: [table.client, table.restriction] })],
);

export const uses = sqliteTable('uses', {
  keyId: text('key_id').primaryKey(),
  client: word('client'),
  at: count('at'),
  mac: bytes('mac'),
});

export const followers = sqliteTable('followers', {
  name: text('name').primaryKey(),
  holder: word('holder'),
  until: count('until'),
  cursor: count('cursor'),
  frontier: bytes('frontier'),
  state: bytes('state'),
  revision: count('revision'),
  mac: bytes('mac'),
});

export const tiles = sqliteTable(
  'tiles',
  { level: count('level'), index: count('index'), hashes: bytes('hashes') },
  (table) => [primaryKey({ columns: [table.level, table.index] })],
);

export const checkpoints = sqliteTable('checkpoints', {
  slot: integer('slot').primaryKey(),
  size: count('size'),
  at: count('at'),
  note: word('note'),
});

export const head = sqliteTable(
  'head',
  {
    /** There is one row, and no second one can be. */
    only: integer('only').primaryKey(),
    vault: word('vault'),
    environment: word('environment'),
    standing: word('standing'),
    size: count('size'),
    frontier: bytes('frontier'),
    epoch: count('epoch'),
    changes: count('changes'),
    lastAt: count('last_at'),
    digests: bytes('digests'),
    mac: bytes('mac'),
  },
  (table) => [check('head_only', sql`${table.only} = 1`)],
);

export const events = sqliteTable('events', {
  index: integer('index').primaryKey(),
  bytes: bytes('bytes'),
});
