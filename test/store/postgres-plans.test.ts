import { expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import { type Connections, postgresPool } from '../../src/store/postgres-pool.ts';
import { postgresReads } from '../../src/store/postgres-reads.ts';
import type { Session } from '../../src/store/postgres-session.ts';
import { POSTGRES_WRITER } from '../../src/store/postgres-writer.ts';
import { cellsOf } from '../../src/store/postgres-sql.ts';
import { EARLIER, EVENTS, SCHEMA, TABLES } from '../../src/store/columns.ts';
import type { RawRow, Table } from '../../src/vault/rows.ts';
import type { Told } from '../../src/vault/statement.ts';
import { askPostgres, placeOf } from '../contract/engines.ts';
import { bytesOf, earlierOf, HEAD, leaseOf, ROW, TABLES_OF_ROWS } from '../contract/rows.ts';
import { asked } from '../postgres/asked.ts';
import type { Database } from '../postgres/databases.ts';
import { databasesOfFile } from '../postgres/lifetimes.ts';

/**
 * No statement's plan rests on statistics: a vault fills within minutes tables that were empty when a connection made its
 * plans, and long before anything analyses them. What a statement reads is counted by the server.
 */

const databases = databasesOfFile();

/** Rows of each table: a statement that reads a table reads so many at the least. */
const ROWS = 5000;
/** How many rows each statement is asked for, of the first ones. */
const ITEMS = 8;
/** Enough for a plan to be kept, also where a connection is not told to keep the first: that takes five. */
const WARMING = 8;
/** What a statement may read in all: a value hangs together with rows of five tables, and each may have a few dead ones. */
const MOST = ROWS / 25;

const numbers = Array.from({ length: ITEMS }, (_, i) => i + 1);
const short = numbers.map((n) => bytesOf(n));
const long = numbers.map((n) => bytesOf(n, 32));
const words = numbers.map((n) => ROW.subjects(n).id);
const relied = short.map((row) => ({ row, version: 1 }));
/** Rows that no table has yet. */
const beyond = numbers.map((n) => ROWS + n);

type Probe = (session: Session) => Promise<unknown>;

const read =
  (of: (reads: ReturnType<typeof postgresReads>) => Promise<unknown>): Probe =>
  (session) =>
    of(postgresReads((statement, values) => session.run(statement, values)));

/** Of the reads, what each finds where every table is full. */
const READS: Readonly<Record<string, readonly [Probe, (found: never) => boolean]>> = {
  locate: [read((reads) => reads.locate('col', long)), all],
  taken: [read((reads) => reads.taken('col', long)), all],
  located: [read((reads) => reads.located(short)), all],
  fingerprinted: [read((reads) => reads.fingerprinted('col', short)), all],
  lookedUp: [
    read((reads) => reads.lookedUp('col', short, 3)),
    (found: unknown[][]) => found[0]?.length === 3,
  ],
  earlier: [read((reads) => reads.earlier(short)), all],
  subjects: [read((reads) => reads.subjects(long)), all],
  subjectsById: [read((reads) => reads.subjectsById(words)), all],
  uses: [read((reads) => reads.uses(words)), all],
  expired: [
    read((reads) => reads.expired(ITEMS, 0, ITEMS)),
    (found: unknown[]) => found.length === ITEMS / 2,
  ],
  'expired, a page of many': [read((reads) => reads.expired(ROWS, 0, ITEMS)), all],
  outlived: [read((reads) => reads.outlived(ITEMS, 0, ITEMS)), all],
  'outlived, a page of many': [read((reads) => reads.outlived(ROWS, 0, ITEMS)), all],
  lease: [read((reads) => reads.lease('w00000001')), (found: unknown) => found !== null],
  claim: [read((reads) => reads.claim('w00000001', bytesOf(1))), (found: unknown) => found !== null],
  hasClaims: [read((reads) => reads.hasClaims(2)), (found: boolean) => found],
  'hasClaims, of none': [read((reads) => reads.hasClaims(1)), (found: boolean) => !found],
  isEmpty: [read((reads) => reads.isEmpty('col')), (found: boolean) => !found],
  'isEmpty, of none': [read((reads) => reads.isEmpty('other')), (found: boolean) => found],
  head: [read((reads) => reads.head()), (found: unknown) => found !== null],
  epoch: [read((reads) => reads.epoch()), (found: number) => found === 1],
  eventsFrom: [read((reads) => reads.eventsFrom(ROWS / 2, ITEMS)), all],
  follower: [read((reads) => reads.follower('w00000001')), (found: unknown) => found !== null],
  tiles: [read((reads) => reads.tiles(numbers.map((n) => ROW.tiles(n)))), all],
  lastCheckpoint: [read((reads) => reads.lastCheckpoint()), (found: { slot: number }) => found.slot === ROWS],
};

/** Full, and without a null. */
function all(found: readonly unknown[]): boolean {
  return found.length === ITEMS && found.every((one) => one !== null && one !== false);
}

const done = ({ failed }: Told): boolean => failed.length === 0;

const endings = (table: 'fingerprints' | 'lookups') =>
  numbers.map((n) => ({
    row: bytesOf(n),
    version: 1,
    collection: 'col',
    hash: bytesOf(n, 32),
    print: { table, fingerprint: table === 'lookups' ? bytesOf(1) : bytesOf(n) },
    at: 1,
  }));
const replacements = (table: 'fingerprints' | 'lookups', isKept: boolean) =>
  endings(table).map(({ print }, i) => ({
    value: { ...ROW.values(i + 1), version: 2 },
    gone: print,
    earlier: isKept ? earlierOf(i + 1) : null,
  }));
const updatesOf = <T extends 'clients' | 'collections' | 'keys' | 'restrictions'>(table: T) =>
  numbers.map((n) => ({ table, row: { ...ROW[table](n), revision: 2 }, was: bytesOf(n) }));

const write =
  (work: (writer: typeof POSTGRES_WRITER, session: Session) => Promise<Told>): Probe =>
  (session) =>
    work(POSTGRES_WRITER, session);

const WRITES: Readonly<Record<string, Probe>> = {
  ...Object.fromEntries(
    TABLES_OF_ROWS.map((table) => [
      `insert ${table}`,
      write((writer, session) =>
        writer.insert(session, { do: 'insert', table, rows: beyond.map((n) => ROW[table](n)) }),
      ),
    ]),
  ),
  ...Object.fromEntries(
    (['fingerprints', 'lookups'] as const).flatMap((table) => [
      [`end, ${table}`, write((writer, on) => writer.end(on, { do: 'end', endings: endings(table) }))],
      ...[true, false].map((isKept) => [
        `replace, ${table}, ${isKept ? 'kept' : 'not kept'}`,
        write((writer, on) =>
          writer.replace(on, { do: 'replace', replacements: replacements(table, isKept) }),
        ),
      ]),
    ]),
  ),
  ...Object.fromEntries(
    (['clients', 'collections', 'keys', 'restrictions'] as const).map((table) => [
      `update ${table}`,
      write((writer, on) => writer.update(on, { do: 'update', updates: updatesOf(table) as never })),
    ]),
  ),
  forgetEarlier: write((writer, on) => writer.forgetEarlier(on, { do: 'forgetEarlier', versions: relied })),
  lease: write((writer, on) =>
    writer.lease(on, { do: 'lease', leases: words.map((name) => leaseOf(name, 2)) }),
  ),
  follow: write((writer, on) =>
    writer.follow(on, {
      do: 'follow',
      followers: numbers.map((n) => ({ ...ROW.followers(n), revision: 2 })),
    }),
  ),
  noteCheckpoints: write((writer, on) =>
    writer.noteCheckpoints(on, { do: 'noteCheckpoints', checkpoints: numbers.map(ROW.checkpoints) }),
  ),
  noteUses: write((writer, on) =>
    writer.noteUses(on, { do: 'noteUses', uses: numbers.map((n) => ({ ...ROW.uses(n), at: ROWS })) }),
  ),
  forgetClaims: write((writer, on) => writer.forgetClaims(on, { do: 'forgetClaims', before: ITEMS + 1 })),
  lockHead: write((writer, on) => writer.lockHead(on, { do: 'lockHead' })),
  writeHead: write((writer, on) => writer.writeHead(on, { do: 'writeHead', head: HEAD })),
  checkLive: write((writer, on) => writer.checkLive(on, { do: 'checkLive', relied })),
  append: write((writer, on) => writer.append(on, { do: 'append', first: ROWS + 1, events: short })),
};
/** It fails where the collection is not empty, and so is no write that succeeds twice. */
const CHECK_EMPTY = write((writer, on) =>
  writer.checkEmpty(on, { do: 'checkEmpty', collections: ['other', 'another'] }),
);

const PROBES: Readonly<Record<string, readonly [Probe, (found: never) => boolean]>> = {
  ...READS,
  ...Object.fromEntries(
    Object.entries({ ...WRITES, checkEmpty: CHECK_EMPTY }).map(([name, probe]) => [name, [probe, done]]),
  ),
};

/** One connection, which keeps its plans. */
function connection(url: string): Connections {
  const connections = postgresPool(placeOf(url, 1));
  onTestFinished(() => connections.close());
  return connections;
}

/** Nothing that it does is kept. */
const tried = (connections: Connections, probe: Probe): Promise<unknown> =>
  connections.use(async (session) => {
    await session.begin();
    try {
      return await probe(session);
    } finally {
      await session.rollback();
    }
  });

async function warmed(connections: Connections): Promise<Connections> {
  for (const [probe] of Object.values(PROBES))
    for (let i = 0; i < WARMING; i++) await tried(connections, probe);
  return connections;
}

const FLUSH = { name: 'test_flush', text: 'select pg_stat_force_next_flush()' };
const COUNT = {
  name: 'test_count',
  text: `select ((select sum(seq_tup_read) from pg_stat_user_tables) + (select sum(idx_tup_read) from pg_stat_user_indexes))::bigint`,
};

/** Rows and entries of indexes that the server has read of all tables so far. */
const counted = (connections: Connections): Promise<number> =>
  connections.use(async (session) => {
    await session.run(FLUSH);
    return Number((await session.run(COUNT)).rows[0]?.[0]);
  });

const CELLS: Readonly<Record<string, (n: number) => readonly unknown[]>> = {
  ...Object.fromEntries(
    TABLES_OF_ROWS.map((table: Table) => [table, (n: number) => cellsOf(TABLES[table])(ROW[table](n))]),
  ),
  earlier: (n) => cellsOf(EARLIER)(earlierOf(n)),
  events: (n) => cellsOf(EVENTS)({ index: n, bytes: bytesOf(n, 200) }),
};

async function fill(connections: Connections): Promise<void> {
  await connections.use(async (session) => {
    const first = Array.from({ length: ROWS }, (_, i) => i + 1);
    for (const [table, cells] of Object.entries(CELLS))
      for (let from = 0; from < ROWS; from += 1000) {
        const rows = first.slice(from, from + 1000).map(cells) as RawRow[];
        expect(done(await POSTGRES_WRITER.load(session, { do: 'load', table, rows }))).toBe(true);
      }
    const leases = first.map((n) => leaseOf(ROW.uses(n).keyId, 1));
    expect(done(await POSTGRES_WRITER.lease(session, { do: 'lease', leases }))).toBe(true);
  });
}

/** A vault's database whose tables nobody analyses. */
async function neverAnalysed(): Promise<Database> {
  const database = await databases();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  const store = await openPostgres(placeOf(database.url), (bytes) => Buffer.alloc(bytes));
  onTestFinished(() => store.close());
  await store.found(HEAD, []);
  for (const table of SCHEMA.keys())
    await askPostgres(database.migrationUrl, `alter table "${table}" set (autovacuum_enabled = false)`);
  return database;
}

it('reads a bounded number of rows in every statement, whatever its plan was made of', async () => {
  const { url, migrationUrl } = await neverAnalysed();
  const connections = {
    'made while empty': await warmed(connection(url)),
    'made while full': connection(url),
  };
  await fill(connection(url));

  const excess: string[] = [];
  for (const [plans, on] of Object.entries(connections))
    for (const [statement, [probe, isRight]] of Object.entries(PROBES)) {
      const before = await counted(on);
      const found = await tried(on, probe);
      const rows = (await counted(on)) - before;
      if (!isRight(found as never)) excess.push(`${statement} (plans ${plans}) found what it should not`);
      if (rows > MOST) excess.push(`${statement} (plans ${plans}) read ${rows} rows`);
    }
  expect(excess).toEqual([]);
  const looked = 'coalesce(last_analyze, last_autoanalyze, last_vacuum, last_autovacuum)';
  expect(
    await asked(migrationUrl, `select relname from pg_stat_user_tables where ${looked} is not null`),
  ).toEqual([]);
});
