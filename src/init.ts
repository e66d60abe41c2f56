import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { InitOptions, InitReport, NewStore } from './cli/host.ts';
import { CommandRefused } from './cli/refusal.ts';
import { readSettings } from './config-file.ts';
import { type Config, readConfig, type Settings } from './config/settings.ts';
import { writeKeyFile } from './masterkey/file.ts';
import { found, open, type Opening } from './open.ts';
import { prepareDatabase } from './migrate.ts';
import { FIRST_GRANTS, starter, transcript } from './starter.ts';
import { base58 } from './vault/base58.ts';
import type { Caller } from './vault/call.ts';
import type { World } from './vault/core.ts';
import { VaultError } from './vault/error.ts';
import type { Vault } from './vault/vault.ts';

const DAY = 24 * 60 * 60 * 1000;

export interface Initialising {
  readonly world: World;
  readonly groups: readonly number[];
  readonly caller: Caller;
  /** The version of the program. */
  readonly release: string;
}

/** The folder's files. */
const filesOf = (dir: string) => ({
  config: join(dir, 'strongroom.yaml'),
  keys: join(dir, 'keys'),
  data: join(dir, 'data'),
  ignore: join(dir, '.gitignore'),
  firstKey: join(dir, 'first-key'),
});
type Files = ReturnType<typeof filesOf>;

/** Makes a vault in a folder: settings, a master key, an empty store, and where asked a first API key. */
export async function init(options: InitOptions, by: Initialising): Promise<InitReport> {
  const { dir, ifAbsent, firstKey } = options;
  const files = filesOf(dir);
  if (existsSync(files.config)) {
    if (!ifAbsent) throw new CommandRefused(`${files.config} is there already: nothing was changed`);
    const tried = firstKey ? await firstKeyAgain(files, by) : [];
    return { created: false, said: [`Using the vault of ${files.config}`, ...tried] };
  }
  if (existsSync(files.keys)) {
    throw new CommandRefused(`${files.keys} is there without a strongroom.yaml: move it away first`);
  }
  const store = options.store === null ? null : placed(options.store, dir);
  const config = settingsFor(store, dir);
  // Before anything is made here: a database that cannot be reached, or is not empty, is the likelier mistake.
  if (store !== null) await prepareDatabase(config.settings.store, store.by);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { random } = by.world;
  writeKeyFile(files.keys, `mk_${base58(random(8), 12)}`, random(32));
  if (!existsSync(files.ignore)) writeFileSync(files.ignore, '/keys\n/data/\n/first-key\n');
  const { settings } = config;
  await firstVault(config, dir, by);
  if (firstKey) await addFirstKey(files, settings, by);
  // Last: where the settings stand, the rest is there too.
  writeFileSync(files.config, starter(store), { mode: 0o600, flag: 'wx' });
  return { created: true, said: report(files, settings, firstKey) };
}

/** Settings may be read from any folder: what the command line names is taken from where it was typed. */
const placed = ({ url, passwordFile, ca, by }: NewStore, dir: string): NewStore => ({
  url,
  passwordFile: passwordFile === null ? null : seenFrom(dir, passwordFile),
  ca: ca === null ? null : seenFrom(dir, ca),
  by,
});

/** Relative where the file is in the folder, so that the folder can be copied to another host whole. */
function seenFrom(dir: string, file: string): string {
  const path = relative(resolve(dir), resolve(file));
  return path.startsWith('..') || isAbsolute(path) ? resolve(file) : path;
}

/** @throws CommandRefused with what is wrong with the store that the command line names */
function settingsFor(store: NewStore | null, dir: string): Config {
  const config = readConfig(starter(store), dir);
  if (!('problems' in config)) {
    if (store !== null && config.settings.store.engine === 'sqlite')
      throw new CommandRefused(
        '--store is for PostgreSQL: without it the store is a SQLite file in the folder',
      );
    return config;
  }
  const [{ problem } = { problem: 'the starter settings do not read' }] = config.problems;
  throw new CommandRefused(`--store ${problem}`);
}

/** Founds the vault and applies the starter policy. */
async function firstVault({ settings, policy }: Config, dir: string, by: Initialising): Promise<void> {
  const opening = openingOf(settings, by);
  if (!(await found(opening))) throw new CommandRefused(`${dir} holds a store already: nothing was changed`);
  await withVault(opening, async (vault) => {
    await vault.recordInit(by.caller, by.release);
    await vault.applyPolicy(by.caller, policy);
  });
}

const openingOf = (settings: Settings, { world, groups }: Initialising): Opening => ({
  settings,
  world,
  groups,
  onFatal: (reason) => {
    throw new CommandRefused(reason);
  },
});

async function withVault<T>(opening: Opening, use: (vault: Vault) => Promise<T>): Promise<T> {
  const vault = await open(opening);
  try {
    return await use(vault);
  } finally {
    await vault.close();
  }
}

/** Adds a client for a day and writes its API key as the header that curl reads. */
async function addFirstKey(files: Files, settings: Settings, by: Initialising): Promise<void> {
  const { now, random } = by.world;
  const request = {
    name: `first-try-${base58(random(6), 9).toLowerCase()}`,
    kind: 'service' as const,
    grants: FIRST_GRANTS,
    expiresAt: new Date(now() + DAY).toISOString(),
  };
  const { key } = await withVault(openingOf(settings, by), (vault) =>
    vault.bind(by.caller).clients.add(request),
  );
  rmSync(files.firstKey, { force: true });
  writeFileSync(files.firstKey, `Authorization: Bearer ${key}\n`, { mode: 0o600, flag: 'wx' });
}

/** A key for another try, where the policy still has what it is for; what is wrong with the file, serve will say. */
async function firstKeyAgain(files: Files, by: Initialising): Promise<string[]> {
  try {
    const { settings } = readSettings(files.config);
    const isFresh = existsSync(files.firstKey) && by.world.now() - statSync(files.firstKey).mtimeMs < DAY / 2;
    if (!isFresh) await addFirstKey(files, settings, by);
    return ['', ...transcript(files.firstKey, settings)];
  } catch (error) {
    if (error instanceof CommandRefused || error instanceof VaultError) return [];
    throw error;
  }
}

function report(files: Files, settings: Settings, isTried: boolean): string[] {
  return [
    'Made a vault:',
    `  ${files.config}  settings and policy`,
    `  ${files.keys}  the master key. Back it up apart from the store: without it nothing can be read again`,
    ...(settings.store.engine === 'sqlite'
      ? [`  ${files.data}/  the store`]
      : [`  the store, in the database ${settings.store.database} of ${settings.store.host}`, ...REPLICAS]),
    ...(!isTried
      ? []
      : [
          `  ${files.firstKey}  an API key to try it with, for a day`,
          '',
          ...transcript(files.firstKey, settings),
        ]),
  ];
}

const REPLICAS = [
  'Other replicas have the same strongroom.yaml and the same master key, and no init (docs/postgres.md).',
];
