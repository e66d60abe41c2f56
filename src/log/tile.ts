import { append, EMPTY, type Frontier, HASH_BYTES, nodeHash } from './tree.ts';

/**
 * Tiles of C2SP tlog-tiles (c2sp.org/tlog-tiles): the tree is cut into levels of 8, and a tile holds 256 hashes next to one
 * another of level 8 L, each the root of 256^L leaves. Every hash of the tree is in one of them or near.
 */

/** Hashes in a full tile. */
export const TILE_WIDTH = 256;
const HEIGHT = 8;
const MOST_LEVELS = 7;

/** A full tile: 256 hashes one after another. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

/** The right edge of a tree of that size: what is in the tile of each level that is not full yet, from level 0 on. */
export interface TileEdge {
  readonly size: number;
  readonly levels: readonly (readonly Uint8Array[])[];
}

export const NO_EDGE: TileEdge = { size: 0, levels: [] };

/** The edge after these leaves, and the tiles that they filled, the lower ones first. Pure. */
export function appendToTiles(
  edge: TileEdge,
  leafHashes: readonly Uint8Array[],
): { readonly edge: TileEdge; readonly full: readonly Tile[] } {
  const levels = edge.levels.map((hashes) => [...hashes]);
  const full: Tile[] = [];
  let size = edge.size;
  for (const leaf of leafHashes) {
    size += 1;
    let hash = leaf;
    for (let level = 0; ; level++) {
      const hashes = (levels[level] ??= []);
      hashes.push(hash);
      if (hashes.length < TILE_WIDTH) break;
      full.push({ level, index: size / TILE_WIDTH ** (level + 1) - 1, hashes: Buffer.concat(hashes) });
      hash = rootOf(hashes);
      levels[level] = [];
    }
  }
  return { edge: { size, levels }, full };
}

/** The root of a full tile. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  for (let height = 0; height < HEIGHT; height++) row = pairs(row);
  const [top] = row;
  if (row.length !== 1 || top === undefined) throw new RangeError('a full tile has 256 hashes');
  return top;
}

function pairs(row: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let i = 0; i + 1 < row.length; i += 2) above.push(nodeHash(row[i] ?? NO_HASH, row[i + 1] ?? NO_HASH));
  return above;
}

const NO_HASH = new Uint8Array(0);

/**
 * The frontier of the tree: of each tile that is not full, the complete subtrees. The hashes of a level stand for equal
 * parts, so within a tile the frontier grows as that of a tree does whose leaves they are.
 */
export function frontierOf({ size, levels }: TileEdge): Frontier {
  const hashes = levels.toReversed().flatMap((level) => append(EMPTY, level).hashes);
  return { size, hashes };
}

/** Levels one after another, each its hashes; how many those are follows from the size. */
export const encodeEdge = ({ levels }: TileEdge): Uint8Array => Buffer.concat(levels.flat());

/** The edge of that size, or null when the bytes cannot be one. */
export function decodeEdge(size: number, bytes: Uint8Array): TileEdge | null {
  if (!Number.isSafeInteger(size) || size < 0) return null;
  const levels: Uint8Array[][] = [];
  const copy = new Uint8Array(bytes);
  let at = 0;
  for (let rest = size; rest > 0 && levels.length < MOST_LEVELS; rest = Math.floor(rest / TILE_WIDTH)) {
    const hashes: Uint8Array[] = [];
    for (let i = 0; i < rest % TILE_WIDTH; i++, at += HASH_BYTES)
      hashes.push(copy.subarray(at, at + HASH_BYTES));
    levels.push(hashes);
  }
  return at === copy.length ? { size, levels } : null;
}
