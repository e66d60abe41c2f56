import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import type { PostgresPlace } from '../../src/store/postgres-place.ts';
import type { Store } from '../../src/vault/store.ts';
import { told } from '../contract/conversation.ts';
import { placeOf } from '../contract/engines.ts';
import { HEAD, ROW } from '../contract/rows.ts';
import { tempDir } from '../harness.ts';
import { type Database, through } from '../postgres/databases.ts';
import { clusterOfFile, clusterOfTest, proxyOfTest } from '../postgres/lifetimes.ts';

/** What callers are told while the server is out of reach, busy or not to be trusted; and that it passes by itself. */

const cluster = clusterOfFile();

async function migrated(of = cluster()): Promise<Database> {
  const database = await of.database();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  return database;
}

async function opened(place: PostgresPlace): Promise<Store> {
  const store = await openPostgres(place, (bytes) => Buffer.alloc(bytes));
  onTestFinished(() => store.close());
  return store;
}

const refusal = (place: PostgresPlace): Promise<string> =>
  opened(place).then(
    () => 'opened',
    ({ kind, message }: { kind: string; message: string }) => `${kind}: ${message}`,
  );

const use = (store: Store, n: number) => told(store, { do: 'insert', table: 'uses', rows: [ROW.uses(n)] });
const BUSY = { name: 'PostgresFailure', kind: 'busy' };

it('tells callers that every connection is in use, and that a lock is not had, in bounded time', async () => {
  const database = await migrated();
  const store = await opened(placeOf(database.url, 2));
  await store.found(HEAD, []);
  const holder = new Client({ connectionString: database.migrationUrl });
  await holder.connect();
  await holder.query('begin; lock table uses in access exclusive mode');
  const writes = [use(store, 1), use(store, 2)].map((write) =>
    expect(write).rejects.toMatchObject({
      ...BUSY,
      message: expect.stringMatching(/locked by another process/),
    }),
  );
  await expect(store.epoch()).rejects.toMatchObject({
    ...BUSY,
    message: 'every connection to the store is in use',
  });
  await Promise.all(writes);
  await holder.end();
  expect(await store.epoch()).toBe(1);
  expect(await use(store, 1)).toMatchObject([{ failed: [] }]);
});

it('goes on when the server has ended every connection', async () => {
  const database = await migrated();
  const store = await opened(placeOf(database.url));
  await store.found(HEAD, []);
  for (let round = 0; round < 3; round++) {
    await Promise.all([1, 2, 3, 4].map(() => store.epoch()));
    await cluster().query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database.name}'`,
    );
    expect(await Promise.all([store.epoch(), store.authority(), use(store, round)])).toMatchObject([
      1,
      { head: HEAD },
      [{ failed: [] }],
    ]);
  }
});

it('fails while the server is down and serves when it is up again', async () => {
  const own = await clusterOfTest();
  const database = await migrated(own);
  const store = await opened(placeOf(database.url));
  await store.found(HEAD, []);
  await own.kill();
  await expect(store.epoch()).rejects.toMatchObject(BUSY);
  await expect(use(store, 1)).rejects.toMatchObject(BUSY);
  await expect(store.snapshot()).rejects.toMatchObject(BUSY);
  expect(await refusal(placeOf(database.url))).toMatch(/^busy: the store cannot be reached/);
  await own.start();
  expect(await store.epoch()).toBe(1);
  expect(await use(store, 1)).toMatchObject([{ failed: [] }]);
});

it('gives up on a network that swallows what is sent, and serves when it no longer does', async () => {
  const database = await migrated();
  const proxy = await proxyOfTest(cluster().port);
  const store = await opened(placeOf(through(database, proxy.port).url, 2));
  await store.found(HEAD, []);
  proxy.swallow();
  await Promise.all(
    [1, 2, 3, 4].map((n) => expect(n % 2 === 0 ? store.epoch() : use(store, n)).rejects.toMatchObject(BUSY)),
  );
  await proxy.pass();
  expect(await store.epoch()).toBe(1);
});

