import { expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import { postgresPool } from '../../src/store/postgres-pool.ts';
import { POSTGRES_WRITER } from '../../src/store/postgres-writer.ts';
import type { Store } from '../../src/vault/store.ts';
import { scanned, told } from '../contract/conversation.ts';
import { askPostgres, placeOf } from '../contract/engines.ts';
import { HEAD, ROW } from '../contract/rows.ts';
import { type Database, through } from '../postgres/databases.ts';
import { clusterOfFile, clusterOfTest } from '../postgres/lifetimes.ts';

/** A server that would lose what it acknowledges is refused, in words, on every new connection. */

const cluster = clusterOfFile();

async function migrated(): Promise<Database> {
  const database = await cluster().database();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  return database;
}

async function opened({ url }: Database): Promise<Store> {
  const store = await openPostgres(placeOf(url), (bytes) => Buffer.alloc(bytes));
  onTestFinished(() => store.close());
  return store;
}

const refusal = (database: Database): Promise<string> =>
  opened(database).then(
    () => 'opened',
    ({ kind, message }: { kind: string; message: string }) => `${kind}: ${message}`,
  );

it.each([
  ['synchronous_commit', 'off', 'synchronous_commit is neither on nor remote_apply'],
  ['synchronous_commit', 'local', 'synchronous_commit is neither on nor remote_apply'],
  ['synchronous_commit', 'remote_write', 'synchronous_commit is neither on nor remote_apply'],
  ['default_transaction_read_only', 'on', 'it is read-only'],
])('refuses a role with %s = %s', async (name, value, why) => {
  const database = await migrated();
  const { username } = new URL(database.url);
  await cluster().query(`alter role ${username} in database ${database.name} set ${name} = '${value}'`);
  expect(await refusal(database)).toContain(`other: the server is not one to keep a vault on: ${why}`);
  await cluster().query(`alter role ${username} in database ${database.name} reset ${name}`);
  expect(await refusal(database)).toBe('opened');
});

it('takes remote_apply', async () => {
  const database = await migrated();
  await cluster().query(`alter database ${database.name} set synchronous_commit = 'remote_apply'`);
  expect(await refusal(database)).toBe('opened');
});

it('hears warnings although the role was told not to', async () => {
  const database = await migrated();
  await cluster().query(`alter database ${database.name} set client_min_messages = 'error'`);
  expect(await refusal(database)).toBe('opened');
});

it.each([
  ['client_min_messages', 'error'],
  ['search_path', 'public'],
])(
  'commits nothing on a connection whose %s is %s again, as behind a pooler in transaction mode',
  async (setting, value) => {
    const database = await migrated();
    await (await opened(database)).found(HEAD, []);
    const connections = postgresPool(placeOf(database.url));
    onTestFinished(() => connections.close());
    const head = (before: string) =>
      connections.use(async (session) => {
        await session.script(before);
        return POSTGRES_WRITER.lockHead(session, { do: 'lockHead' });
      });
    await expect(head(`set ${setting} = ${value}`)).rejects.toMatchObject({
      message: expect.stringMatching(/pooler in transaction mode/),
    });
    expect(
      await head(`set client_min_messages = warning; set search_path = pg_catalog, pg_temp`),
    ).toMatchObject({
      failed: [],
      head: HEAD,
    });
  },
);

it.each([
  ['fsync', 'fsync is off'],
  ['full_page_writes', 'full_page_writes is off'],
])('refuses a server with %s off, and one that is told so while it serves', async (name, why) => {
  const own = await clusterOfTest();
  const database = await own.database();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  const store = await opened(database);
  await store.found(HEAD, []);
  await own.alter({ [name]: 'off' });
  const writing = told(store, { do: 'insert', table: 'uses', rows: [ROW.uses(1)] }, { do: 'lockHead' });
  await expect(writing).rejects.toMatchObject({
    kind: 'other',
    message: expect.stringMatching(/fsync or full_page/),
  });
  expect(await refusal(database)).toContain(why);
  await own.alter({ [name]: 'on' });
  expect(await scanned(store, 'uses')).toEqual([]);
  expect(await told(store, { do: 'lockHead' })).toHaveLength(1);
});

it('refuses a standby', async () => {
  const own = await clusterOfTest();
  const database = await own.database();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  const standby = await own.standby({ name: 'second', synchronous: true });
  expect(await refusal(through(database, standby.port))).toContain('it is a standby, which takes no writes');
});

it('refuses a database whose text is not UTF8', async () => {
  const database = await cluster().database();
  const { username } = new URL(database.migrationUrl);
  const name = `${database.name}_ascii`;
  await cluster().query(`create database ${name} owner ${username} encoding 'SQL_ASCII' template template0`);
  const url = Object.assign(new URL(database.migrationUrl), { pathname: `/${name}` }).href;
  expect(await refusal({ ...database, url })).toContain('the encoding of the database is not UTF8');
  await askPostgres(url, 'select 1');
});
