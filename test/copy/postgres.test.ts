import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { connect } from '../../src/client/client.ts';
import type { PostgresSettings } from '../../src/config/store.ts';
import { openStore } from '../../src/open.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import { cardNumber } from '../cards.ts';
import { made } from '../cli/made.ts';
import type { Database } from '../postgres/databases.ts';
import { clusterOfFile, clusterOfTest } from '../postgres/lifetimes.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { finished, killedAt, LINES, start, startUntil } from './commands.ts';
import {
  aVault,
  copy,
  NEW,
  OLD,
  isServed,
  openingOf,
  otherSettings,
  reopenOld,
  toSqlite,
  valuesOf,
} from './moving.ts';
import { acknowledgedOf, revealed } from './load.ts';

/** Moves to a real PostgreSQL, and from one. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
const cluster = clusterOfFile();

/** Settings with a database of its own, whose tables its owner made: what serves and moves is the role that owns nothing. */
async function toPostgres(dir: string, database: Database, name = NEW): Promise<string> {
  const place = ({ username, port }: URL): PostgresSettings => ({
    engine: 'postgres',
    host: '127.0.0.1',
    port: Number(port),
    user: username,
    database: database.name,
    passwordFile: join(dir, 'password'),
    tls: false,
    ca: null,
    connections: 4,
  });
  const [owner, runtime] = [new URL(database.migrationUrl), new URL(database.url)];
  writeFileSync(join(dir, 'password'), owner.password, { mode: 0o600 });
  await migratePostgres(place(owner), 'apply');
  writeFileSync(join(dir, 'password'), runtime.password, { mode: 0o600 });
  const url = `postgres://${runtime.username}@127.0.0.1:${runtime.port}/${database.name}`;
  return otherSettings(dir, name, url, ', password: { file: password }');
}

/** Every row of every table of a store, and its head. */
async function contentsOf(dir: string, settings: string) {
  const store = await openStore(openingOf(dir, settings).settings.store, openingOf(dir).world);
  try {
    const snapshot = await store.snapshot();
    const rows: Record<string, string[]> = {};
    for (const table of snapshot.tables) {
      const own: string[] = (rows[table] = []);
      for await (const page of snapshot.pages(table, null))
        own.push(...page.map((row) => JSON.stringify(row)));
    }
    const { standing = '', mac: _mac, lastAt: _at, ...head } = snapshot.authority.head ?? {};
    await snapshot.close();
    return { rows, head, standing };
  } finally {
    await store.close();
  }
}

it('moves a vault from a file to PostgreSQL whole, and back into another file', async () => {
  const one = await aVault();
  const database = await cluster().database();
  await toPostgres(one.dir, database);
  const report = await copy(one.dir);
  expect(report).toMatchObject({ moved: true, to: `postgres:${database.name}`, findings: [] });
  const [old, moved] = [await contentsOf(one.dir, OLD), await contentsOf(one.dir, NEW)];
  expect(moved.rows).toEqual(old.rows);
  expect(moved.head).toEqual(old.head);
  expect([old.standing, moved.standing]).toEqual([
    `moved postgres:${database.name} ${report.copy}`,
    `open ${report.copy}`,
  ]);
  expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([false, true]);
  expect(await valuesOf(one, NEW)).toEqual(one.cards);

  toSqlite(one.dir, 'back.yaml', 'back/vault.db');
  expect(await copy(one.dir, undefined, [NEW, 'back.yaml'])).toMatchObject({ moved: true });
  expect([await isServed(one.dir, NEW), await isServed(one.dir, 'back.yaml')]).toEqual([false, true]);
  expect((await contentsOf(one.dir, 'back.yaml')).rows).toEqual((await contentsOf(one.dir, NEW)).rows);
  expect(await valuesOf(one, 'back.yaml')).toEqual(one.cards);
});

it.each([
  [
    'a value',
    `update "values" set "creator" = 'cli_other' where "row" = (select min("row") from "values")`,
    'values',
  ],
  ['an event', `delete from "events" where "index" = 2`, 'events'],
  ['a row more', `insert into "uses" values ('key_0', 'cli_0', 0, '\\x00')`, 'uses'],
])('a copy in PostgreSQL that somebody wrote to is not opened: %s', async (_, sql, table) => {
  const one = await aVault();
  const database = await cluster().database();
  await toPostgres(one.dir, database);
  await expect(copy(one.dir, stopAt('Comparing both stores'))).rejects.toThrow('stopped');
  await cluster().query(sql, database.name);
  const report = await copy(one.dir);
  expect(report.moved).toBe(false);
  expect(report.findings).toContainEqual({
    index: null,
    table,
    problem: 'its rows are not those of the old store',
  });
  expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([false, false]);
  await reopenOld(one.dir);
  expect(await isServed(one.dir, OLD)).toBe(true);
  await expect(copy(one.dir)).rejects.toThrow(/given up/);
});

