import { TILE_WIDTH } from './tile.ts';
import { HASH_BYTES, nodeHash, root } from './tree.ts';

/**
 * Reads a tile of C2SP tlog-tiles: the first `width` hashes of it, one after another, or more. In a tree of some size a tile
 * on the right edge is not full.
 */
export type ReadTile = (level: number, index: number, width: number) => Promise<Uint8Array>;

/** A tile did not have what a tree of that size has in it. */
export class TileMissing extends Error {
  constructor(level: number, index: number) {
    super(`tile ${level}/${index} does not hold what the tree has there`);
    this.name = 'TileMissing';
  }
}

/**
 * Hashes of a tree out of its tiles: each of those that a proof needs is in one tile, and a proof over n leaves reads about
 * log n / 8 tiles on each side.
 */
export interface Prover {
  /** RFC 9162 2.1.3.1: PATH(index, D_size). */
  inclusion(index: number): Promise<Uint8Array[]>;
  /** RFC 9162 2.1.4.1: PROOF(oldSize, D_size). */
  consistency(oldSize: number): Promise<Uint8Array[]>;
  root(): Promise<Uint8Array>;
}

/** @throws TileMissing */
export function prover(size: number, readTile: ReadTile): Prover {
  const tiles = new Map<string, Promise<Uint8Array>>();
  /** Hashes in the tile, in a tree of that size. */
  const widthOf = (level: number, index: number): number =>
    Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);

  function tile(level: number, index: number): Promise<Uint8Array> {
    const name = `${level}/${index}`;
    const known = tiles.get(name) ?? readTile(level, index, widthOf(level, index));
    tiles.set(name, known);
    return known;
  }

  /** The root of 2^height leaves from the `index`-th such run on. */
  async function subtree(height: number, index: number): Promise<Uint8Array> {
    const level = Math.floor(height / 8);
    const span = 2 ** (height % 8);
    const first = index * span;
    const at = Math.floor(first / TILE_WIDTH);
    const hashes = await tile(level, at);
    const from = (first % TILE_WIDTH) * HASH_BYTES;
    const part = hashes.subarray(from, from + span * HASH_BYTES);
    if (part.length !== span * HASH_BYTES) throw new TileMissing(level, at);
    return folded(part);
  }

  /** The root of the leaves from `from` on, `count` of them: complete subtrees, hashed from the right. */
  async function run(from: number, count: number): Promise<Uint8Array> {
    const hashes: Uint8Array[] = [];
    for (let at = from, rest = count; rest > 0;) {
      const height = Math.floor(Math.log2(rest));
      hashes.push(await subtree(height, at / 2 ** height));
      at += 2 ** height;
      rest -= 2 ** height;
    }
    return root({ size: count, hashes });
  }

  async function path(index: number, from: number, count: number): Promise<Uint8Array[]> {
    if (count <= 1) return [];
    const left = split(count);
    return index < from + left
      ? [...(await path(index, from, left)), await run(from + left, count - left)]
      : [...(await path(index, from + left, count - left)), await run(from, left)];
  }

  async function subproof(
    oldSize: number,
    from: number,
    count: number,
    isKnown: boolean,
  ): Promise<Uint8Array[]> {
    if (oldSize === count) return isKnown ? [] : [await run(from, count)];
    const left = split(count);
    return oldSize <= left
      ? [...(await subproof(oldSize, from, left, isKnown)), await run(from + left, count - left)]
      : [...(await subproof(oldSize - left, from + left, count - left, false)), await run(from, left)];
  }

  return {
    inclusion: async (index) => {
      if (!isWithin(index, size - 1)) throw new RangeError('no leaf of the tree has this index');
      return path(index, 0, size);
    },
    consistency: async (oldSize) => {
      if (oldSize === 0 || !isWithin(oldSize, size)) throw new RangeError('no older tree has this size');
      return subproof(oldSize, 0, size, true);
    },
    root: () => run(0, size),
  };
}

const isWithin = (number: number, most: number): boolean =>
  Number.isSafeInteger(number) && number >= 0 && number <= most;

/** The largest power of two that is smaller. */
const split = (count: number): number => 2 ** Math.floor(Math.log2(count - 1));

/** The root of a run of hashes whose number is a power of two. */
function folded(hashes: Uint8Array): Uint8Array {
  if (hashes.length === HASH_BYTES) return hashes;
  const half = hashes.length / 2;
  return nodeHash(folded(hashes.subarray(0, half)), folded(hashes.subarray(half)));
}
