import type Database from 'better-sqlite3';
import { equalBytes } from '../crypto/encoding.ts';
import type { HeadRow, Table } from '../vault/rows.ts';
import {
  HEAD_KEPT,
  type Statement,
  type StoredPrint,
  type Told,
  type UpdatedTable,
} from '../vault/statement.ts';
import { StoreFailure } from '../vault/store.ts';
import {
  EARLIER,
  EVENTS,
  HEAD,
  insertion,
  LEASES,
  putting,
  replacement,
  selected,
  soundly,
  succession,
  TABLES,
  useNoting,
} from './columns.ts';
import { copied } from './paging.ts';

/** The group's statements on SQLite: each one a loop over statements prepared once. */
export type Writer = { [D in Statement['do']]: (statement: Extract<Statement, { do: D }>) => Told };

const NOTHING_FAILED: Told = { failed: [], head: null, clock: null };

export function sqliteWriter(db: Database.Database): Writer {
  const inserts = mapTables((name) => insertion(name, TABLES[name]), db);
  const updates = {
    clients: prepared(db, replacement('clients')),
    collections: prepared(db, replacement('collections')),
    keys: prepared(db, replacement('keys')),
    restrictions: prepared(db, replacement('restrictions')),
  } satisfies Record<UpdatedTable, unknown>;
  const append = db.prepare(insertion('events', EVENTS).sql);
  const readHead = db.prepare<[], HeadRow>(`select ${selected(HEAD)} from "head"`);
  const sound = soundly<HeadRow>(HEAD);
  const writeHead = db.prepare(
    'update "head" set "standing" = ?, "size" = ?, "frontier" = ?, "epoch" = ?, "changes" = ?, "last_at" = ?, "digests" = ?, "mac" = ?',
  );
  const dropValue = db.prepare('delete from "values" where "row" = ? and "version" = ?');
  const dropEarlier = db.prepare('delete from "earlier" where "row" = ?');
  const forgetEarlier = db.prepare('delete from "earlier" where "row" = ? and "version" = ?');
  const keepEarlier = prepared(db, insertion('earlier', EARLIER));
  const replaceValue = db.prepare(
    'update "values" set "cell" = ?, "metadata" = ?, "key_id" = ?, "version" = ?, "expires_at" = ? where "row" = ? and "version" = ?',
  );
  const lease = prepared(db, succession('leases', LEASES, 'name'));
  const follow = prepared(db, succession('followers', TABLES.followers, 'name'));
  const noteCheckpoint = prepared(db, putting('checkpoints', TABLES.checkpoints, 'slot'));
  const prints = {
    fingerprints: db.prepare(dropping('fingerprints')),
    lookups: db.prepare(dropping('lookups')),
  };
  const dropPrint = (collection: string, row: Uint8Array, print: StoredPrint | null): void => {
    if (print !== null) prints[print.table].run(collection, print.fingerprint, row);
  };
  const endIssued = db.prepare(
    'update "issued" set "ended" = ? where "collection" = ? and "hash" = ? and "row" = ? and "ended" is null',
  );
  const isLive = db.prepare('select 1 from "values" where "row" = ? and "version" = ?');
  const anyIssued = db.prepare('select 1 from "issued" where "collection" = ? limit 1');
  const noteUse = prepared(db, useNoting());
  const loads = new Map<string, Database.Statement>();
  const loadOf = (table: string): Database.Statement => {
    const made = loads.get(table) ?? db.prepare(insertion(table, copied(table)).sql);
    loads.set(table, made);
    return made;
  };
  const forget = db.prepare('delete from "claims" where "at" < ?');

  return {
    insert: ({ table, rows }) => failing(rows, (row) => inserts[table].run(row) === 1),
    update: ({ updates: all }) =>
      failing(all, ({ table, row }) => updates[table].run(row, row.revision - 1) === 1),
    end: ({ endings }) =>
      failing(endings, ({ collection, hash, row, version, print, at }) => {
        // The value's version alone decides. Whether the rest was there, somebody else may have seen to.
        if (dropValue.run(row, version).changes !== 1) return false;
        dropPrint(collection, row, print);
        dropEarlier.run(row);
        endIssued.run(at, collection, hash, row);
        return true;
      }),
    replace: ({ replacements }) =>
      failing(replacements, ({ value, gone, earlier }) => {
        const { row, collection, cell, metadata, keyId, version, expiresAt } = value;
        const done = replaceValue.run(cell, metadata, keyId, version, expiresAt, row, version - 1);
        if (done.changes !== 1) return false;
        dropPrint(collection, row, gone);
        dropEarlier.run(row);
        return earlier === null || keepEarlier.run(earlier) === 1;
      }),
    forgetEarlier: ({ versions }) =>
      failing(versions, ({ row, version }) => forgetEarlier.run(row, version).changes === 1),
    lease: ({ leases }) => failing(leases, (row) => lease.run(row) === 1),
    follow: ({ followers }) => failing(followers, (row) => follow.run(row) === 1),
    noteCheckpoints: ({ checkpoints }) => {
      for (const checkpoint of checkpoints) noteCheckpoint.run(checkpoint);
      return NOTHING_FAILED;
    },
    forgetClaims: ({ before }) => {
      forget.run(before);
      return NOTHING_FAILED;
    },
    noteUses: ({ uses }) => {
      for (const use of uses) noteUse.run(use);
      return NOTHING_FAILED;
    },
    load: ({ table, rows }) => failing(rows, (row) => loadOf(table).run(...row).changes === 1),
    lockHead: () => ({ ...NOTHING_FAILED, head: readHead.all().map(sound)[0] ?? null }),
    checkLive: ({ relied }) => failing(relied, ({ row, version }) => isLive.get(row, version) !== undefined),
    checkEmpty: ({ collections }) => failing(collections, (id) => anyIssued.get(id) === undefined),
    append: ({ first, events }) => failing(events, (bytes, i) => append.run(first + i, bytes).changes === 1),
    writeHead: ({ head }) => {
      const { standing, size, frontier, epoch, changes, lastAt, digests, mac } = head;
      writeHead.run(standing, size, frontier, epoch, changes, lastAt, digests, mac);
      const written = readHead.all().map(sound)[0]?.mac;
      if (written !== undefined && equalBytes(written, mac)) return NOTHING_FAILED;
      throw new StoreFailure('other', HEAD_KEPT);
    },
  };
}

