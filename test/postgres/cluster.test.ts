import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/config/settings.ts';
import { tempDir } from '../harness.ts';
import { asked } from './asked.ts';
import { LOOPBACK } from './data-folder.ts';
import { Databases, storeText, through, urlWith } from './databases.ts';
import { clusterOfFile, clusterOfTest, databasesOfFile } from './lifetimes.ts';
import { childrenOf, isRunning } from './processes.ts';

/** A loaded machine takes its time to do what it will do. */
const PATIENT = { timeout: 60_000 };

const cluster = clusterOfFile();

it('keeps what it acknowledges: fsync, full page writes, synchronous commit, and its own WAL level', async () => {
  const names = ['fsync', 'full_page_writes', 'synchronous_commit', 'wal_level', 'wal_sync_method'];
  const { url } = await cluster().database();
  const [row] = await asked(
    url,
    `select ${names.map((name) => `current_setting('${name}') as ${name}`).join(', ')}`,
  );
  expect(row).toEqual({
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    wal_level: 'replica',
    wal_sync_method: 'fdatasync',
  });
});

it('gives each test a database that no other role enters, and a serving role that owns nothing', async () => {
  const [one, other] = [await cluster().database(), await cluster().database()];
  expect(one.name).not.toBe(other.name);
  await asked(one.migrationUrl, 'create table kept (id int primary key)');
  await asked(one.url, 'insert into kept values (1)');
  expect(await asked(one.url, 'select id from kept')).toEqual([{ id: 1 }]);
  for (const sql of ['drop table kept', 'create table more (id int)', 'truncate kept'])
    await expect(asked(one.url, sql)).rejects.toMatchObject({ code: '42501' });
  await expect(asked(other.url, 'select id from kept')).rejects.toMatchObject({ code: '42P01' });
  const wrong = Object.assign(new URL(one.url), { password: 'wrong' }).href;
  await expect(asked(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' });
});

it('writes the settings of a vault for a database, with its password in a file', async () => {
  const dir = tempDir();
  const { url, name } = await cluster().database();
  const text = `vault: { name: test, environment: test }\nmasterKey: { provider: file, path: keys }\n`;
  const config = readConfig(`${text}${storeText(url, dir, 'connections: 4')}\n`, dir);
  if ('problems' in config) return expect.fail(JSON.stringify(config.problems));
  const { store } = config.settings;
  expect(store).toMatchObject({
    engine: 'postgres',
    host: LOOPBACK,
    port: cluster().port,
    database: name,
    connections: 4,
  });
  const file = 'passwordFile' in store ? (store.passwordFile ?? '') : '';
  expect(readFileSync(file, 'utf8').trim()).toBe(new URL(url).password);
});

it.each(['kill', 'immediate', 'fast'] as const)(
  'starts again after %s with what was committed',
  async (how) => {
    const own = await clusterOfTest();
    const { url, migrationUrl } = await own.database();
    await asked(migrationUrl, 'create table kept (id int primary key)');
    const { pid, port } = own;
    const under = childrenOf(pid ?? -1);
    expect(under.length).toBeGreaterThan(3);
    await asked(url, 'insert into kept select generate_series(1, 1000)');
    await (how === 'kill' ? own.kill() : own.stop(how));
    await expect.poll(() => [pid ?? -1, ...under].filter(isRunning), PATIENT).toEqual([]);
    await expect(asked(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await own.start();
    expect(own.port).toBe(port);
    expect(await asked(url, 'select count(*)::int as n from kept')).toEqual([{ n: 1000 }]);
    expect(/not properly shut down/.test(own.log)).toBe(how !== 'fast');
  },
);

it('has a standby that every commit waits for, and that takes over with all of them', async () => {
  const own = await clusterOfTest();
  const database = await own.database();
  await asked(database.migrationUrl, 'create table kept (id int primary key)');
  const standby = await own.standby({ name: 'second', synchronous: true });
  const seen = through(database, standby.port);
  await asked(database.url, 'insert into kept values (1)');
  await expect.poll(() => asked(seen.url, 'select id from kept'), PATIENT).toEqual([{ id: 1 }]);
  await expect(asked(seen.url, 'insert into kept values (9)')).rejects.toMatchObject({ code: '25006' });

  await standby.stop('fast');
  const waiting = new Client({ connectionString: database.url });
  waiting.on('error', () => undefined);
  await waiting.connect();
  const commit = waiting.query('insert into kept values (2)').then(
    () => 'acknowledged',
    () => 'lost',
  );
  const [held] = await poll(() =>
    own.query(`select wait_event from pg_stat_activity where wait_event = 'SyncRep'`),
  );
  expect(held).toEqual({ wait_event: 'SyncRep' });
  await standby.start();
  expect(await commit).toBe('acknowledged');
  await waiting.end();

  await own.kill();
  await standby.promote();
  expect(await asked(seen.url, 'select id from kept order by id')).toEqual([{ id: 1 }, { id: 2 }]);
  await asked(seen.url, 'insert into kept values (3)');
});

it('with TLS takes nothing without it, under an authority and a name of our choice', async () => {
  const own = await clusterOfTest({ tls: 'right-host' });
  const { url } = await own.database();
  await expect(asked(url, 'select 1')).rejects.toMatchObject({ code: '28000' });
  const ca = readFileSync(own.ca ?? '');
  const used = 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()';
  expect(await asked(url, used, { ca })).toEqual([{ ssl: true, version: 'TLSv1.3' }]);
  const byName = urlWith(url, { hostname: 'localhost' });
  expect(await asked(byName, used, { ca })).toEqual([{ ssl: true, version: 'TLSv1.3' }]);
  await expect(asked(url, used, {})).rejects.toThrow(/certificate/);
  const wrong = await clusterOfTest({ tls: 'wrong-host' });
  const { url: elsewhere } = await wrong.database();
  await expect(asked(elsewhere, used, { ca: readFileSync(wrong.ca ?? '') })).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
});

it('leaves no process and no file when who started it is killed', async () => {
  const starter = spawn(
    process.execPath,
    ['--import', 'tsx', new URL('orphan.ts', import.meta.url).pathname],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const said = await new Promise<string>((resolve) =>
    starter.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  const told = JSON.parse(said) as { pids: number[]; ports: number[]; folders: string[] };
  expect(told.pids.map(isRunning)).toEqual([true, true]);
  expect(told.folders.map((folder) => existsSync(folder))).toEqual([true, true]);
  starter.kill('SIGKILL');
  await expect.poll(() => told.pids.map(isRunning), PATIENT).toEqual([false, false]);
  await expect.poll(() => told.folders.map((folder) => existsSync(folder)), PATIENT).toEqual([false, false]);
  for (const port of told.ports) await expect(reached(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('takes away what it made on a server that goes on', async () => {
  const counted = (): Promise<unknown[]> =>
    cluster().query('select (select count(*) from pg_database) as d, (select count(*) from pg_roles) as r');
  const before = await counted();
  const guest = new Databases(cluster().adminUrl);
  const { url, name } = await guest.database();
  await guest.database();
  expect(await asked(url, 'select current_database() as name')).toEqual([{ name }]);
  expect(await counted()).not.toEqual(before);
  await guest.drop();
  expect(await counted()).toEqual(before);
});

const plain = databasesOfFile();
it('is what plain tests get, if the environment names no other server', async () => {
  expect(await asked((await plain()).url, 'select 1 as one')).toEqual([{ one: 1 }]);
});

function reached(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, LOOPBACK, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

async function poll<T>(question: () => Promise<T[]>): Promise<T[]> {
  let rows: T[] = [];
  await expect
    .poll(async () => {
      rows = await question();
      return rows.length;
    }, PATIENT)
    .toBeGreaterThan(0);
  return rows;
}
