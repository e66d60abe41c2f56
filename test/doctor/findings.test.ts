import Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type FindingId, FINDINGS } from '../../src/doctor/finding.ts';
import { fileMasterKey, writeKeyFile } from '../../src/masterkey/file.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import { createSqlite, openSqlite } from '../../src/store/sqlite.ts';
import { NOTHING } from '../../src/vault/commit/commit.ts';
import { groupTransaction } from '../../src/vault/commit/transaction.ts';
import { signRow } from '../../src/vault/custody/authentic.ts';
import { newKey } from '../../src/vault/custody/new-key.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { openRowsKey } from '../../src/vault/open.ts';
import { withoutLogKey } from '../vault/audit/keyless.ts';
import type { Vault } from '../../src/vault/vault.ts';
import { tamper } from '../attack/tamper.ts';
import { PROJECT } from '../docs/documents.ts';
import { certificate } from '../http/certificate.ts';
import type { OnPostgres } from './on-postgres.ts';
import { type Patient, patient } from './patient.ts';

/** Each finding, made to happen: real files, a real store. One that has no case here, or beside ./on-postgres.ts, does not compile. */

const DAY = 24 * 60 * 60 * 1000;
const HOUR = 60 * 60 * 1000;
const random = (bytes: number) => randomBytes(bytes);
const inDays = (days: number) => new Date(Date.now() + days * DAY).toISOString();
const later = (milliseconds: number) => () => Date.now() + milliseconds;

interface Case {
  readonly make: (sick: Patient) => void | Promise<unknown>;
  /** What comes with it. */
  readonly also?: readonly FindingId[];
  readonly says: RegExp;
}

