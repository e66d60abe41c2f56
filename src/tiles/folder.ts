import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../disk/durable.ts';
import { type LogResource, resourcePath } from '../log/tile-path.ts';
import type { TreeResource } from '../log/tile-set.ts';
import { TILE_WIDTH } from '../log/tile.ts';
import { HASH_BYTES } from '../log/tree.ts';

/** A log as files under a folder, by their paths in C2SP tlog-tiles (c2sp.org/tlog-tiles). */
export interface TileFolder {
  /** Null where there is no such file, or one that is too large to be it. */
  readonly read: (resource: LogResource) => Promise<Uint8Array | null>;
  readonly has: (resource: LogResource) => Promise<boolean>;
  /** Whole and under its name, or not at all; done once both are on the disk. For a name that is free. */
  readonly add: (resource: TreeResource, bytes: Uint8Array) => Promise<void>;
  /** Puts a checkpoint in the place of the one before, or of none. Whatever it covers is to be there. */
  readonly putCheckpoint: (note: Uint8Array) => Promise<void>;
}

/** Of an entry, with its length before it: 65,535 bytes and 2. */
const MOST_ENTRY = 65_537;
const MOST_NOTE = 65_536;
/** What is being written stands under such a name; one that is left over was cut off. */
const PART = '.strongroom-part-';

const mostBytes = ({ kind }: LogResource): number =>
  ({ checkpoint: MOST_NOTE, tile: TILE_WIDTH * HASH_BYTES, entries: TILE_WIDTH * MOST_ENTRY })[kind];

/**
 * Opens a folder to write to, and makes it where there is none in a folder that is. What somebody left half written is taken away.
 * @param name letters that no other writer has
 */
export async function openTileFolder(path: string, name: string): Promise<TileFolder> {
  await makeFolder(path);
  for (const left of await readdir(path)) if (left.startsWith(PART)) await rm(join(path, left));
  const part = join(path, `${PART}${name}`);
  const at = (resource: LogResource): string => join(path, resourcePath(resource));
  /** Folders that are known to be there, with their names on the disk. */
  const made = new Set([path]);

  async function makeWithin(folder: string): Promise<void> {
    if (made.has(folder)) return;
    await makeWithin(dirname(folder));
    await makeFolder(folder);
    made.add(folder);
  }

  async function put(resource: LogResource, bytes: Uint8Array): Promise<void> {
    const file = at(resource);
    await makeWithin(dirname(file));
    await writeDurably(part, bytes);
    await rename(part, file);
    await syncFolder(dirname(file));
  }

  return {
    read: (resource) => readWithin(at(resource), mostBytes(resource)),
    has: async (resource) => (await sizeOf(at(resource))) !== null,
    add: put,
    putCheckpoint: (note) => put({ kind: 'checkpoint' }, note),
  };
}

/** Waits until the folder's own name is on the disk. */
async function makeFolder(path: string): Promise<void> {
  const isNew = await mkdir(path, { mode: 0o700 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  if (isNew) await syncFolder(dirname(path));
}

async function readWithin(path: string, most: number): Promise<Uint8Array | null> {
  const size = await sizeOf(path);
  if (size === null || size > most) return null;
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Bytes of a file; null where there is none, or something else: a pipe would be waited for. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    const there = await stat(path);
    return there.isFile() ? there.size : null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
