import { parseCheckpoint } from '../log/checkpoint.ts';
import { encodeEntries } from '../log/entries.ts';
import { parseNote } from '../log/note.ts';
import { resourcePath } from '../log/tile-path.ts';
import { type Tile, TILE_WIDTH } from '../log/tile.ts';
import { HASH_BYTES, leafHash } from '../log/tree.ts';
import { GrowingTree, partialTiles } from './growing-tree.ts';
import { type LogSource, SourceRefused } from './source.ts';

export interface LayoutFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * The files of a log in the layout of C2SP tlog-tiles, up to its newest checkpoint, in the order in which a verifier asks for
 * them. Tiles are made of the entries, so that no stored one is passed on.
 * @throws SourceRefused also at the end, where the entries are not those that the checkpoint signs
 */
export async function* layoutOf(
  source: LogSource,
  progress: (done: number, of: number) => void,
): AsyncGenerator<LayoutFile> {
  const note = await source.checkpoint();
  if (note === null)
    throw new SourceRefused('the log has no checkpoint yet: serve signs one a second while it grows');
  const { size, root } = parseCheckpoint(parseNote(note).text);
  yield { path: resourcePath({ kind: 'checkpoint' }), bytes: note };
  const tree = new GrowingTree([]);
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const [index, width] = [first / TILE_WIDTH, Math.min(TILE_WIDTH, size - first)];
    const { entries } = await source.entries(index, width);
    if (entries.length !== width || entries.some((entry, i) => entry.index !== first + i))
      throw new SourceRefused(`an event is missing from ${first} on: strongroom audit verify says more`);
    yield {
      path: resourcePath({ kind: 'entries', index, width }),
      bytes: encodeEntries(entries.map(({ bytes }) => bytes)),
    };
    const leaves = entries.map(({ bytes }) => leafHash(bytes));
    if (width < TILE_WIDTH) yield fileOf({ level: 0, index, hashes: Buffer.concat(leaves) });
    for (const tile of tree.grow(leaves)) yield fileOf(tile);
    progress(first + width, size);
  }
  for (const tile of partialTiles(tree)) yield fileOf(tile);
  if (Buffer.compare(tree.root, root) !== 0)
    throw new SourceRefused(
      'the events are not those that the newest checkpoint signs: strongroom audit verify says more',
    );
}

function fileOf({ level, index, hashes }: Tile): LayoutFile {
  const width = hashes.length / HASH_BYTES;
  return { path: resourcePath({ kind: 'tile', level, index, width }), bytes: hashes };
}
