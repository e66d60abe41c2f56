import { hashesOf } from '../log/proven-tiles.ts';
import { type Tile, TILE_WIDTH } from '../log/tile.ts';
import { HASH_BYTES, leafHash } from '../log/tree.ts';
import { isEvent } from '../log/verify.ts';
import { GrowingTree, partialTiles } from './growing-tree.ts';
import type { LogSource } from './source.ts';

/** What a log came to, read once and in order. */
export interface Walked {
  /** The tree of its entries, from 0 on up to the first that is not there. */
  readonly computed: GrowingTree;
  /** The tree that its tiles tell of, where those say something else than the entries do. */
  readonly told: GrowingTree | null;
  /** Tiles that do not say what the entries do; 100 at the most. */
  readonly differing: readonly Differing[];
  /** Entries that are no events; 100 at the most. */
  readonly malformed: readonly number[];
  /** Where files of entries begin that hold something else besides; 100 at the most. */
  readonly inexact: readonly number[];
}

/** A tile that differs from the entries under it. */
export interface Differing {
  readonly level: number;
  readonly index: number;
  /** `gone` where it is not there, or has not its length. */
  readonly how: 'gone' | 'other';
  /** The entries that it contradicts; above level 0 the first of each run. */
  readonly entries: readonly number[];
  /** Whether it is what the tiles below it say. */
  readonly isTold: boolean;
}

export interface Listening {
  /** Told of each entry. */
  readonly onEntry: (index: number, bytes: Uint8Array) => void;
  /** Told how many entries have been read; what it throws ends the walk. */
  readonly progress: (done: number) => void;
}

const MOST = 100;

/**
 * Recomputes the tree of a log from its entries and holds its tiles against it, in memory that does not grow with it.
 * @param size how many entries to read
 * @param sizes at which the trees keep their roots, ascending
 */
export async function walk(
  source: LogSource,
  size: number,
  sizes: readonly number[],
  { onEntry, progress }: Listening,
): Promise<Walked> {
  const computed = new GrowingTree(sizes);
  let told: GrowingTree | null = null;
  const differing: Differing[] = [];
  const [malformed, inexact]: [number[], number[]] = [[], []];

  /**
   * Holds a tile against the entries, and answers it; null where it is not there.
   * @param width of the tile, of which the last hashes may be missing where the last entries are
   */
  async function compare(
    { level, index, hashes }: Tile,
    toldTile: Tile | null,
    width = hashes.length / HASH_BYTES,
  ): Promise<Uint8Array | null> {
    const known = (await source.tile(level, index, width))?.subarray(0, hashes.length) ?? null;
    if (known === null) note(differing, { level, index, how: 'gone', entries: [], isTold: false });
    else if (!same(known, hashes)) {
      const isTold = toldTile !== null && same(known, toldTile.hashes);
      note(differing, {
        level,
        index,
        how: 'other',
        entries: differencesOf(level, index, hashes, known),
        isTold,
      });
    }
    return known;
  }

  /** The entries of one tile. Returns whether all are there. */
  async function take(first: number, width: number): Promise<boolean> {
    const { entries, isExact } = await source.entries(first / TILE_WIDTH, width);
    const gap = entries.findIndex(({ index }, i) => index !== first + i);
    const there = entries.slice(0, gap < 0 ? width : Math.min(gap, width));
    for (const { index, bytes } of there) {
      if (!isEvent(bytes)) note(malformed, index);
      onEntry(index, bytes);
    }
    const leaves = there.map(({ bytes }) => leafHash(bytes));
    const isAsked = leaves.length > 0 && (width === TILE_WIDTH || source.keeps === 'all tiles');
    const bottom = { level: 0, index: first / TILE_WIDTH, hashes: Buffer.concat(leaves) };
    const known = isAsked ? await compare(bottom, null, width) : null;
    const saysOther = known !== null && !same(known, bottom.hashes);
    if (!isExact && there.length === width && !saysOther) note(inexact, first);
    if (saysOther) told ??= computed.fork();
    const toldTiles = told?.grow(saysOther ? hashesOf(known) : leaves) ?? [];
    for (const tile of computed.grow(leaves))
      if (tile.level > 0)
        await compare(tile, toldTiles.find(({ level, index }) => isAt(tile, level, index)) ?? null);
    return there.length === width;
  }

  for (let first = 0; first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first);
    if (!(await take(first, width))) break;
    progress(first + width);
  }
  if (computed.edge.size === size && source.keeps === 'all tiles') {
    const toldTiles = told === null ? [] : partialTiles(told);
    for (const tile of partialTiles(computed))
      await compare(tile, toldTiles.find(({ level, index }) => isAt(tile, level, index)) ?? null);
  }
  return { computed, told, differing, malformed, inexact };
}

function note<T>(list: T[], one: T): void {
  if (list.length < MOST) list.push(one);
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const isAt = (tile: Tile, level: number, index: number): boolean =>
  tile.level === level && tile.index === index;

/** The first entry under each hash that is another one. */
function differencesOf(level: number, index: number, hashes: Uint8Array, known: Uint8Array): number[] {
  const others = hashesOf(known);
  return hashesOf(hashes).flatMap((hash, i) =>
    same(hash, others[i] ?? NO_HASH) ? [] : [(index * TILE_WIDTH + i) * TILE_WIDTH ** level],
  );
}

const NO_HASH = new Uint8Array(0);