const CASES: Record<Exclude<FindingId, OnPostgres>, Case> = {
  'node-unsupported': {
    make: ({ host }) => void (host.node = { runs: '18.20.8', needs: '>=20.19' }),
    says: /Node 18\.20\.8, and Strongroom needs >=20\.19/,
  },
  'settings-unusable': {
    make: ({ edit }) => edit('host: 127.0.0.1', 'host: 0.0.0.0'),
    says: /strongroom\.yaml, line 3: server\.host: off loopback, values would cross the network in clear/,
  },
  'settings-mode': { make: ({ config }) => chmodSync(config, 0o622), says: /with it the policy: chmod go-w/ },
  'policy-unusable': {
    make: ({ edit }) => edit('basis: contract', 'basis: because'),
    says: /strongroom\.yaml, line \d+: purposes\.settlement\.basis: must be one of/,
  },
  'policy-not-applied': {
    make: ({ edit }) => edit('purposes:\n', 'purposes:\n  audits: { basis: legal-obligation }\n'),
    says: /serve applies it when it is started anew/,
  },
  'key-file-unreadable': { make: ({ keyFile }) => rmSync(keyFile), says: /is .*keys there/ },
  'key-file-mode': { make: ({ keyFile }) => chmodSync(keyFile, 0o604), says: /chmod 600/ },
  'key-file-owner': { make: ({ keyFile }) => chownSync(keyFile, 54_321, 0), says: /chown it/ },
  'key-file-malformed': {
    make: ({ keyFile }) => {
      const text = readFileSync(keyFile, 'utf8');
      writeFileSync(
        keyFile,
        text.replace(/:([\w-])([\w-]{42}):/, (_, a, b) => `:${a === 'A' ? 'B' : 'A'}${b}:`),
      );
    },
    says: /its checksum is wrong/,
  },
  'key-file-example': {
    make: ({ keyFile }) => {
      copyFileSync(join(PROJECT, 'keys.example'), keyFile);
      chmodSync(keyFile, 0o600);
    },
    says: /the published example/,
  },
  'key-file-beside-store': {
    make: ({ dir, keyFile, edit }) => {
      renameSync(keyFile, join(dir, 'data/master'));
      edit('path: keys', 'path: data/master');
    },
    says: /whoever copies that folder, as a backup does, has both/,
  },
  'folder-mode': {
    make: ({ dir }) => chmodSync(join(dir, 'data'), 0o770),
    says: /data can be written by others/,
  },
  'store-missing': {
    make: ({ dir }) => rmSync(join(dir, 'data'), { recursive: true }),
    says: /strongroom init/,
  },
  'store-mode': { make: ({ store }) => chmodSync(store, 0o644), says: /vault\.db can be .*chmod 600/ },
  'store-unreadable': {
    make: ({ store }) => overwrite(store, 0, Buffer.from('This is no database, whatever it was.')),
    says: /SQLITE_NOTADB.*restore a backup/,
  },
  'store-damaged': {
    make: ({ store }) => {
      let at = 0;
      tamper(store, (db) => {
        const page = db.prepare("select rootpage from sqlite_schema where name = 'claims_at'").pluck().get();
        at = (Number(page) - 1) * Number(db.pragma('page_size', { simple: true }));
      });
      overwrite(store, at, Buffer.alloc(8));
    },
    says: /fails SQLite's quick_check/,
  },
  'store-schema': {
    make: ({ store }) => tamper(store, (db) => db.exec('alter table fingerprints drop column mac')),
    says: /vault\.db are not those of this release \(fingerprints\): serve migrates an older store/,
  },
  'store-not-durable': {
    make: ({ store }) => tamper(store, (db) => db.pragma('journal_mode = delete')),
    says: /journal_mode delete and synchronous 2/,
  },
  'store-wal-large': {
    make: ({ store }) => {
      const db = new Database(store);
      onTestFinished(() => void db.close());
      db.pragma('wal_autocheckpoint = 0');
      db.exec('create table padding (bytes blob)');
      for (let i = 0; i < 33; i++) db.prepare('insert into padding values (zeroblob(4194304))').run();
    },
    says: /vault\.db-wal has 13\d MiB/,
  },
  'store-disk-low': {
    make: ({ host }) => void (host.freeBytes = () => 700 * 1024 ** 2),
    says: /has 700 MiB free/,
  },
  'store-closed': {
    make: ({ open }) => open(({ vault }) => vault.leave(hostCaller('tester', 'cli_test'), 'sqlite:other.db')),
    says: /the store is closed while it is copied to sqlite:other\.db/,
  },
  'vault-missing': {
    make: async ({ dir, store }) => {
      rmSync(join(dir, 'data'), { recursive: true });
      createSqlite(store);
      await openSqlite(store).close();
    },
    says: /the store holds no vault/,
  },
  'master-key-other': {
    make: ({ keyFile }) => {
      rmSync(keyFile);
      writeKeyFile(keyFile, 'mk_another11', random(32));
    },
    says: /does not open under this master key/,
  },
  'environment-other': {
    make: ({ edit }) => edit('environment: test', 'environment: production'),
    says: /made for the environment test/,
  },
  'head-changed': {
    make: ({ store }) => tamper(store, (db) => db.exec('update head set epoch = epoch - 1')),
    says: /not as the vault wrote them: restore a backup/,
  },
  'table-changed': {
    make: async ({ open, store }) => {
      await open(({ add }) => add(['tokenise:cards']));
      tamper(store, (db) => db.exec('delete from grants'));
    },
    says: /a row of grants was changed, deleted or put back/,
  },
  'row-foreign': {
    make: async ({ open, store }) => {
      const { id } = await open(({ add }) => add(['tokenise:cards']));
      tamper(store, (db) =>
        db
          .prepare('insert into grants (client, "grant", revision, mac) values (?, ?, 1, ?)')
          .run(id, 'detokenise:cards@settlement', Buffer.alloc(33, 1)),
      );
    },
    says: /^1 of the rows of grants were not written by the vault/,
  },
  'key-unusable': {
    make: wrapUnderAnother,
    says: /^the seal key key_\w+ does not open under the master key/,
  },
  'log-broken': {
    make: ({ store }) => tamper(store, (db) => db.exec('delete from events where "index" = 0')),
    says: /from event 0 on: audit verify says more/,
  },
  'log-keyless': {
    make: ({ dir }) => withoutLogKey(dir),
    says: /the log has no key, .* strongroom audit rotate-key gives it one/,
  },
  'log-unsigned': {
    make: async ({ open, host }) => {
      await open(async ({ vault, host: person }) => {
        await vault.follow();
        await person.audit.key();
      });
      host.now = later(HOUR);
    },
    says: /events from \d+ on, .* is the vault served\?/,
  },
  'anchor-unreachable': {
    make: ({ edit }) => edit('purposes:\n', 'anchors: [{ directory: nowhere }]\npurposes:\n'),
    says: /^the anchor directory cannot be read back: the folder is not there, or not mounted\. Until/,
  },
  'anchor-optional-unreachable': {
    make: ({ edit }) =>
      edit('purposes:\n', 'anchors: [{ directory: nowhere, required: false }]\npurposes:\n'),
    says: /^the anchor directory cannot be read back: the folder is not there/,
  },
  'anchor-behind': {
    make: async (sick) => {
      await anchored(sick, (host) => host.audit.key());
      sick.host.now = later(HOUR);
    },
    also: ['log-unsigned'],
    says: /^the anchor directory has confirmed \d+ of \d+ events, and the next is of /,
  },
  'anchor-lost': {
    make: async (sick) => {
      await anchored(sick);
      rmSync(join(sick.dir, 'worm/checkpoints'), { recursive: true });
    },
    says: /^the anchor directory keeps 0 events, and confirmed \d+: find out who took it back/,
  },
  'store-does-not-extend-anchor': {
    make: async (sick) => {
      const earlier = readFileSync(sick.store);
      await sick.open(({ host }) => host.audit.key());
      await anchored(sick);
      for (const more of ['-wal', '-shm']) rmSync(`${sick.store}${more}`, { force: true });
      writeFileSync(sick.store, earlier);
    },
    says: /^the anchor directory keeps a checkpoint of \d+ events, and the log of this store has \d+: .* put back/,
  },
  'anchors-too-few': {
    make: (sick) => demand(sick, 'anchors: []\n', '10m'),
    says: /^the policy asks for 1 anchors .*, and the settings name 0/,
  },
  'anchors-too-seldom': {
    make: (sick) => {
      mkdirSync(join(sick.dir, 'worm'));
      return demand(sick, 'anchors: [{ directory: worm, every: 1m }]\n', '1m');
    },
    says: /^the anchors get a checkpoint so seldom/,
  },
  'clock-behind': {
    make: ({ open }) => open(({ add }) => add(['tokenise:cards']), HOUR),
    says: /this host's clock has not come to that/,
  },
  'client-expiring': {
    make: async ({ open, host }) => {
      await open(({ add }) => add(['tokenise:cards'], { expiresAt: inDays(90) }));
      host.now = later(80 * DAY);
    },
    says: /^the API key of cli_\w+ expires on \d{4}-\d\d-\d\d/,
  },
  'client-expired': {
    make: async ({ open, host }) => {
      await open(({ add }) => add(['tokenise:cards'], { expiresAt: inDays(90) }));
      host.now = later(100 * DAY);
    },
    says: /^the API key of cli_\w+ expired on \d{4}-\d\d-\d\d/,
  },
  'space-filling': {
    make: ({ open }) => open(({ add }) => fillBucket(add)),
    says: /^of 1024 tokens drawn from a space of cards, [56]\d\d are taken/,
  },
  'tls-unusable': {
    make: (sick) => useTls(sick, { ...certificate(), cert: 'none.pem' }),
    says: /server\.tls\.cert cannot be read/,
  },
  'tls-not-valid': {
    make: (sick) => {
      useTls(sick, certificate());
      sick.host.now = later(3 * DAY);
    },
    says: /which is not now: callers refuse it/,
  },
  'tls-expiring': {
    make: (sick) => {
      useTls(sick, certificate());
      sick.host.now = later(40 * HOUR);
    },
    says: /expires on \d{4}-\d\d-\d\d/,
  },
  'tls-names': {
    make: (sick) => {
      useTls(sick, certificate());
      sick.edit('host: 127.0.0.1', 'host: localhost');
    },
    says: /does not name server\.host, localhost/,
  },
};

