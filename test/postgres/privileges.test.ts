import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { grantsTo, TABLE_RIGHTS } from '../../src/store/postgres-privileges.ts';
import { SCHEMA } from '../../src/store/columns.ts';
import { textOf } from '../docs/documents.ts';
import { onPostgres } from '../engine.ts';
import { newVault, type TestVault } from '../harness.ts';

/** Whoever steals the password of the role that serves: what PostgreSQL itself refuses to him. */

onPostgres();

/** What a role may do with a table, and with its columns, as statements that touch no row. */
function* statements(table: string, columns: readonly string[]): Generator<[right: string, sql: string]> {
  const name = `public."${table}"`;
  yield ['select', `select 1 from ${name} where false`];
  yield ['delete', `delete from ${name} where false`];
  yield ['insert', `insert into ${name} select * from ${name} where false`];
  for (const column of columns)
    yield [`update of ${column}`, `update ${name} set "${column}" = "${column}" where false`];
  yield ['truncate', `truncate ${name}`];
  yield ['drop', `drop table ${name}`];
  yield ['alter', `alter table ${name} add column "more" int`];
  yield ['index', `create index on ${name} ("${columns[0]}")`];
  yield [
    'trigger',
    `create trigger t before insert on ${name} execute function suppress_redundant_updates_trigger()`,
  ];
  yield ['rule', `create rule r as on insert to ${name} do instead nothing`];
  yield ['owner', `alter table ${name} owner to current_user`];
}

async function serving({ settings: { store } }: TestVault): Promise<Client> {
  if (store.engine !== 'postgres') return expect.fail('the store is a file');
  const { host, port, user, database, passwordFile } = store;
  const client = new Client({
    host,
    port,
    user,
    database,
    password: readFileSync(passwordFile ?? '', 'utf8'),
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Null where it went through; else PostgreSQL's code. A statement that went through is undone. */
async function refusal(client: Client, sql: string): Promise<string | null> {
  await client.query('begin');
  const code = await client.query(sql).then(
    () => null,
    (error: unknown) => String(Reflect.get(Object(error), 'code')),
  );
  await client.query('rollback');
  return code;
}

it('refuses the role that serves every statement on every table but what is listed, and nothing that is', async () => {
  const client = await serving(await newVault());
  expect(new Set(TABLE_RIGHTS.map(({ table }) => table))).toEqual(new Set(SCHEMA.keys()));
  for (const { table, verbs, updates } of TABLE_RIGHTS) {
    const columns = (SCHEMA.get(table) ?? []).map((name) => name.replaceAll('"', ''));
    const allowed = new Set<string>(verbs);
    for (const column of allowed.has('update') ? columns : updates) allowed.add(`update of ${column}`);
    for (const [right, sql] of statements(table, columns))
      expect(await refusal(client, sql), sql).toBe(allowed.has(right) ? null : '42501');
  }
  await client.end();
});

it('never lets the log be changed, nor an issued token, a key, a policy or a grant be taken away', () => {
  const may = Object.fromEntries(
    TABLE_RIGHTS.map(({ table, verbs, updates }) => [table, [...verbs, ...updates]]),
  );
  expect(may['events']).toEqual(['select', 'insert']);
  expect(may['issued']).toEqual(['select', 'insert', 'ended']);
  for (const table of ['policies', 'grants', 'subjects']) expect(may[table]).toEqual(['select', 'insert']);
  // A key that was rotated out is destroyed: its row stays, and says so under a MAC.
  expect(may['keys']).toEqual(['select', 'insert', 'state', 'wrapped', 'revision', 'mac']);
  for (const table of ['clients', 'collections', 'restrictions', 'head'])
    expect(may[table]).not.toContain('delete');
});

it('lets it make nothing, become nobody and read no other notes', async () => {
  const client = await serving(await newVault());
  for (const sql of [
    'create table "mine" (id int)',
    'create temporary table "mine" (id int)',
    'create schema "mine"',
    'create function f() returns int language sql as $$ select 1 $$',
    'insert into "__drizzle_migrations" ("hash", "created_at") values (\'x\', 1)',
    'delete from "__drizzle_migrations"',
    `copy "events" to program 'cat'`,
    `select pg_read_file('postgresql.conf')`,
    'set session authorization postgres',
    'create role "more"',
  ])
    expect(await refusal(client, sql), sql).toBe('42501');
  await client.end();
});

it('docs/postgres.md has these rights, statement by statement', () => {
  const blocks = [...textOf('docs/postgres.md').matchAll(/```sql\n([^`]*)```/g)].map(([, sql = '']) => sql);
  expect(blocks).toContain(`${grantsTo('strongroom').join(';\n')};\n`);
});
