import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseRecipients, type Recipients } from './backup/age.ts';
import { DATABASE, pack, sha256Of } from './backup/archive.ts';
import { putInPlace } from './backup/put-in-place.ts';
import { writeDurably } from './disk/durable.ts';
import { FORMAT, type Manifest } from './backup/manifest.ts';
import { openWorkFolder } from './backup/work-folder.ts';
import type { BackupOptions, BackupReport } from './cli/host.ts';
import { CommandRefused } from './cli/refusal.ts';
import { decodeFrontier, root } from './log/tree.ts';
import { open, type Opening } from './open.ts';
import { type Copied, copySqlite } from './store/sqlite-copy.ts';
import type { Caller } from './vault/call.ts';
import { storeFile } from './store-file.ts';
import { VaultError } from './vault/error.ts';

/** What making or restoring a backup needs of the host. */
export interface BackingUp {
  readonly opening: Opening;
  readonly caller: Caller;
  readonly userId: number;
  /** The system's folder for what is soon gone. */
  readonly temp: string;
  /** Of this release. */
  readonly version: string;
  /** Told what is done and how much of it, from 0 to 1; it throws when the process is told to stop. */
  readonly progress: (step: string, done: number) => void;
}

/** Where the plain copy stands while it is sealed, beside what is made. */
const WORK = '.strongroom-backup';

/**
 * Seals a copy of the store, as of one moment, while others use it.
 * @throws CommandRefused where the file is there, BackupRefused
 */
export async function makeBackup(options: BackupOptions, by: BackingUp): Promise<BackupReport> {
  const path = storeFile(by.opening.settings, 'backup');
  const to = resolve(options.to);
  mustBeFree(to);
  const recipients = parseRecipients([
    ...options.recipients,
    ...(await recipientsIn(options.recipientsFile)),
  ]);
  const work = openWorkFolder(join(dirname(to), WORK), by.userId);
  try {
    await record(recipients, by);
    const copy = work.at(DATABASE);
    const copied = await copySqlite(path, copy, (done) => by.progress('Copying the store', done));
    const manifest = await describe(copy, copied, recipients, by);
    const sealed = work.at('sealed');
    const { bytes } = manifest.database;
    const plain = pack(copy, manifest, (done) => by.progress('Sealing', done / bytes));
    await writeDurably(sealed, await recipients.seal(plain));
    await putInPlace(sealed, to);
    return { file: to, bytes: statSync(to).size, manifest };
  } finally {
    work.close();
  }
}

function mustBeFree(path: string): void {
  if (existsSync(path)) throw new CommandRefused(`${path} is there already: a backup overwrites nothing`);
  if (!existsSync(dirname(path))) throw new CommandRefused(`there is no folder ${dirname(path)}`);
}

/** Recipients of a file, one a line, with comments, as `age -R` takes it. */
async function recipientsIn(path: string | null): Promise<string[]> {
  if (path === null) return [];
  const text = await readFile(path, 'utf8').catch(() => {
    throw new CommandRefused(
      `--recipients-file ${path} cannot be read: does it exist, and may this user read it?`,
    );
  });
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The event first: it is durable, and in the copy, before anything is copied. */
async function record({ fingerprints }: Recipients, { opening, caller }: BackingUp): Promise<void> {
  const vault = await open(opening);
  try {
    await vault.recordBackup(caller, { recipients: fingerprints });
  } finally {
    await vault.close();
  }
}

async function describe(
  copy: string,
  { authority, tables, migration }: Copied,
  { names }: Recipients,
  { opening, version, progress }: BackingUp,
): Promise<Manifest> {
  const { head, keys } = authority;
  if (head === null) throw new VaultError('integrity');
  const frontier = decodeFrontier(head.size, head.frontier);
  if (frontier === null) throw new VaultError('integrity');
  const { size: bytes } = statSync(copy);
  const sha256 = await sha256Of(copy, (done) => progress('Hashing the copy', done / bytes));
  return {
    format: FORMAT,
    strongroom: version,
    madeAt: new Date(opening.world.now()).toISOString(),
    vault: { id: head.vault, name: opening.settings.vault.name, environment: head.environment },
    migration,
    log: { size: head.size, root: Buffer.from(root(frontier)).toString('base64') },
    epoch: head.epoch,
    masterKeys: [...new Set(keys.map(({ masterKey }) => masterKey))].toSorted(),
    recipients: [...names],
    database: { bytes, sha256, tables: { ...tables } },
  };
}
