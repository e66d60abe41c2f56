import { existsSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseIdentities } from './backup/age.ts';
import { DATABASE, unpack } from './backup/archive.ts';
import { putInPlace } from './backup/put-in-place.ts';
import type { Manifest } from './backup/manifest.ts';
import { BackupRefused } from './backup/refused.ts';
import { openWorkFolder } from './backup/work-folder.ts';
import type { RestoreOptions, RestoreReport } from './cli/host.ts';
import { CommandRefused } from './cli/refusal.ts';
import type { Settings } from './config/settings.ts';
import type { BackingUp } from './make-backup.ts';
import { fileMasterKey } from './masterkey/file.ts';
import { open } from './open.ts';
import { storeFile } from './store-file.ts';
import { openSqlite } from './store/sqlite.ts';
import { hasOwnSchema, newestMigration, sqliteContents } from './store/sqlite-copy.ts';
import { type Inspection, inspectStore } from './vault/inspection.ts';
import type { MasterKey } from './vault/master-key.ts';

/** Where the plain copy stands while it is tried: beside the store, or for a check in the system's folder for such things. */
const WORK = '.strongroom-restore';

/**
 * Opens a backup, tries all of it under the master key of the settings, and unless it is only checked puts it where they say that
 * the store is. A backup with a finding is put nowhere.
 * @throws CommandRefused, BackupRefused
 */
export async function restore(options: RestoreOptions, by: BackingUp): Promise<RestoreReport> {
  const { settings, groups, world } = by.opening;
  const path = storeFile(settings, 'restore');
  if (!options.check) mustBeAbsent(path);
  const identities = parseIdentities(await secretIn(options.identity));
  const masterKey = fileMasterKey(settings.masterKey.path, { groups }, world.random);
  const parent = options.check ? by.temp : dirname(path);
  const work = openWorkFolder(join(parent, `${WORK}${options.check ? `-${by.userId}` : ''}`), by.userId);
  try {
    const plain = await identities.unseal(options.file);
    const copy = work.at(DATABASE);
    const suits = (told: Manifest): void => mustSuit(told, settings, masterKey);
    const manifest = await unpack(plain, copy, suits, (done, of) =>
      by.progress('Opening the backup', done / of),
    );
    by.progress('Trying every key, cell and event', 0);
    const { inspection, findings } = await trial(copy, manifest, masterKey, by);
    const report = { manifest, inspection, findings };
    if (options.check || findings.length > 0) return { ...report, restored: null };
    await place(copy, path, manifest, by);
    return { ...report, restored: path };
  } finally {
    work.close();
  }
}

function mustBeAbsent(path: string): void {
  const there = [path, `${path}-wal`, `${path}-shm`].find((name) => existsSync(name));
  if (there !== undefined)
    throw new CommandRefused(
      `${there} is there already: a restore overwrites nothing. Move it away, or only --check`,
    );
  if (!existsSync(dirname(path)))
    throw new CommandRefused(`there is no folder ${dirname(path)}: mkdir -m 700 makes it`);
}

/** Reads a file of secrets if its mode keeps it from others. A pipe will do: `--identity <(age -d …)`. */
async function secretIn(path: string): Promise<string> {
  const file = await openFile(path, 'r').catch(() => {
    throw new CommandRefused(`--identity ${path} cannot be read: does it exist, and may this user read it?`);
  });
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0)
      throw new CommandRefused('the identity file can be used by others on this host: chmod 600 it');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** What can be told before anything is written out. */
function mustSuit(manifest: Manifest, { vault }: Settings, { id }: MasterKey): void {
  if (manifest.migration > newestMigration())
    throw new BackupRefused('a newer release made this backup: restore it with that one');
  if (manifest.vault.environment !== vault.environment)
    throw new CommandRefused('the backup is of another environment than vault.environment says');
  const [needed = id, ...others] = manifest.masterKeys;
  if (others.length > 0 || needed !== id)
    throw new CommandRefused(
      `the backup needs the master key ${manifest.masterKeys.join(' and ')}, and the settings name ${id}`,
    );
}

interface Trial {
  readonly inspection: Inspection;
  readonly findings: RestoreReport['findings'];
}

async function trial(
  copy: string,
  manifest: Manifest,
  masterKey: MasterKey,
  { opening, progress }: BackingUp,
): Promise<Trial> {
  const { world, settings } = opening;
  const store = openSqlite(copy);
  try {
    if (!hasOwnSchema(copy))
      throw new BackupRefused('the database has tables or triggers that no vault makes');
    const { tables, authority } = sqliteContents(copy);
    const breathe = async (): Promise<void> => {
      progress('Trying every key, cell and event', 0);
      await world.breathe();
    };
    const inspection = await inspectStore(store, masterKey, settings.vault.environment, { breathe });
    const lies = liesOf(manifest, inspection, tables, authority.keys).map((what) => ({
      table: 'manifest',
      index: null,
      problem: `it says another ${what} than the store`,
    }));
    return { inspection, findings: [...inspection.findings, ...lies] };
  } finally {
    await store.close();
  }
}

/** What the manifest says otherwise than the store, which has authenticated. */
function liesOf(
  manifest: Manifest,
  { vault, environment, epoch, size, root }: Inspection,
  tables: Readonly<Record<string, number>>,
  keys: readonly { readonly masterKey: string }[],
): string[] {
  const masterKeys = new Set(keys.map(({ masterKey }) => masterKey));
  const same = {
    'vault id': manifest.vault.id === vault,
    environment: manifest.vault.environment === environment,
    epoch: manifest.epoch === epoch,
    'log size': manifest.log.size === size,
    root: manifest.log.root === root,
    'set of master keys': manifest.masterKeys.toSorted().join(' ') === [...masterKeys].toSorted().join(' '),
    'number of rows': Object.entries(manifest.database.tables).every(([name, rows]) => tables[name] === rows),
  };
  return Object.entries(same).flatMap(([what, isSame]) => (isSame ? [] : [what]));
}

/** The event of the restore is in the store before that is in its place. Closed, it is one file. */
async function place(
  copy: string,
  path: string,
  { madeAt, log }: Manifest,
  { opening, caller }: BackingUp,
): Promise<void> {
  const { settings } = opening;
  const vault = await open({
    ...opening,
    settings: { ...settings, store: { engine: 'sqlite', path: copy } },
  });
  try {
    await vault.recordRestore(caller, { madeAt, ...log });
  } finally {
    await vault.close();
  }
  mustBeAbsent(path);
  await putInPlace(copy, path);
}
