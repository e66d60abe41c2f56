import { equalBytes } from '../../crypto/encoding.ts';
import type { Secret } from '../../crypto/key.ts';
import { prover, type ReadTile } from '../../log/prove.ts';
import { appendToTiles, frontierOf, NO_EDGE, type Tile, type TileEdge } from '../../log/tile.ts';
import { encodeFrontier, leafHash, root } from '../../log/tree.ts';
import type { HeadSeal } from '../commit/head.ts';
import type { Core } from '../core.ts';
import type { Store } from '../store.ts';
import { CHECKPOINTS, type Published, publishedIn, tileReader } from './checkpoints.ts';
import { keysAfter, type LogKeys } from './log-keys.ts';

/** The log's tree at some size: what can be proven of it, and its root. */
export interface LogTree {
  readonly size: number;
  readonly root: Uint8Array;
  readonly edge: TileEdge;
  /** Its keys, as the events up to there prove them. */
  readonly keys: LogKeys;
  readonly readTile: ReadTile;
  /** RFC 9162 2.1.4.1, from an earlier size. @throws TileMissing */
  readonly consistency: (from: number) => Promise<readonly Uint8Array[]>;
  /** RFC 9162 2.1.3.1. @throws TileMissing */
  readonly inclusion: (index: number) => Promise<readonly Uint8Array[]>;
}

/** Events at a time. */
const PIECE = 1024;

/** What the follower of checkpoints has filed; null where its row is not the vault's. */
export async function publishedNow(
  store: Pick<Store, 'follower'>,
  rowsKey: Secret,
): Promise<Published | null> {
  const row = await store.follower(CHECKPOINTS);
  return row === null ? null : publishedIn(row, rowsKey);
}

/** The tree of an edge whose full tiles are stored, but for those that are given. */
export function treeOf(
  store: Pick<Store, 'tiles'>,
  { edge, keys }: Pick<Published, 'edge' | 'keys'>,
  full: ReadonlyMap<string, Tile> = new Map(),
): LogTree {
  const stored = tileReader(store, edge);
  const readTile: ReadTile = async (level, index, width) =>
    full.get(`${level}/${index}`)?.hashes ?? stored(level, index, width);
  const proofs = prover(edge.size, readTile);
  return {
    size: edge.size,
    root: root(frontierOf(edge)),
    edge,
    keys,
    readTile,
    consistency: (from) => proofs.consistency(from),
    inclusion: (index) => proofs.inclusion(index),
  };
}

/**
 * The tree of the log as its head has it: what was filed, and the events since, which were read.
 * @returns null where the head does not authenticate, or the log is not what it says
 */
export async function treeNow(
  { store, world }: Pick<Core, 'store' | 'world'>,
  rowsKey: Secret,
  seal: HeadSeal,
): Promise<LogTree | null> {
  const filed = await publishedNow(store, rowsKey);
  // After the row, so that it is never the older of the two.
  const head = await store.head();
  if (head === null || !seal.verify(head)) return null;
  const isOf = filed !== null && filed.edge.size <= head.size;
  let { edge, keys }: Pick<Published, 'edge' | 'keys'> = isOf ? filed : { edge: NO_EDGE, keys: [] };
  const full = new Map<string, Tile>();
  while (edge.size < head.size) {
    const first = edge.size;
    const rows = await store.eventsFrom(first, Math.min(PIECE, head.size - first));
    if (rows.length === 0 || rows.some(({ index }, i) => index !== first + i)) return null;
    for (const { index, bytes } of rows) {
      const after = keysAfter(keys, index, bytes);
      if (after === null) return null;
      keys = after;
    }
    const grown = appendToTiles(
      edge,
      rows.map(({ bytes }) => leafHash(bytes)),
    );
    for (const tile of grown.full) full.set(`${tile.level}/${tile.index}`, tile);
    edge = grown.edge;
    await world.breathe();
  }
  if (!equalBytes(encodeFrontier(frontierOf(edge)), head.frontier)) return null;
  return treeOf(store, { edge, keys }, full);
}
