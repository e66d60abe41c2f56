import { appendToTiles, frontierOf, NO_EDGE, type Tile, TILE_WIDTH, type TileEdge } from '../log/tile.ts';
import { root } from '../log/tree.ts';

/** A tree that leaves are appended to, which keeps its root at the sizes that are asked for. */
export class GrowingTree {
  readonly #sizes: readonly number[];
  readonly #roots: Map<number, Uint8Array>;
  #edge: TileEdge;
  #next: number;

  /** @param sizes ascending */
  constructor(sizes: readonly number[], from: GrowingTree | null = null) {
    this.#sizes = sizes;
    this.#edge = from === null ? NO_EDGE : from.#edge;
    this.#roots = new Map(from === null ? [] : from.#roots);
    this.#next = from === null ? 0 : from.#next;
    this.#keepRoots(this.#edge, []);
  }

  /** A tree that is the same up to here. */
  fork(): GrowingTree {
    return new GrowingTree(this.#sizes, this);
  }

  get edge(): TileEdge {
    return this.#edge;
  }

  get root(): Uint8Array {
    return root(frontierOf(this.#edge));
  }

  /** At those of the sizes that it has had. */
  get roots(): ReadonlyMap<number, Uint8Array> {
    return this.#roots;
  }

  /** @returns the tiles that the leaves filled, the lower ones first */
  grow(leaves: readonly Uint8Array[]): readonly Tile[] {
    const before = this.#edge;
    const { edge, full } = appendToTiles(before, leaves);
    this.#edge = edge;
    this.#keepRoots(before, leaves);
    return full;
  }

  #keepRoots(before: TileEdge, leaves: readonly Uint8Array[]): void {
    for (; this.#next < this.#sizes.length; this.#next++) {
      const size = this.#sizes[this.#next] ?? 0;
      if (size > before.size + leaves.length) return;
      const then = appendToTiles(before, leaves.slice(0, size - before.size)).edge;
      this.#roots.set(size, root(frontierOf(then)));
    }
  }
}

/** Tiles above level 0 that are not full: those of level 0 are read with their entries. */
export const partialTiles = ({ edge: { size, levels } }: GrowingTree): readonly Tile[] =>
  levels.flatMap((hashes, level) =>
    level === 0 || hashes.length === 0
      ? []
      : [{ level, index: Math.floor(size / TILE_WIDTH ** (level + 1)), hashes: Buffer.concat(hashes) }],
  );