it('a database with another vault, or with rows of none, is refused before anything is closed', async () => {
  const [one, two] = [await aVault(), await aVault()];
  const database = await cluster().database();
  await toPostgres(two.dir, database);
  await copy(two.dir);
  await toPostgres(one.dir, database);
  await expect(copy(one.dir)).rejects.toThrow(/this vault already/);
  await cluster().query('delete from "head"', database.name);
  await expect(copy(one.dir)).rejects.toThrow(/rows of no vault/);
  expect(await isServed(one.dir, OLD)).toBe(true);
});

it('goes on after kill -9 at each of its lines, and after the server died under it', async () => {
  const server = await clusterOfTest();
  const vault = await made();
  const { key } = await vault.add('load', ...GRANTS);
  const values = Array.from({ length: 1000 }, (_, i) => cardNumber(i));
  await quiet(vault.config);
  const served = await serveProcess(vault.config);
  const client = connect({ url: served.url, apiKey: key });
  const { items } = await client.tokenise({
    items: values.map((value) => ({ collection: 'customer-pan', value })),
  });
  await served.stop();
  const known = new Map(items.map((item, i) => ['token' in item ? item.token : '', values[i] ?? '']));
  const to = await toPostgres(vault.dir, await server.database());
  for (const line of LINES) {
    await killedAt(start(vault, to), line);
    const standings = [
      (await contentsOf(vault.dir, OLD)).standing,
      (await contentsOf(vault.dir, NEW)).standing,
    ];
    expect(standings.filter((standing) => standing.startsWith('open')).length).toBeLessThan(2);
    if (line !== 'Copying the store') continue;
    // It waits while the server dies. It may say the line before it stops, and again: it is woken until it ends.
    const broken = startUntil(vault, to, 'Comparing both stores', 'SIGSTOP');
    const killed: Promise<NodeJS.Timeout>[] = [];
    const { code } = await finished(broken, (stderr) => {
      if (stderr.includes('Comparing') && killed.length === 0)
        killed.push(server.kill().then(() => setInterval(() => void broken.kill('SIGCONT'), 50)));
    });
    expect(killed).toHaveLength(1);
    for (const wakes of await Promise.all(killed)) clearInterval(wakes);
    expect(code).toBe(1);
    await server.start();
  }
  expect(await finished(start(vault, to))).toMatchObject({ code: 0 });
  expect((await contentsOf(vault.dir, NEW)).rows).toEqual((await contentsOf(vault.dir, OLD)).rows);
  const again = await serveProcess(to);
  expect(await revealed(connect({ url: again.url, apiKey: key }), known)).toEqual(known);
  await again.stop();
});

it('moves a vault that two processes serve from PostgreSQL under load: all that was acknowledged is in the new store', async () => {
  const vault = await made();
  const { key } = await vault.add('load', ...GRANTS);
  await quiet(vault.config);
  const to = await toPostgres(vault.dir, await cluster().database());
  expect(await finished(start(vault, to))).toMatchObject({ code: 0 });
  const replicas = [await serveProcess(to), await serveProcess(to)];
  const third = toSqlite(vault.dir, 'third.yaml', 'third/vault.db');
  const { known, ended, stop } = acknowledgedOf(
    replicas.flatMap(({ url }) => [url, url, url]),
    key,
  );
  while (known.size < 1500) await new Promise((turn) => setImmediate(turn));
  const started = known.size;
  const moved = await strongroom(['store', 'copy', '--config', to, '--to', third]);
  stop();
  expect(await ended).toEqual(Array.from({ length: 6 }, () => 'unavailable'));
  expect(moved).toMatchObject({ code: 0 });
  expect(known.size).toBeGreaterThan(started);
  for (const replica of replicas) {
    expect((await fetch(`${replica.url}/readyz`)).status).toBe(503);
    await replica.stop();
  }
  expect(await strongroom(['serve', '--config', to])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('closed for good'),
  });
  const again = await serveProcess(third);
  expect(await revealed(connect({ url: again.url, apiKey: key }), known)).toEqual(known);
  await again.stop();
  expect(await strongroom(['audit', 'verify', '--config', third])).toMatchObject({ code: 0 });
});

const GRANTS = ['--grant', 'tokenise:customer-pan', '--grant', 'detokenise:customer-pan@settlement'];

/** A port of its own for whoever serves it. */
async function quiet(config: string): Promise<void> {
  writeFileSync(config, readFileSync(config, 'utf8').replace('port: 7420', 'port: 0'));
}

/** Ends a move when it comes to a step. */
function stopAt(step: string): (told: string) => void {
  return (told) => {
    if (told === step) throw new Error('stopped');
  };
}
