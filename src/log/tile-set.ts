import { decodeEntries } from './entries.ts';
import { type LogResource, resourcePath } from './tile-path.ts';
import { appendToTiles, frontierOf, NO_EDGE, TILE_WIDTH } from './tile.ts';
import { HASH_BYTES, leafHash, root } from './tree.ts';
import type { LogState } from './verify.ts';

/** What C2SP tlog-tiles has of a tree, but for its checkpoint: tiles of hashes and bundles of entries. */
export type TreeResource = Exclude<LogResource, { kind: 'checkpoint' }>;

/** The tiles of a tree of that size on one level, from the left: full ones, and one that is not full if there is any. */
export function* tilesOf(size: number, level: number): Generator<Extract<LogResource, { kind: 'tile' }>> {
  for (const { index, width } of parts(Math.floor(size / TILE_WIDTH ** level)))
    yield { kind: 'tile', level, index, width };
}

/** The bundles that hold all entries of a log of that size. */
export function* bundlesOf(size: number): Generator<Extract<LogResource, { kind: 'entries' }>> {
  for (const { index, width } of parts(size)) yield { kind: 'entries', index, width };
}

/** Levels that have a hash in a tree of that size. */
export function* levelsOf(size: number): Generator<number> {
  for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / TILE_WIDTH)) yield level;
}

function* parts(hashes: number): Generator<{ readonly index: number; readonly width: number }> {
  for (let index = 0; index * TILE_WIDTH < hashes; index++)
    yield { index, width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH) };
}

/** A file of a set that is not what the log has there: its path, and what is wrong with it. */
export interface SetFault {
  readonly path: string;
  readonly problem: string;
}

/**
 * Reads a whole set back, and needs nothing but its files: hashes every entry, builds the tree of them anew, and holds each
 * tile and the root against it. In memory is one bundle at a time.
 * @param read null where there is no such file, or none that can be it
 * @param told of the entries that were read, after each bundle
 * @returns the first fault, or null where the set is the log of that size and root
 */
export async function recomputeSet(
  expected: LogState,
  read: (resource: TreeResource) => Promise<Uint8Array | null>,
  told: (entries: number) => Promise<void> | void,
): Promise<SetFault | null> {
  let edge = NO_EDGE;
  const isTile = async (level: number, index: number, hashes: Uint8Array): Promise<SetFault | null> => {
    const resource = { kind: 'tile', level, index, width: hashes.length / HASH_BYTES } as const;
    const stored = await read(resource);
    const path = resourcePath(resource);
    if (stored === null) return { path, problem: GONE };
    return Buffer.compare(stored, hashes) === 0 ? null : { path, problem: OTHER };
  };
  for (const bundle of bundlesOf(expected.size)) {
    const path = resourcePath(bundle);
    const bytes = await read(bundle);
    if (bytes === null) return { path, problem: GONE };
    const entries = decodeEntries(bytes);
    if (entries?.length !== bundle.width) return { path, problem: `is no bundle of ${bundle.width} entries` };
    const grown = appendToTiles(edge, entries.map(leafHash));
    edge = grown.edge;
    for (const { level, index, hashes } of grown.full) {
      const fault = await isTile(level, index, hashes);
      if (fault !== null) return fault;
    }
    await told(edge.size);
  }
  for (const [level, hashes] of edge.levels.entries()) {
    const index = Math.floor(edge.size / TILE_WIDTH ** (level + 1));
    const fault = hashes.length === 0 ? null : await isTile(level, index, Buffer.concat(hashes));
    if (fault !== null) return fault;
  }
  const isIt = Buffer.compare(root(frontierOf(edge)), expected.root) === 0;
  return isIt ? null : { path: 'checkpoint', problem: 'its root is not that of the entries' };
}

const GONE = 'is not there';
const OTHER = 'does not hold what the entries below it come to';
