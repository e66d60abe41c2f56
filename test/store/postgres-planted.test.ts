import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { inspectPostgres } from '../../src/store/postgres-inspection.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import { giveRights, isNewer, rightsOf, vacancyOf } from '../../src/store/postgres-rights.ts';
import { visit } from '../../src/store/postgres-visit.ts';
import { scanned, told } from '../contract/conversation.ts';
import { askPostgres, placeOf } from '../contract/engines.ts';
import { HEAD, ROW } from '../contract/rows.ts';
import type { Database } from '../postgres/databases.ts';
import { clusterOfFile } from '../postgres/lifetimes.ts';

/**
 * Whoever may make objects in `public`, as everybody may on PostgreSQL 14, plants what fits our statements better than the
 * server's own (CVE-2018-1058): it would run as the role that serves, or as the owner who migrates.
 */

const cluster = clusterOfFile();
let database: Database;

/** Each of these is a better match for the arguments that we give than what pg_catalog has. */
const PLANTED = [
  ...['bytea', 'bigint', 'text'].map(
    (type) =>
      `create function public.unnest(${type}[]) returns setof ${type} language plpgsql as $$ begin raise exception 'planted'; end $$`,
  ),
  `create function public.f(oid, regnamespace) returns boolean language plpgsql as $$ begin raise exception 'planted'; end $$;
   create operator public.= (function = public.f, leftarg = oid, rightarg = regnamespace)`,
  `create function public.f(numeric, int) returns numeric language plpgsql as $$ begin raise exception 'planted'; end $$;
   create operator public.* (function = public.f, leftarg = numeric, rightarg = int)`,
].join('; ');

beforeEach(async () => {
  database = await cluster().database();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  const name = `planter_${database.name}`;
  await cluster().query(`create role ${name} login password 'x'`);
  await cluster().query(`grant create, usage on schema public to ${name}`, database.name);
  await cluster().query(`grant connect on database ${database.name} to ${name}`);
  const url = Object.assign(new URL(database.url), { username: name, password: 'x' }).href;
  await askPostgres(url, PLANTED);
});

it('runs nothing as the role that serves', async () => {
  const store = await openPostgres(placeOf(database.url), (bytes) => Buffer.alloc(bytes));
  onTestFinished(() => store.close());
  expect(await store.found(HEAD, [])).toBe(true);
  const rows = [ROW.uses(1)];
  const append = { do: 'append', first: 0, events: [Buffer.from('event')] } as const;
  expect(await told(store, { do: 'insert', table: 'uses', rows }, { do: 'lockHead' }, append)).toMatchObject([
    { failed: [] },
    { head: HEAD },
    { failed: [] },
  ]);
  expect(await store.uses([ROW.uses(1).keyId])).toEqual(rows);
  expect(await store.tiles([{ level: 0, index: 0 }])).toEqual([null]);
  expect(await store.taken('col', [Buffer.alloc(32)])).toEqual([false]);
  expect(await store.clock()).toBeGreaterThan(0);
  expect(await scanned(store, 'uses')).toEqual(rows);
  expect((await inspectPostgres(placeOf(database.url), () => 0)).condition.schema).toEqual([]);
});

it('runs nothing as the owner who migrates and gives rights', async () => {
  const owner = placeOf(database.migrationUrl);
  expect(await migratePostgres(owner, 'dry-run')).toEqual([]);
  expect(await giveRights(owner, new URL(database.url).username, 'apply')).not.toEqual([]);
  expect(await isNewer(owner)).toBe(false);
  expect(await vacancyOf(owner)).toBe('vacant');
});

it.each(['a superuser', 'one that makes roles', 'pg_read_server_files', 'pg_execute_server_program'])(
  'tells of a serving role that may become %s',
  async (what) => {
    const { username } = new URL(database.url);
    const powers = async () =>
      (await visit(placeOf(database.url), (session) => rightsOf(session, username)))?.powers;
    expect(await powers()).toEqual([]);
    const given = what.startsWith('pg_') ? what : `mighty_${database.name}`;
    const kind = what === 'a superuser' ? 'superuser' : 'createrole';
    if (given !== what) await cluster().query(`create role ${given} ${kind}`);
    await cluster().query(`grant ${given} to ${username}`);
    expect(await powers()).toEqual([
      'it may become a role that may do so, or reads, writes or runs files of the server',
    ]);
    await cluster().query(`revoke ${given} from ${username}`);
  },
);
