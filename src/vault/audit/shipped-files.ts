import { resourcePath } from '../../log/tile-path.ts';
import { TILE_WIDTH } from '../../log/tile.ts';
import { HASH_BYTES } from '../../log/tree.ts';
import { type AnchorFile, AnchorFailed } from '../anchor.ts';
import type { Store } from '../store.ts';
import { entryBundle, EventUnproven } from './entry-bundle.ts';
import type { LogTree } from './log-tree.ts';

/**
 * The files of C2SP tlog-tiles that a tree has and one of `filed` events had not: bundle by bundle, each with its tile and the
 * tiles that it fills, and then those of the edge.
 * @param kept told of how many events all files are kept, each time that a bundle is
 */
export async function* filesSince(
  store: Pick<Store, 'eventsFrom'>,
  tree: Pick<LogTree, 'size' | 'readTile'>,
  filed: number,
  kept: (events: number) => Promise<void>,
): AsyncGenerator<AnchorFile> {
  const { size } = tree;
  for (let index = Math.floor(filed / TILE_WIDTH); index * TILE_WIDTH < size; index++) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
    const tile = await tileFile(tree, 0, index, width);
    yield tile;
    yield await bundleFile(store, tile, index, width);
    for (let level = 1, next = index + 1; next % TILE_WIDTH === 0; level++) {
      next /= TILE_WIDTH;
      yield await tileFile(tree, level, next - 1, TILE_WIDTH);
    }
    if (width === TILE_WIDTH) await kept((index + 1) * TILE_WIDTH);
  }
  for (let level = 1; ; level++) {
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    if (hashes === 0) return;
    const width = hashes % TILE_WIDTH;
    if (width > 0) yield await tileFile(tree, level, Math.floor(hashes / TILE_WIDTH), width);
  }
}

async function tileFile(
  { readTile }: Pick<LogTree, 'readTile'>,
  level: number,
  index: number,
  width: number,
): Promise<AnchorFile> {
  const hashes = await readTile(level, index, width);
  if (hashes.length < width * HASH_BYTES) throw new AnchorFailed('a tile of the log is gone');
  return {
    path: resourcePath({ kind: 'tile', level, index, width }),
    bytes: hashes.subarray(0, width * HASH_BYTES),
  };
}

/** Nothing goes out that the tree does not have. */
async function bundleFile(
  store: Pick<Store, 'eventsFrom'>,
  { bytes: tile }: AnchorFile,
  index: number,
  width: number,
): Promise<AnchorFile> {
  const bytes = await entryBundle(store, index, tile).catch((error: unknown) => {
    if (error instanceof EventUnproven)
      throw new AnchorFailed('the events of the log are not what its tiles say');
    throw error;
  });
  return { path: resourcePath({ kind: 'entries', index, width }), bytes };
}
