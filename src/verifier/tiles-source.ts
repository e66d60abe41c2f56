import { decodeEntries, decodeLongest } from '../log/entries.ts';
import { resourcePath } from '../log/tile-path.ts';
import { TILE_WIDTH } from '../log/tile.ts';
import { HASH_BYTES } from '../log/tree.ts';
import { type LogSource, MOST_ENTRY, MOST_NOTE } from './source.ts';

/** Reads a file of the layout of C2SP tlog-tiles by its path; null where there is none, or one of more bytes than that. */
export type ReadLogFile = (path: string, most: number) => Promise<Uint8Array | null>;

const LENGTH_BYTES = 2;
const MOST_BUNDLE = TILE_WIDTH * (LENGTH_BYTES + MOST_ENTRY);
const MOST_TILE = TILE_WIDTH * HASH_BYTES;

/** A log in the layout of C2SP tlog-tiles: a folder, a bundle, or what a vault serves. */
export function tilesSource(read: ReadLogFile, rest: Pick<LogSource, 'surplus' | 'close'>): LogSource {
  /** A file of its own width; or the full one, which by now has taken its place. */
  async function widest(resource: Resource, most: number): Promise<Found | null> {
    for (const width of new Set([resource.width, TILE_WIDTH])) {
      const bytes = await read(resourcePath({ ...resource, width }), most);
      if (bytes !== null) return { bytes, width };
    }
    return null;
  }

  return {
    ...rest,
    keeps: 'all tiles',
    checkpoint: () => read('checkpoint', MOST_NOTE),
    earlier: async () => [],
    unsigned: async () => 0,
    entries: async (index, width) => {
      const found = await widest({ kind: 'entries', index, width }, MOST_BUNDLE);
      if (found === null) return { entries: [], isExact: true };
      const entries = decodeLongest(found.bytes).slice(0, width);
      return {
        entries: entries.map((bytes, i) => ({ index: index * TILE_WIDTH + i, bytes })),
        isExact: decodeEntries(found.bytes)?.length === found.width,
      };
    },
    tile: async (level, index, width) => {
      const found = await widest({ kind: 'tile', level, index, width }, MOST_TILE);
      return found === null || found.bytes.length !== found.width * HASH_BYTES
        ? null
        : found.bytes.subarray(0, width * HASH_BYTES);
    },
  };
}

type Resource = Exclude<Parameters<typeof resourcePath>[0], { readonly kind: 'checkpoint' }>;

interface Found {
  readonly bytes: Uint8Array;
  /** Of the file, in entries or hashes. */
  readonly width: number;
}