it.each(Object.entries(CASES))(
  '%s',
  async (id, { make, also = [], says }) => {
    const sick = await patient();
    expect((await sick.examine()).findings).toEqual([]);
    await make(sick);
    const { findings } = await sick.examine();
    expect(findings.map((found) => found.id).toSorted()).toEqual([id, ...also].toSorted());
    const found = findings.find((one) => one.id === id);
    expect(found?.severity).toBe(FINDINGS[id as FindingId]);
    expect(found?.sentence).toMatch(says);
  },
  600_000,
);

/** Names a folder as an anchor and has it confirm the log, once before and once after something is done. */
async function anchored(
  { dir, edit, open }: Patient,
  then: (host: BoundVault) => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  mkdirSync(join(dir, 'worm'));
  edit('purposes:\n', 'anchors: [{ directory: worm, every: 1s }]\npurposes:\n');
  await open(async ({ vault, host }) => {
    await vault.readBack();
    await vault.follow();
    await confirmed(vault);
    await then(host);
  });
}

async function confirmed(vault: Pick<Vault, 'anchor' | 'figures'>): Promise<void> {
  await vault.anchor();
  await expect
    .poll(async () => (await vault.figures()).anchors[0]?.size, { timeout: 60_000 })
    .toBeGreaterThan(0);
}

