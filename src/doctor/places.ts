import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { type Finding, finding } from './finding.ts';

/** Where a vault's files are: absolute paths. */
export interface Places {
  readonly settings: string;
  readonly keyFile: string;
  readonly store: StorePlace | null;
  /** Of the password of a store on PostgreSQL. */
  readonly passwordFile: string | null;
}

/** A store in a file. */
interface StorePlace {
  readonly path: string;
  /** That file and those that SQLite keeps beside it, as far as they are there. */
  readonly files: readonly string[];
}

const OTHERS_WRITE = 0o022;
const OTHERS_READ = 0o004;
const STICKY = 0o1000;

/** Who else may read, change or take away what the vault rests on. */
export function placeFindings(places: Places): Finding[] {
  return [
    ...settingsMode(places),
    ...storeModes(places),
    ...passwordMode(places),
    ...folderModes(places),
    ...keyFilePlace(places),
  ];
}

function* settingsMode({ settings }: Places): Generator<Finding> {
  if (((statOf(settings)?.mode ?? 0) & OTHERS_WRITE) !== 0)
    yield finding(
      'settings-mode',
      `${settings} can be changed by others than its owner, and with it the policy: chmod go-w it.`,
    );
}

function* passwordMode({ passwordFile }: Places): Generator<Finding> {
  if (passwordFile === null) return;
  if (((statOf(passwordFile)?.mode ?? 0) & (OTHERS_WRITE | OTHERS_READ)) !== 0)
    yield finding(
      'password-file-mode',
      `${passwordFile} can be changed by others than its owner, or read by everybody: chmod 600 it.`,
    );
}

function* storeModes({ store }: Places): Generator<Finding> {
  for (const file of store?.files ?? []) {
    if (((statOf(file)?.mode ?? 0) & (OTHERS_WRITE | OTHERS_READ)) !== 0)
      yield finding(
        'store-mode',
        `${file} can be changed by others than its owner, or read by everybody: chmod 600 it.`,
      );
  }
}

/** Whoever may write a folder may put another file in the place of one in it, whatever that one's own mode. */
function* folderModes({ keyFile, store }: Places): Generator<Finding> {
  for (const folder of new Set([keyFile, ...(store === null ? [] : [store.path])].map(dirname))) {
    const mode = statOf(folder)?.mode ?? 0;
    if ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)
      yield finding(
        'folder-mode',
        `${folder} can be written by others than its owner, who can replace what is in it: chmod go-w it.`,
      );
  }
}

function* keyFilePlace({ keyFile, store }: Places): Generator<Finding> {
  if (store === null) return;
  const [key, kept] = [statOf(keyFile), statOf(store.path)];
  if (key === null || kept === null) return;
  // Root's may be a secret that was mounted; the store's owner serves. Anybody else can change it at will.
  if (key.uid !== 0 && key.uid !== kept.uid)
    yield finding(
      'key-file-owner',
      `${keyFile} belongs to another user than the store: chown it to the store's owner or to root.`,
    );
  if (isWithin(realpathSync(dirname(store.path)), realpathSync(keyFile)))
    yield finding(
      'key-file-beside-store',
      `${keyFile} is in the folder of the store: whoever copies that folder, as a backup does, has both. ` +
        'Move it out and change masterKey.path.',
    );
}

function isWithin(folder: string, file: string): boolean {
  const path = relative(folder, file);
  return path !== '..' && !path.startsWith(`..${sep}`);
}

/** Null where there is nothing, or this user may not look. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