it('uses no connection again on which nothing came', async () => {
  const database = await migrated();
  const proxy = await proxyOfTest(cluster().port);
  const store = await opened(placeOf(through(database, proxy.port).url, 2));
  await store.found(HEAD, []);
  await Promise.all([store.epoch(), store.authority()]);
  proxy.mute();
  const silent = { ...BUSY, message: 'the store does not answer' };
  await Promise.all([1, 2].map(() => expect(store.epoch()).rejects.toMatchObject(silent)));
  expect(await Promise.all([store.epoch(), store.epoch(), use(store, 1)])).toMatchObject([
    1,
    1,
    [{ failed: [] }],
  ]);
});

it('says nothing of what it was given when it is refused', async () => {
  const database = await migrated();
  const store = await opened(placeOf(database.url));
  const secret = 'hunter2\0';
  const refused = told(store, { do: 'insert', table: 'uses', rows: [{ ...ROW.uses(1), client: secret }] });
  const failure = await refused.catch((error: unknown) => error);
  expect(failure).toMatchObject({ kind: 'other', message: 'the store refused a statement (22021)' });
  expect(Object.keys(failure as object).toSorted()).toEqual(['kind', 'name', 'trouble']);
  expect((failure as Error).cause).toBeUndefined();
});

it('refuses a wrong password, a database that is not there, and a file that is not, without repeating any', async () => {
  const { url } = await migrated();
  const place = placeOf(url);
  const passwordFile = join(tempDir(), 'password');
  writeFileSync(passwordFile, 'hunter2');
  expect(await refusal({ ...place, passwordFile })).toBe(
    'other: the store refused the user or the password (28P01)',
  );
  expect(await refusal({ ...place, passwordFile: null })).toMatch(
    /^other: the store refused the user or the password/,
  );
  expect(await refusal({ ...place, database: 'nowhere' })).toMatch(/^other: the (database|store)/);
  expect(await refusal({ ...place, passwordFile: '/nowhere' })).toBe(
    'other: the file /nowhere does not read',
  );
});

it('takes a password that changes while it serves', async () => {
  const database = await migrated();
  const place = placeOf(database.url);
  const store = await opened(place);
  const { username } = new URL(database.url);
  onTestFinished(async () => {
    await cluster().query(`alter role ${username} password '${new URL(database.url).password}'`);
  });
  await cluster().query(`alter role ${username} password 'another'`);
  writeFileSync(place.passwordFile ?? '', 'another\n');
  await cluster().query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database.name}'`,
  );
  expect(await store.epoch()).toBe(0);
});

it('speaks TLS under an authority and a name that verify, and nothing else', async () => {
  const right = await clusterOfTest({ tls: 'right-host' });
  const place = { ...placeOf((await right.database()).migrationUrl), tls: true, ca: right.ca };
  expect(await refusal(place)).toBe('opened');
  const unverified = /^other: the certificate of the store does not verify/;
  expect(await refusal({ ...place, ca: null })).toMatch(unverified);
  expect(await refusal({ ...place, tls: false, ca: null })).toMatch(
    /^other: the store refused the user or the password \(28000\)$/,
  );
  const wrong = await clusterOfTest({ tls: 'wrong-host' });
  expect(
    await refusal({ ...placeOf((await wrong.database()).migrationUrl), tls: true, ca: wrong.ca }),
  ).toMatch(unverified);
  const { url } = await migrated();
  expect(await refusal({ ...placeOf(url), tls: true, ca: right.ca })).toBe(
    'other: the store does not speak TLS',
  );
});

it('takes nothing from the environment', async () => {
  const place = placeOf((await migrated()).url);
  const names = [
    'PGHOST',
    'PGPORT',
    'PGUSER',
    'PGDATABASE',
    'PGPASSWORD',
    'PGSSLMODE',
    'PGOPTIONS',
    'PGAPPNAME',
  ];
  for (const name of names) process.env[name] = '-c synchronous_commit=off';
  onTestFinished(() => {
    for (const name of names) Reflect.deleteProperty(process.env, name);
  });
  expect(await refusal(place)).toBe('opened');
});
