import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { readSettings } from '../../src/config-file.ts';
import { found } from '../../src/open.ts';
import {
  addClient,
  GRANTS,
  initialise,
  type MadeVault,
  mustRun,
  type StoredEvent,
} from '../crash/made-vault.ts';
import { type Database, type Row, storeText } from './databases.ts';

/** A vault whose store is a database of PostgreSQL, with a custodian beside its client. */
export interface PostgresVault extends MadeVault {
  readonly dir: string;
  readonly database: Database;
  /** Of a custodian with every duty over clients and policies. */
  readonly custodianKey: string;
  /** Every event with its index, as stored. */
  readonly log: () => Promise<readonly { readonly index: number; readonly event: StoredEvent }[]>;
}

type Query = (sql: string, database: string) => Promise<Row[]>;

/**
 * The owner of the database makes the tables, and the vault is then served by the role that owns nothing.
 *
 * @param ca where the server is spoken to under TLS: the PEM file of its authority
 */
export async function makeVaultOn(
  dir: string,
  database: Database,
  query: Query,
  ca: string | null = null,
): Promise<PostgresVault> {
  const more = ca === null ? '' : `ca: ${ca}`;
  const config = await initialise(dir, placeOf(dir, database, ca));
  useStore(config, dir, database.url, more);
  await mustRun(['policy', 'apply', '--config', config]);
  const log = async () => {
    const rows = await query('select "index", "bytes" from "events" order by "index"', database.name);
    return rows.map(({ index, bytes }) => ({
      index: Number(index),
      event: JSON.parse(String(bytes)) as StoredEvent,
    }));
  };
  return {
    dir,
    config,
    database,
    apiKey: await addClient(config, 'load', GRANTS),
    custodianKey: await addClient(config, 'keeper', ['clients:*', 'policy:*'], 'custodian'),
    log,
    events: async () => (await log()).map(({ event }) => event),
  };
}

/** For `strongroom init`: the role that will serve, and the one that makes the tables. */
function placeOf(dir: string, { url, migrationUrl }: Database, ca: string | null): string[] {
  const [serving, owner] = [new URL(url), new URL(migrationUrl)];
  const passwordOf = ({ username, password }: URL): string => {
    const file = join(dir, `${username}.password`);
    writeFileSync(file, `${password}\n`, { mode: 0o600 });
    return file;
  };
  const files = ['--password-file', passwordOf(serving), '--as-password-file', passwordOf(owner)];
  serving.password = '';
  const authority = ca === null ? [] : ['--ca', ca];
  return ['--store', serving.href, '--as', owner.username, ...files, ...authority];
}

/** Points the settings at a store, and at another one later. */
export function useStore(config: string, dir: string, url: string, more = ''): void {
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, text.replace(/^store: .*$/m, storeText(url, dir, more)));
}

/** The settings once more, in a file of their own: another replica's. */
export function settingsWith(vault: PostgresVault, name: string, url: string, more = ''): string {
  const config = `${vault.dir}/${name}.yaml`;
  writeFileSync(config, readFileSync(vault.config, 'utf8'));
  useStore(config, vault.dir, url, more);
  return config;
}

/** Makes the store of settings a vault, where that is all that is wanted of `init`. */
export const foundHere = (config: string): Promise<boolean> =>
  found({
    settings: readSettings(config).settings,
    world: {
      now: () => Date.now(),
      random: (bytes) => randomBytes(bytes),
      breathe: () => breathe(),
      pause: (milliseconds) => pause(milliseconds),
      notice: () => undefined,
    },
    groups: [process.getegid?.() ?? -1],
    onFatal: (reason) => {
      throw new Error(reason);
    },
  });