const dropping = (table: StoredPrint['table']): string =>
  `delete from "${table}" where "collection" = ? and "fingerprint" = ? and "row" = ?`;

/** Does each and tells which ones failed. */
function failing<T>(items: readonly T[], done: (item: T, index: number) => boolean): Told {
  const failed: number[] = [];
  for (const [i, item] of items.entries()) if (!done(item, i)) failed.push(i);
  return failed.length === 0 ? NOTHING_FAILED : { failed, head: null, clock: null };
}

type Prepared = { readonly run: (row: object, ...more: readonly number[]) => number };

function prepared(
  db: Database.Database,
  made: { readonly sql: string; readonly properties: readonly string[] },
): Prepared {
  const statement = db.prepare(made.sql);
  const { properties } = made;
  return {
    run: (row, ...more) =>
      statement.run(...properties.map((name) => Reflect.get(row, name)), ...more).changes,
  };
}

function mapTables(
  make: (name: Table) => { readonly sql: string; readonly properties: readonly string[] },
  db: Database.Database,
): Record<Table, Prepared> {
  const of = (name: Table) => prepared(db, make(name));
  return {
    claims: of('claims'),
    fingerprints: of('fingerprints'),
    lookups: of('lookups'),
    issued: of('issued'),
    values: of('values'),
    subjects: of('subjects'),
    clients: of('clients'),
    grants: of('grants'),
    policies: of('policies'),
    collections: of('collections'),
    keys: of('keys'),
    restrictions: of('restrictions'),
    uses: of('uses'),
    followers: of('followers'),
    tiles: of('tiles'),
    checkpoints: of('checkpoints'),
  };
}
