import { expect, it } from 'vitest';
import { befalls, type Fault, type Under } from './befalls.ts';
import { clusterOfFile } from './lifetimes.ts';
import { trialOn } from './trial.ts';

/** A PostgreSQL that is there and does not do what it is asked, while callers go on asking. */

const shared = clusterOfFile();

const roleOf = ({ trial }: Under): string => new URL(trial.vault.database.url).username;

const FAULTS: Readonly<Record<string, Fault>> = {
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
