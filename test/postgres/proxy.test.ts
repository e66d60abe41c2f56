import { Client } from 'pg';
import { beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { ownPort } from '../port.ts';
import { asked } from './asked.ts';
import { type Database, through } from './databases.ts';
import { clusterOfFile, proxyOfTest } from './lifetimes.ts';
import type { Proxy } from './proxy.ts';

const PATIENT = { timeout: 60_000 };
const cluster = clusterOfFile();
let database: Database;
let proxy: Proxy;
let url: string;

beforeAll(async () => {
  database = await cluster().database();
  await asked(database.migrationUrl, 'create table kept (id int primary key)');
});

beforeEach(async () => {
  await asked(database.url, 'delete from kept');
  proxy = await proxyOfTest(cluster().port);
  url = through(database, proxy.port).url;
});

/** A connection that is left open, in a transaction with one row to commit. */
async function midway(id: number): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  onTestFinished(() => client.end());
  await client.connect();
  await client.query('begin');
  await client.query('insert into kept values ($1)', [id]);
  return client;
}

const kept = (): Promise<unknown[]> => asked(database.url, 'select id from kept order by id');
const ofText = (client: Client, sql: string): Promise<string> =>
  client.query(sql).then(
    ({ command }) => command,
    () => 'failed',
  );

it('hands everything on, large answers too, while nothing is asked of it', async () => {
  const sql = `select n, repeat('x', 5000) as text from generate_series(1, 500) n`;
  expect(await asked(url, sql)).toEqual(await asked(database.url, sql));
  await expect.poll(() => proxy.open, PATIENT).toBe(0);
});

it.each([
  ['before', []],
  ['after', [{ id: 1 }]],
] as const)('cuts a connection %s its commit is durable', async (fault, left) => {
  const client = await midway(1);
  const struck = proxy.atCommit(fault);
  expect(await ofText(client, 'COMMIT')).toBe('failed');
  await struck;
  await expect.poll(kept, PATIENT).toEqual(left);
  expect(await asked(url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

it('leaves a commit that is durable without an answer, and only that one', async () => {
  const client = await midway(1);
  const struck = proxy.atCommit('unanswered');
  let answered = false;
  void ofText(client, 'commit').then(() => (answered = true));
  await struck;
  expect(await kept()).toEqual([{ id: 1 }]);
  const other = await midway(2);
  expect(await ofText(other, 'commit')).toBe('COMMIT');
  expect(answered).toBe(false);
});

it('cuts an answer in the middle', async () => {
  const client = await midway(1);
  const struck = proxy.midAnswer();
  expect(await ofText(client, `select repeat('x', 100000)`)).toBe('failed');
  await struck;
  await expect.poll(kept, PATIENT).toEqual([]);
});

it('refuses connections until it passes them again, on the same port', async () => {
  const client = await midway(1);
  await proxy.refuse();
  expect(await ofText(client, 'select 1')).toBe('failed');
  await expect(asked(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await proxy.pass();
  expect(await asked(url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

it('swallows what is sent, and lets it arrive when the way is free again', async () => {
  const client = await midway(1);
  proxy.swallow();
  let answered = false;
  const commit = ofText(client, 'commit').finally(() => (answered = true));
  expect(await asked(database.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(await kept()).toEqual([]);
  expect(answered).toBe(false);
  await proxy.pass();
  expect(await commit).toBe('COMMIT');
  expect(await kept()).toEqual([{ id: 1 }]);
});

it('slows every piece down, and keeps their order', async () => {
  proxy.delay(30);
  const client = await midway(1);
  for (const id of [2, 3]) expect(await ofText(client, `insert into kept values (${id})`)).toBe('INSERT');
  expect(await ofText(client, 'commit')).toBe('COMMIT');
  expect(await kept()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
});

it('aims new connections elsewhere', async () => {
  proxy.aim(await ownPort());
  await expect(asked(url, 'select 1')).rejects.toThrow(/terminated|ECONNRESET/);
  proxy.aim(cluster().port);
  expect(await asked(url, 'select 1 as one')).toEqual([{ one: 1 }]);
});
