import { constants } from 'node:fs';
import { lstat, mkdir, open, opendir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../disk/durable.ts';
import { type Anchor, ANCHOR_PATIENCE, AnchorFailed, MOST_NOTE } from '../vault/anchor.ts';
import { newestOf } from './newest.ts';
import { patient } from './patience.ts';

/**
 * A folder of another host, best one whose files nobody can change or delete. Each checkpoint is a file of its own under
 * `checkpoints/`, by its size in groups of three digits; `checkpoint` is the newest, as C2SP tlog-tiles has it, where the folder
 * lets a file be replaced.
 */
export interface DirectoryPlace {
  readonly name: string;
  readonly path: string;
  readonly entries: boolean;
  /** In milliseconds, for one file. */
  readonly limit?: number;
}

const KEPT = 'checkpoints';
const GROUPS = 6;
/** Of one folder of ours: a thousand names of three digits, and what was left half written. */
const MOST_NAMES = 2100;
/** No link is followed, and no pipe waited for. */
const READING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What a folder answers that lets nothing be replaced. */
const KEEPS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EEXIST']);

export function directoryAnchor({ name, path, entries, limit = ANCHOR_PATIENCE }: DirectoryPlace): Anchor {
  const soon = patient(limit);
  const within = <T>(work: () => Promise<T>): Promise<T> => soon(() => work().catch(tell));
  return {
    name,
    keeps: entries ? 'log' : 'checkpoints',
    newest: () => within(() => newestIn(path)),
    put: async ({ note, size, files }) => {
      await within(() => mustBeThere(path));
      for await (const file of files)
        await within(async () => {
          await keep(path, file.path.split('/'), file.bytes);
          // What grew to be full is in the full one; a folder that keeps everything keeps these too.
          if (!file.path.includes('.p/'))
            await rm(join(path, `${file.path}.p`), { recursive: true, force: true }).catch(() => undefined);
        });
      await within(async () => {
        const bytes = Buffer.from(note);
        await keep(path, [KEPT, ...groupsOf(size)], bytes);
        await replace(join(path, 'checkpoint'), bytes).catch((error: NodeJS.ErrnoException) => {
          if (!KEEPS.has(error.code ?? '')) throw error;
        });
      });
      return [];
    },
  };
}

/** A folder that is not mounted must not be made. */
async function mustBeThere(path: string): Promise<void> {
  const folder = await opendir(path);
  await folder.close();
}

const groupsOf = (size: number): string[] =>
  String(size)
    .padStart(3 * GROUPS, '0')
    .match(/\d{3}/g) ?? [];

/** The largest name of each folder on the way down. */
async function newestIn(path: string) {
  await mustBeThere(path);
  let at = join(path, KEPT);
  for (let depth = 0; depth < GROUPS; depth++) {
    const largest = await largestIn(at);
    if (largest === null && depth === 0) return null;
    if (largest === null) throw new AnchorFailed('a folder of its checkpoints is empty');
    at = join(at, largest);
  }
  return newestOf(await readWhole(at));
}

async function largestIn(path: string): Promise<string | null> {
  let largest: string | null = null;
  let names = 0;
  try {
    for await (const { name } of await opendir(path)) {
      if (++names > MOST_NAMES)
        throw new AnchorFailed('a folder of its checkpoints holds more than they can be');
      if (/^\d{3}$/.test(name) && (largest === null || name > largest)) largest = name;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return largest;
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path, READING);
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MOST_NOTE) throw new AnchorFailed('what it keeps is no checkpoint');
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_NOTE), 0, MOST_NOTE, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Writes a file that is not there yet; one that is must be the same. */
async function keep(root: string, names: readonly string[], bytes: Uint8Array): Promise<void> {
  await makeWithin(root, names.slice(0, -1));
  const path = join(root, ...names);
  const there = await open(path, READING).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (there === null) return replace(path, bytes);
  try {
    const { bytesRead, buffer } = await there.read(Buffer.alloc(bytes.length + 1), 0, bytes.length + 1, 0);
    if (Buffer.compare(buffer.subarray(0, bytesRead), bytes) !== 0)
      throw new AnchorFailed('it keeps something else in the place of what it is given');
  } finally {
    await there.close();
  }
}

/** Makes the folders that are not there. Whoever writes the folder must not lead what we write elsewhere on this host. */
async function makeWithin(root: string, names: readonly string[]): Promise<void> {
  let at = root;
  for (const name of names) {
    at = join(at, name);
    await mkdir(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if ((await lstat(at)).isSymbolicLink())
      throw new AnchorFailed('a link stands in the place of a folder of its own');
  }
}

/** Under another name first: what is cut off in the middle has no name that anybody looks for. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const write = (): Promise<void> => writeDurably(`${path}.new`, bytes, 0o644);
  // What somebody left under that name, a link or a pipe, is taken away and not written to.
  await write().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    await rm(`${path}.new`);
    await write();
  });
  await rename(`${path}.new`, path);
  await syncFolder(dirname(path));
}

const SAID: Readonly<Record<string, string>> = {
  ENOENT: 'the folder is not there, or not mounted',
  ENOTDIR: 'the path is no folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'the folder is mounted for reading alone',
  ENOSPC: 'the folder is full',
  ELOOP: 'what it keeps is no checkpoint',
};

function tell(error: unknown): never {
  if (error instanceof AnchorFailed) throw error;
  const { code = '' } = error as NodeJS.ErrnoException;
  throw new AnchorFailed(SAID[code] ?? 'the folder does not read or write');
}