/** A policy that asks for anchors, active already. */
async function demand({ edit, open }: Patient, anchors: string, maxAge: string): Promise<void> {
  edit('purposes:\n', `${anchors}audit: { anchors: { maxAge: ${maxAge} } }\npurposes:\n`);
  await open(() => Promise.resolve());
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

function useTls({ edit }: Patient, { cert, key }: { cert: string; key: string }): void {
  edit('port: 0 }', `port: 0, tls: { cert: ${cert}, key: ${key} } }`);
}

/** A key row that the vault itself might have written, wrapped under a master key that this is not. */
async function wrapUnderAnother({ dir, keyFile, store: path }: Patient): Promise<void> {
  const other = join(dir, 'other');
  writeKeyFile(other, 'mk_another11', random(32));
  const groups = [process.getegid?.() ?? -1];
  const store = openSqlite(path);
  const { key, seal } = await openRowsKey(store, fileMasterKey(keyFile, { groups }, random), 'test');
  const { head, collections } = await store.authority();
  const masterKey = fileMasterKey(other, { groups }, random);
  const making = { masterKey, vaultId: head?.vault ?? '', random, now: () => Date.now() };
  const { row } = await newKey(making, 'seal', collections[0]?.id ?? null);
  const inserts = [{ table: 'keys' as const, row: signRow(key.secret, 'keys', row) }];
  await store.transact(() => groupTransaction([{ ...NOTHING, inserts }], () => Date.now(), seal));
  await store.close();
}

/** The same card again and again: its bucket of 90,000 is half taken, and others hold one token each. */
async function fillBucket(
  add: (grants: string[]) => Promise<{ vault: Pick<BoundVault, 'tokenise'> }>,
): Promise<void> {
  const { vault } = await add(['tokenise:cards']);
  const item = { collection: 'cards', value: '378282246310005' };
  for (let i = 0; i < 52; i++) {
    const { items } = await vault.tokenise({ items: Array.from({ length: 1000 }, () => item) });
    expect(items.every((one) => 'token' in one)).toBe(true);
  }
}
