import { expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import { told } from '../contract/conversation.ts';
import { askPostgres, placeOf } from '../contract/engines.ts';
import { HEAD, ROW } from '../contract/rows.ts';
import { asked } from '../postgres/asked.ts';
import type { Database } from '../postgres/databases.ts';
import { databasesOfFile } from '../postgres/lifetimes.ts';

/** Which tables are served, which are made, and which are refused. */

const databases = databasesOfFile();

async function migrated(): Promise<Database> {
  const database = await databases();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  return database;
}

async function opened(url: string) {
  const store = await openPostgres(placeOf(url), (bytes) => Buffer.alloc(bytes));
  onTestFinished(() => store.close());
  return store;
}

const refusal = (url: string): Promise<string> =>
  opened(url).then(
    () => 'opened',
    ({ message }: Error) => message,
  );

const tablesOf = ({ migrationUrl }: Database): Promise<unknown[]> =>
  asked(
    migrationUrl,
    `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  );

it('lists what it would do, with its SQL, and does nothing of it', async () => {
  const database = await databases();
  const pending = await migratePostgres(placeOf(database.migrationUrl), 'dry-run');
  expect(pending.map(({ name }) => name)).toContain('0000_vault');
  expect(pending[0]?.statements.join('\n')).toMatch(/^CREATE TABLE "claims"/m);
  expect(await tablesOf(database)).toEqual([]);
});

it('makes the tables of an empty database, once', async () => {
  const database = await databases();
  const place = placeOf(database.migrationUrl);
  const done = await Promise.all([migratePostgres(place, 'apply'), migratePostgres(place, 'apply')]);
  const known = await migratePostgres(placeOf((await databases()).migrationUrl), 'dry-run');
  expect(done.map((applied) => applied.length).toSorted((a, b) => a - b)).toEqual([0, known.length]);
  expect(await migratePostgres(place, 'dry-run')).toEqual([]);
  expect(await refusal(database.url)).toBe('opened');
});

it('gives an empty database its tables when it is opened by whoever owns it, and refuses it to others', async () => {
  const database = await databases();
  expect(await refusal(database.url)).toContain('lacks a right');
  expect(await tablesOf(database)).toEqual([]);
  expect(await refusal(database.migrationUrl)).toBe('opened');
  expect(await refusal(database.url)).toBe('opened');
});

it('refuses tables of an earlier release, and names the command', async () => {
  const database = await migrated();
  await askPostgres(database.migrationUrl, 'delete from "__drizzle_migrations"');
  expect(await refusal(database.url)).toContain('run strongroom migrate');
});

it('refuses tables that no migration made', async () => {
  const database = await databases();
  await askPostgres(database.migrationUrl, 'create table events (id int primary key)');
  const place = placeOf(database.migrationUrl);
  await expect(migratePostgres(place, 'apply')).rejects.toThrow('no migration of ours made');
  expect(await refusal(database.url)).toContain('no migration of ours made');
});

it('serves what a next release has only added to', async () => {
  const database = await migrated();
  await askPostgres(
    database.migrationUrl,
    `insert into "__drizzle_migrations" (hash, created_at) values ('next', 9999999999999);
     alter table uses add column seen bigint, add column kind text not null default 'key';
     create table next (id int primary key); create index more on issued (at)`,
  );
  const store = await opened(database.url);
  await store.found(HEAD, []);
  expect(await told(store, { do: 'insert', table: 'uses', rows: [ROW.uses(1)] })).toMatchObject([
    { failed: [] },
  ]);
  expect(await store.uses([ROW.uses(1).keyId])).toEqual([ROW.uses(1)]);
});

it.each([
  ['alter table uses drop column at', 'uses."at" is missing'],
  ['drop table lookups', 'lookups."collection" is missing'],
  ['alter table uses add column needed text not null', 'uses."needed" must be given'],
  ['alter table uses alter column at type numeric', 'uses."at" is not bigint'],
  ['alter table subjects alter column cell type text using null', 'subjects."cell" is not bytea'],
  [
    'alter table issued alter column collection type text collate "default"',
    'issued."collection" is not compared byte by byte',
  ],
  ['alter table events set unlogged', 'events."index" is not in an ordinary logged table'],
  ['alter table issued drop constraint issued_collection_hash_pk', 'issued may hold one key twice'],
  [
    'alter table issued drop constraint issued_collection_hash_pk; create unique index on issued (collection, hash) where at > 0',
    'issued may hold one key twice',
  ],
  [
    'create trigger t before update on head for each row execute function suppress_redundant_updates_trigger()',
    'head has a trigger',
  ],
  ['create rule r as on update to head do instead nothing', 'head has a rule'],
  ['alter table issued enable row level security', 'issued has row-level security'],
  ['create table more () inherits (events)', 'events has tables that inherit from it'],
])('refuses what %s has left', async (sql, why) => {
  const database = await migrated();
  await askPostgres(database.migrationUrl, sql);
  expect(await refusal(database.url)).toContain(why);
});

it('is not led to tables of the same names elsewhere', async () => {
  const database = await migrated();
  const { username } = new URL(database.url);
  await askPostgres(
    database.migrationUrl,
    `create schema "${username}"; grant usage on schema "${username}" to "${username}";
     create table "${username}".head ("only" bigint, epoch bigint); grant all on "${username}".head to "${username}";
     insert into "${username}".head values (1, 77)`,
  );
  expect(await (await opened(database.url)).epoch()).toBe(0);
});
