import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { buildShim, type Faults, faultsIn } from '../faults/faults.ts';
import { strongroom } from '../served.ts';
import { tokenIn } from './asking.ts';
import type { Cluster } from './cluster.ts';
import { clusterOfFile, clusterOfTest } from './lifetimes.ts';
import { PATIENCE, type Trial, trialOn } from './trial.ts';

/** What befalls a PostgreSQL and the way to it, while callers go on asking. */

const shared = clusterOfFile();

interface Under {
  readonly cluster: Cluster;
  readonly trial: Trial;
}

/** Begins a fault; what it answers ends it. */
type Fault = (under: Under) => Promise<() => Promise<void>>;

const roleOf = ({ trial }: Under): string => new URL(trial.vault.database.url).username;

const FAULTS: Readonly<Record<string, Fault>> = {
  'connections are cut and refused': async ({ trial: { proxy } }) => {
    await proxy.refuse();
    return () => proxy.pass();
  },
  'nothing that is sent arrives': async ({ trial: { proxy } }) => {
    proxy.swallow();
    return () => proxy.pass();
  },
  'the server is killed': async ({ cluster }) => {
    await cluster.kill();
    return () => cluster.start();
  },
  'the server takes no connection more': async (under) => {
    const { cluster } = under;
    const role = roleOf(under);
    await cluster.query(`alter role ${role} connection limit 0`);
    await cluster.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
    return async () => void (await cluster.query(`alter role ${role} connection limit -1`));
  },
  'somebody else holds the head': async ({ cluster, trial }) => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    let held = (): void => undefined;
    const holding = new Promise<void>((resolve) => (held = resolve));
    const holder = cluster.session(async (ask) => {
      await ask('begin');
      await ask('select from "head" for update');
      held();
      await released;
      await ask('rollback');
    }, trial.vault.database.name);
    await holding;
    return async () => {
      release();
      await holder;
    };
  },
  'every statement takes too long': async ({ cluster, trial }) => {
    const { name } = trial.vault.database;
    const slow = `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$`;
    await cluster.query(slow, name);
    await cluster.query('create trigger slow before insert on "events" execute function slow()', name);
    return async () => void (await cluster.query('drop trigger slow on "events"', name));
  },
};

it.each(Object.entries(FAULTS))(
  'while %s callers are told 503 and nothing else, and afterwards all is as it was',
  async (_, fault) => {
    const trial = await trialOn(shared(), 'connections: 4');
    await befalls({ cluster: shared(), trial }, fault);
  },
  600_000,
);

async function befalls(under: Under, fault: Fault): Promise<void> {
  const { ask, ledger, load, served, isWhole } = under.trial;
  const token = await ask.token(7);
  const callers = load();
  await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(50);
  const end = await fault(under);
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(503);
  // While it lasts, all of them are answered: nothing but the vault's own patience ends the wait.
  const [reveal, kept, refused] = await Promise.all([
    ask.reveal(token),
    ask.tokenise(5000),
    ask.post('/v1/detokenise', { purpose: 'support', items: [{ collection: 'cards', token }] }),
  ]);
  expect(reveal).toMatchObject(UNAVAILABLE);
  // Which of the two hangs on whether the token could still be sought.
  expect(reveal.text).toMatch(/"code":"(?:audit_)?unavailable"/);
  expect(reveal.text).not.toContain(ask.value(7));
  expect(kept).toMatchObject(UNAVAILABLE);
  expect(kept.text).toContain('"code":"unavailable"');
  // A denial is an event too.
  expect(refused).toMatchObject(UNAVAILABLE);
  expect((await fetch(new URL('/readyz', served.url))).status).toBe(503);
  expect((await fetch(new URL('/livez', served.url))).status).toBe(200);
  await end();
  await expect.poll(async () => (await ask.reveal(token)).status, PATIENCE).toBe(200);
  await callers.end();
  await isWhole(token);
  const { stdout, stderr } = served.output();
  for (const secret of [ask.value(7), new URL(under.trial.vault.database.url).password])
    expect(stdout + stderr).not.toContain(secret);
}

const UNAVAILABLE = { status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) as unknown };

const shim = buildShim();
if (shim === null)
  process.emitWarning('skipped: a full disk of PostgreSQL, since there is no C compiler here');

it.skipIf(shim === null)(
  'while the disk of the server is full callers are told 503 and nothing else, and afterwards all is as it was',
  async () => {
    const faults = faultsForServer(shim ?? '');
    const cluster = await clusterOfTest({ env: faults.env });
    const trial = await trialOn(cluster);
    await befalls({ cluster, trial }, async () => {
      faults.break('enospc');
      return async () => {
        faults.break(null);
        // A server that could not write its log has ended, and its operator starts it.
        if (cluster.pid === null) await cluster.start();
      };
    });
  },
  600_000,
);

/** Where the user that the server runs as can read. */
function faultsForServer(built: string): Faults {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-faults-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const copy = join(folder, 'faults.so');
  copyFileSync(built, copy);
  const faults = faultsIn(folder, copy);
  return { ...faults, env: { ...faults.env, STRONGROOM_FAULT_FOLDER: tmpdir() } };
}

it.each(['before', 'after', 'unanswered'] as const)(
  'a connection that is lost at COMMIT (%s) shows a value once and with its event, and keeps what is answered',
  async (fault) => {
    const trial = await trialOn(shared());
    const { ask, proxy, vault, isWhole } = trial;
    const token = await ask.token(7);
    for (const verb of ['reveal', 'tokenise'] as const) {
      const struck = proxy.atCommit(fault);
      const [answer] = await Promise.all([verb === 'reveal' ? ask.reveal(token) : ask.tokenise(8), struck]);
      expect(answer).toMatchObject({ status: 200 });
      const request = /"requestId":"([\w-]+)"/.exec(answer.text)?.[1];
      expect(request).toBeDefined();
      const events = (await vault.events()).filter((event) => event['request'] === request);
      expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([
        [verb === 'reveal' ? 'detokenise' : 'tokenise', 'done'],
      ]);
      if (verb === 'tokenise') expect(await ask.reveal(tokenIn(answer.text))).toMatchObject({ status: 200 });
    }
    await isWhole(token);
  },
  600_000,
);

it('connections that break under load again and again, at COMMIT and elsewhere, lose nothing', async () => {
  const trial = await trialOn(shared(), 'connections: 3');
  const { ask, proxy, ledger, load, isWhole } = trial;
  const token = await ask.token(7);
  const callers = load();
  for (let round = 0; round < 8; round++) {
    await proxy.atCommit('before');
    await proxy.midAnswer();
    await proxy.atCommit('after');
    const before = ledger.size;
    proxy.cut();
    await expect.poll(() => ledger.size, PATIENCE).toBeGreaterThan(before + 10);
  }
  await callers.end();
  await isWhole(token);
}, 600_000);

it('a slow way, and more callers than connections, cost time and nothing else', async () => {
  const { ask, proxy, isWhole } = await trialOn(shared(), 'connections: 2');
  const token = await ask.token(7);
  proxy.delay(20);
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? ask.reveal(token) : ask.tokenise(100 + n))),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  await proxy.pass();
  await isWhole(token);
}, 600_000);

it('does not start where its server is not to be reached, and says that', async () => {
  const { proxy, vault } = await trialOn(shared());
  await proxy.refuse();
  const { code, stderr } = await strongroom(['serve', '--config', vault.config]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/the store cannot be reached \(ECONNREFUSED\)/);
  expect(stderr).not.toContain(new URL(vault.database.url).password);
});
