import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import type { Statement, Told, Transaction } from '../../src/vault/statement.ts';
import type { Store } from '../../src/vault/store.ts';
import { told } from '../contract/conversation.ts';
import { placeOf } from '../contract/engines.ts';
import { bytesOf, HEAD, ROW } from '../contract/rows.ts';
import { type Database, through } from '../postgres/databases.ts';
import { clusterOfFile, proxyOfTest } from '../postgres/lifetimes.ts';
import type { Proxy } from '../postgres/proxy.ts';

/** What becomes of a group whose COMMIT is not answered: docs/adr/0007-unknown-outcome.md. */

const cluster = clusterOfFile();
let database: Database;
let proxy: Proxy;
let store: Store;

async function opened(url: string, connections = 3): Promise<Store> {
  const made = await openPostgres(placeOf(url, connections), (bytes) => Buffer.alloc(bytes, 7));
  onTestFinished(() => made.close());
  return made;
}

beforeEach(async () => {
  database = await cluster().database();
  await migratePostgres(placeOf(database.migrationUrl), 'apply');
  proxy = await proxyOfTest(cluster().port);
  store = await opened(through(database, proxy.port).url);
  await store.found(HEAD, []);
});

/** A group with an event, as the vault commits one; how often it was run is counted. */
function group(n: number): { readonly run: () => Transaction<number>; readonly runs: () => number } {
  let runs = 0;
  return {
    runs: () => runs,
    *run() {
      runs += 1;
      yield { do: 'insert', table: 'uses', rows: [ROW.uses(n)] };
      const { head } = yield { do: 'lockHead' };
      if (head === null) throw new Error('no head');
      yield { do: 'append', first: head.size, events: [bytesOf(n, 40), bytesOf(n + 1, 40)] };
      yield { do: 'writeHead', head: { ...head, size: head.size + 2 } };
      return { keep: true, result: head.size };
    },
  };
}

const stored = async (): Promise<{
  readonly events: number;
  readonly uses: number;
  readonly size: number;
}> => {
  const [row] = await cluster().query(
    `select (select count(*)::int from events) as events, (select count(*)::int from uses) as uses, (select size::int from head) as size`,
    database.name,
  );
  return { events: Number(row?.['events']), uses: Number(row?.['uses']), size: Number(row?.['size']) };
};
/** A loaded machine takes its time to do what it will do. */
const PATIENT = { timeout: 60_000 };
const ONCE = { events: 2, uses: 1, size: 2 };
const NEVER = { events: 0, uses: 0, size: 0 };

it('runs a group anew whose COMMIT never reached the server', async () => {
  const struck = proxy.atCommit('before');
  const { run, runs } = group(1);
  expect(await store.transact(run)).toBe(0);
  await struck;
  expect(runs()).toBe(2);
  expect(await stored()).toEqual(ONCE);
});

it.each(['after', 'unanswered'] as const)(
  'answers a group that is durable although its COMMIT was lost (%s), and runs it once',
  async (fault) => {
    const struck = proxy.atCommit(fault);
    const { run, runs } = group(1);
    expect(await store.transact(run)).toBe(0);
    await struck;
    expect(runs()).toBe(1);
    expect(await stored()).toEqual(ONCE);
    expect(await store.transact(group(5).run)).toBe(2);
  },
);

it('does not run a group again of which nothing tells whether it is durable', async () => {
  const struck = proxy.atCommit('after');
  let runs = 0;
  const lost = store.transact(function* (): Transaction<null> {
    runs += 1;
    yield { do: 'insert', table: 'uses', rows: [ROW.uses(1)] };
    return { keep: true, result: null };
  });
  await expect(lost).rejects.toMatchObject({ name: 'StoreFailure', kind: 'unknown' });
  await struck;
  expect(runs).toBe(1);
  expect(await store.transact(group(5).run)).toBe(0);
});

it('says that an outcome is unknown where the store stays out of reach, and serves once it is back', async () => {
  const struck = proxy.atCommit('after');
  const { run, runs } = group(1);
  const lost = store.transact(run);
  const refused = expect(lost).rejects.toMatchObject({ kind: 'unknown' });
  await struck;
  await proxy.refuse();
  await refused;
  await proxy.pass();
  expect(runs()).toBe(1);
  expect(await stored()).toEqual(ONCE);
  expect(await store.transact(group(5).run)).toBe(2);
});

it('runs a group anew that lost its connection before COMMIT', async () => {
  const { run, runs } = group(1);
  const cutting = function* (): Transaction<number> {
    const conversation = run();
    let step = conversation.next();
    while (step.done !== true) {
      const answered: Told = yield step.value;
      if (step.value.do === 'append' && runs() === 1) proxy.cut();
      step = conversation.next(answered);
    }
    return step.value;
  };
  expect(await store.transact(cutting)).toBe(0);
  expect(runs()).toBe(2);
  expect(await stored()).toEqual(ONCE);
});

it('runs transactions anew that deadlock', async () => {
  const other = await opened(database.url);
  const use = (n: number): Statement => ({ do: 'insert', table: 'uses', rows: [ROW.uses(n)] });
  const crossing = [1, 2, 3, 4].map(async (round) => {
    const [a, b] = [round * 10, round * 10 + 1];
    return Promise.all([told(store, use(a), use(b)), told(other, use(b), use(a))]);
  });
  const answers = (await Promise.all(crossing)).flat(2);
  expect(answers.filter(({ failed }) => failed.length === 0)).toHaveLength(8);
  expect(await stored()).toMatchObject({ uses: 8 });
});

/** The backend that waits for a standby. */
const waiting = () =>
  cluster().query(
    `select pid from pg_stat_activity where wait_event = 'SyncRep' and datname = '${database.name}'`,
  );

async function untilWaiting(): Promise<number> {
  for (;;) {
    const [row] = await waiting();
    if (row !== undefined) return Number(row['pid']);
    await pause(20);
  }
}

it('does not take a commit for durable whose standby was given up, and does once it is', async () => {
  await cluster().alter({ synchronous_standby_names: 'nobody' });
  try {
    const { run, runs } = group(1);
    const asked = store.transact(run);
    // Cancelled, the server answers COMMIT, with a warning that nothing says is on the standby.
    await cluster().query(`select pg_cancel_backend(${await untilWaiting()})`);
    // Whoever asks after it waits for the standby in turn.
    await expect.poll(stored, PATIENT).toEqual(ONCE);
    await untilWaiting();
    await cluster().alter({ synchronous_standby_names: '' });
    expect(await asked).toBe(0);
    expect(runs()).toBe(1);
  } finally {
    await cluster().alter({ synchronous_standby_names: '' });
  }
});

it('does not acknowledge a commit whose standby stays away', async () => {
  await cluster().alter({ synchronous_standby_names: 'nobody' });
  try {
    const { run, runs } = group(1);
    const lost = expect(store.transact(run)).rejects.toMatchObject({ kind: 'unknown' });
    await cluster().query(`select pg_cancel_backend(${await untilWaiting()})`);
    await lost;
    expect(runs()).toBe(1);
  } finally {
    await cluster().alter({ synchronous_standby_names: '' });
  }
  expect(await store.transact(group(5).run)).toBe(2);
});

it('leaves nothing of a transaction that is not kept', async () => {
  const { run } = group(1);
  await store.transact(function* (): Transaction<null> {
    yield* run();
    return { keep: false, result: null };
  });
  expect(await stored()).toEqual(NEVER);
});
