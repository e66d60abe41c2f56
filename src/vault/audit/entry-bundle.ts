import { equalBytes } from '../../crypto/encoding.ts';
import { encodeEntries } from '../../log/entries.ts';
import { hashesOf } from '../../log/proven-tiles.ts';
import { TILE_WIDTH } from '../../log/tile.ts';
import { leafHash } from '../../log/tree.ts';
import type { Store } from '../store.ts';

/** An event is not there, or is not the one that its tile has. */
export class EventUnproven extends Error {
  readonly index: number;

  constructor(index: number) {
    super('an event is not the one that its tile has');
    this.name = 'EventUnproven';
    this.index = index;
  }
}

/**
 * The bundle of C2SP tlog-tiles that a tile of level 0 proves: nothing else leaves the store under the log's name.
 * @param index of the tile
 * @throws EventUnproven
 */
export async function entryBundle(
  store: Pick<Store, 'eventsFrom'>,
  index: number,
  tile: Uint8Array,
): Promise<Uint8Array> {
  const first = index * TILE_WIDTH;
  const hashes = hashesOf(tile);
  const events = await store.eventsFrom(first, hashes.length);
  for (const [i, hash] of hashes.entries()) {
    const event = events[i];
    if (event?.index !== first + i || !equalBytes(leafHash(event.bytes), hash))
      throw new EventUnproven(first + i);
  }
  return encodeEntries(events.map(({ bytes }) => bytes));
}
