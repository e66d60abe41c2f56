import Database from 'better-sqlite3';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { readConfig, type Settings } from '../src/config/settings.ts';
import { prepareDatabase } from '../src/migrate.ts';
import { headSeal } from '../src/vault/commit/head.ts';
import { groupTransaction } from '../src/vault/commit/transaction.ts';
import type { Transaction } from '../src/vault/statement.ts';
import type { Store } from '../src/vault/store.ts';
import type { Database as Made } from './postgres/databases.ts';
import { databasesOfFile } from './postgres/lifetimes.ts';

/** Where the harness keeps its vaults: in SQLite files, unless a file of tests asks for PostgreSQL. */

export type Row = Record<string, unknown>;

/** Somebody who can write the store, and has no key. */
export interface StoreWriter {
  /** Runs SQL, several statements where there is no parameter; `$1` and so on, each once and in order. */
  readonly sql: (text: string, ...values: readonly unknown[]) => Promise<Row[]>;
  /** Lets nobody commit until it is called off. */
  readonly hold: () => Promise<() => Promise<void>>;
}

interface Engine {
  /** Text in the place of a SQLite store, for settings in this folder; its database is ready to be a vault. */
  readonly storeIn: (dir: string) => Promise<string>;
}

let chosen: Engine | null = null;
/** The owner of each database, whom no settings name. */
const owners = new Map<string, string>();

export const SQLITE = '{ url: "sqlite:data/vault.db" }';

/** From here on, vaults of this file of tests are on PostgreSQL, and served by a role that may do no more than it needs. */
export function onPostgres(database: () => Promise<Made> = databasesOfFile()): void {
  chosen = { storeIn: async (dir) => storeOn(await database(), dir) };
}

/** Of what is tried many times: fewer where each try crosses a network and a disk of its own. */
export const timesOf = (sqlite: number, postgres: number): number => (chosen === null ? sqlite : postgres);

/** Of cases that differ in what is written and not in how: every third, where each has a database made for it. */
export const someOf = <T>(cases: readonly T[]): T[] => cases.filter((_, i) => chosen === null || i % 3 === 1);

/** What is told of a new vault's store. */
export const storeIn = async (dir: string): Promise<string> =>
  chosen === null ? SQLITE : chosen.storeIn(dir);

/** Writes the passwords into a folder and gives the database its tables and its rights. */
async function storeOn({ name, url, migrationUrl }: Made, dir: string): Promise<string> {
  const [run, owner] = [new URL(url), new URL(migrationUrl)];
  const [passwordFile, ownerFile] = [join(dir, 'store.password'), join(dir, 'owner.password')];
  writeFileSync(passwordFile, run.password, { mode: 0o600 });
  writeFileSync(ownerFile, owner.password, { mode: 0o600 });
  const place = `postgres://${run.username}@${run.host}/${name}`;
  const text = `{ url: "${place}", password: { file: store.password }, connections: 4 }`;
  owners.set(name, migrationUrl);
  await prepareDatabase(storeOf(text, dir), { role: owner.username, passwordFile: ownerFile });
  return text;
}

function storeOf(text: string, dir: string): Settings['store'] {
  const config = readConfig(
    `vault: { name: a, environment: b }\nstore: ${text}\nmasterKey: { provider: file, path: keys }\n`,
    dir,
  );
  if ('problems' in config) throw new Error(JSON.stringify(config.problems));
  return config.settings.store;
}

export const writerOf = (store: Settings['store']): StoreWriter =>
  store.engine === 'sqlite' ? sqliteWriter(store.path) : postgresWriter(owners.get(store.database) ?? '');

const sqliteWriter = (path: string): StoreWriter => ({
  sql: async (text, ...values) => {
    const db = new Database(path);
    try {
      if (values.length === 0 && !/^\s*select/i.test(text)) {
        db.exec(text);
        return [];
      }
      const statement = db.prepare<unknown[], Row>(text.replaceAll(/\$\d+/g, '?'));
      if (statement.reader) return statement.all(...values);
      statement.run(...values);
      return [];
    } finally {
      db.close();
    }
  },
  hold: async () => {
    const db = new Database(path);
    db.exec('begin immediate');
    return async () => void db.exec('rollback').close();
  },
});

const postgresWriter = (connectionString: string): StoreWriter => ({
  sql: async (text, ...values) => {
    const client = await connected(connectionString);
    try {
      return (await client.query<Row>(text, values.length === 0 ? undefined : [...values])).rows ?? [];
    } finally {
      await client.end();
    }
  },
  hold: async () => {
    const client = await connected(connectionString);
    await client.query('begin');
    await client.query('select 1 from "head" for update');
    return () => client.end();
  },
});

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, types: { getTypeParser: integers } });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Numbers as SQLite answers them, and bytes. */
const integers = ((oid: number) => {
  if (oid === 20 || oid === 23) return Number;
  if (oid === 17) return (text: string) => Buffer.from(text.slice(2), 'hex');
  return (text: string) => text;
}) as never;

/** Moves a server's clock together with that of a process: what a test does by moving a clock, time does to both. */
export function movedWith(store: Store, clock: { readonly offset: number }): Store {
  function* moved<R>(conversation: Transaction<R>): Transaction<R> {
    let step = conversation.next();
    while (step.done !== true) {
      const told = yield step.value;
      step = conversation.next({ ...told, clock: told.clock === null ? null : told.clock + clock.offset });
    }
    return step.value;
  }
  const transact: Store['transact'] = (transaction) => store.transact(() => moved(transaction()));
  return {
    ...store,
    transact,
    transactAside: (group, now, rowsKey) =>
      chosen === null
        ? store.transactAside(group, now, rowsKey)
        : transact(() => groupTransaction(group, now, headSeal(rowsKey))),
  };
}
