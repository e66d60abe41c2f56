import { type ReadTile, TileMissing } from './prove.ts';
import { frontierOf, rootOf, TILE_WIDTH } from './tile.ts';
import { HASH_BYTES, root } from './tree.ts';
import type { LogState } from './verify.ts';

/**
 * Reads tiles from where anybody may have written, and gives out none but those of the tree of that size and root. From the top:
 * the tiles on the right edge come to the root, and every other tile to its hash in the tile above it, which was read so too.
 * @throws TileMissing for one that is not there, or is of another tree
 */
export function provenTiles({ size, root: expected }: LogState, readTile: ReadTile): ReadTile {
  /** Of each level the last that was read: whoever reads in order reads each once. */
  const last = new Map<number, { readonly index: number; readonly hashes: Uint8Array }>();
  let edge: Promise<readonly Uint8Array[]> | null = null;

  async function read(level: number, index: number, width: number): Promise<Uint8Array> {
    if (width === 0) return new Uint8Array(0);
    const bytes = await readTile(level, index, width);
    if (bytes.length < width * HASH_BYTES) throw new TileMissing(level, index);
    return new Uint8Array(bytes.subarray(0, width * HASH_BYTES));
  }

  /** What is in the tile of each level that is not full. */
  async function provenEdge(): Promise<readonly Uint8Array[]> {
    const levels: Uint8Array[] = [];
    for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / TILE_WIDTH))
      levels.push(await read(level, Math.floor(rest / TILE_WIDTH), rest % TILE_WIDTH));
    const computed = root(frontierOf({ size, levels: levels.map(hashesOf) }));
    if (Buffer.compare(computed, expected) !== 0) throw new TileMissing(0, Math.floor(size / TILE_WIDTH));
    return levels;
  }

  async function tile(level: number, index: number): Promise<Uint8Array> {
    const known = last.get(level);
    if (known?.index === index) return known.hashes;
    const levels = await (edge ??= provenEdge());
    const ofEdge = levels[level];
    if (ofEdge === undefined) throw new TileMissing(level, index);
    if (index === Math.floor(size / TILE_WIDTH ** (level + 1))) return ofEdge;
    const above = await tile(level + 1, Math.floor(index / TILE_WIDTH));
    const place = (index % TILE_WIDTH) * HASH_BYTES;
    const hashes = await read(level, index, TILE_WIDTH);
    if (Buffer.compare(rootOf(hashesOf(hashes)), above.subarray(place, place + HASH_BYTES)) !== 0)
      throw new TileMissing(level, index);
    last.set(level, { index, hashes });
    return hashes;
  }

  return async (level, index, width) => {
    const hashes = await tile(level, index);
    if (hashes.length < width * HASH_BYTES) throw new TileMissing(level, index);
    return hashes.subarray(0, width * HASH_BYTES);
  };
}

/** One after another, as a tile has them. */
export function hashesOf(tile: Uint8Array): Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < tile.length; at += HASH_BYTES) hashes.push(tile.subarray(at, at + HASH_BYTES));
  return hashes;
}
