import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readSettings } from '../../src/config-file.ts';
import { type FindingId, FINDINGS } from '../../src/doctor/finding.ts';
import type { OnPostgres } from '../doctor/on-postgres.ts';
import { type Patient, patient } from '../doctor/patient.ts';
import { onPostgres } from '../engine.ts';
import { clusterOfFile } from './lifetimes.ts';

/** Findings of a vault on PostgreSQL, each made to happen on a real server. */

/** An address of this machine that is not loopback. */
const OUTER = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;

const cluster = clusterOfFile({
  settings: { listen_addresses: ['127.0.0.1', ...(OUTER === undefined ? [] : [OUTER])].join(',') },
});
onPostgres(() => cluster().database());

/** A loaded machine takes its time to do what it will do. */
const PATIENT = { timeout: 60_000 };

function storeOf({ config }: Patient) {
  const { store } = readSettings(config).settings;
  return store.engine === 'postgres' ? store : expect.fail('the store is a file');
}
const roleOf = (sick: Patient): string => storeOf(sick).user;
const aim = (sick: Patient, port: number): void => sick.edit(`:${storeOf(sick).port}/`, `:${port}/`);

interface Case {
  readonly make: (sick: Patient) => void | Promise<unknown>;
  readonly says: RegExp;
  readonly when?: boolean;
}

const CASES: Record<OnPostgres | 'store-not-durable' | 'store-schema', Case> = {
  'policy-other': {
    make: ({ edit }) => edit('purposes:\n', 'purposes:\n  audits: { basis: legal-obligation }\n'),
    says: /^policy 1 is active and the file says another.*It says: purpose audits is new: basis legal-obligation\.$/,
  },
  'store-unreachable': {
    make: ({ dir }) => rmSync(join(dir, 'store.password')),
    says: /^the store on 127\.0\.0\.1 port \d+ cannot be used: the file \S+store\.password does not read/,
  },
  'store-standby': {
    make: async (sick) => {
      const standby = await cluster().standby({ name: 'doctor', synchronous: false });
      onTestFinished(() => standby.end());
      const isThere = `select 1 from pg_database where datname = '${storeOf(sick).database}'`;
      await expect.poll(async () => (await standby.query(isThere)).length, PATIENT).toBe(1);
      aim(sick, standby.port);
    },
    says: /is not the primary: it is a standby, which takes no writes; it is read-only/,
  },
  'store-standby-missing': {
    make: async () => {
      await cluster().alter({ synchronous_standby_names: 'nobody' });
      onTestFinished(() => cluster().alter({ synchronous_standby_names: '' }));
    },
    says: /waits for a standby with every commit.*none is connected/,
  },
  'store-in-clear': {
    make: async (sick) => aim(sick, await forwarded(OUTER ?? '', cluster().port)),
    when: OUTER !== undefined,
    says: /^what is sent to 127\.0\.0\.1 is passed on to \d+\.\d+\.\d+\.\d+ without TLS/,
  },
  'store-clock': {
    make: ({ host }) => void (host.now = () => Date.now() + 10_000),
    says: /and that of 127\.0\.0\.1 are (?:9|10) s apart/,
  },
  'store-rights-missing': {
    make: (sick) => sick.writer.sql(`revoke insert on "events" from ${roleOf(sick)}`),
    says: /may not do what a vault needs \(insert on events\)/,
  },
  'store-privileges': {
    make: (sick) => sick.writer.sql(`grant delete, update on "events" to ${roleOf(sick)}`),
    says: /may do more than a vault needs \(delete on events; update on events\)/,
  },
  'password-file-mode': {
    make: ({ dir }) => chmodSync(join(dir, 'store.password'), 0o644),
    says: /store\.password can be changed by others than its owner, or read by everybody/,
  },
  'store-not-durable': {
    make: async (sick) => {
      await cluster().query(`alter role ${roleOf(sick)} set synchronous_commit = off`);
      onTestFinished(async () => {
        await cluster().query(`alter role ${roleOf(sick)} reset synchronous_commit`);
      });
    },
    says: /synchronous_commit is neither on nor remote_apply/,
  },
  'store-schema': {
    make: (sick) => sick.writer.sql('alter table "values" drop column "creator"'),
    says: /not those of this release \(values\."creator" is missing\): strongroom migrate brings/,
  },
};

for (const [id, { make, says, when = true }] of Object.entries(CASES))
  it.runIf(when)(id, async () => {
    const sick = await patient();
    expect(await sick.examine()).toEqual({ findings: [], unchecked: [] });
    await make(sick);
    const { findings } = await sick.examine();
    expect(findings.map((found) => found.id)).toEqual([id]);
    expect(findings[0]?.severity).toBe(FINDINGS[id as FindingId]);
    expect(findings[0]?.sentence).toMatch(says);
  });

it('a role that owns the tables, and a superuser, may do too much', async () => {
  const sick = await patient();
  const role = roleOf(sick);
  await cluster().query(`alter role ${role} superuser`);
  onTestFinished(async () => {
    await cluster().query(`alter role ${role} nosuperuser`);
  });
  const { findings } = await sick.examine();
  expect(findings).toMatchObject([
    {
      id: 'store-privileges',
      sentence: expect.stringMatching(/it is a superuser; it owns tables/) as unknown,
    },
  ]);
});

it('of what the database writer does, on either engine the same is found', async () => {
  const sick = await patient();
  await sick.open(async ({ add }) => void (await add(['tokenise:cards'])));
  await sick.writer.sql('delete from events where "index" = 0');
  await sick.writer.sql('delete from grants');
  const { findings } = await sick.examine();
  expect(findings.map((found) => found.id).toSorted()).toEqual(['log-broken', 'table-changed']);
});

it('an empty database, and one without a vault, are told apart', async () => {
  const sick = await patient();
  await sick.writer.sql('delete from head; delete from keys');
  expect((await sick.examine()).findings).toMatchObject([{ id: 'vault-missing' }]);
  const tables = await sick.writer.sql(`select tablename from pg_tables where schemaname = 'public'`);
  await sick.writer.sql(tables.map(({ tablename }) => `drop table "${String(tablename)}"`).join('; '));
  expect(await sick.examine()).toMatchObject({
    findings: [{ id: 'store-schema', sentence: expect.stringContaining('there are none') as unknown }],
    unchecked: ['the vault, whose tables are not there'],
  });
});

/** A port of loopback that something forwards to another address of this machine. */
async function forwarded(to: string, port: number): Promise<number> {
  const server = createServer((socket) => {
    const onward = connect({ host: to, port, localAddress: '127.0.0.1' });
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward])
      end.on('error', () => [socket, onward].forEach((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
