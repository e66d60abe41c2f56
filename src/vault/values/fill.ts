import type { Keyring } from '../custody/keyring.ts';
import { Draw } from '../draw.ts';
import type { Collection } from '../policy/active.ts';
import type { StoreInspection } from '../store.ts';
import { openValue } from './sealing.ts';
import { ASK_BELOW, tokenHash } from './token.ts';

/** How much of a token space is taken, as a draw of random tokens met it. */
export interface Fill {
  readonly taken: number;
  readonly asked: number;
}

export interface FillDeps {
  readonly inspection: StoreInspection;
  readonly keys: Keyring;
  readonly random: (bytes: number) => Uint8Array;
}

/** Live tokens whose buckets are tried: a bucket's chance to be among them is its share of all tokens. */
const SAMPLED = 48;
/** Tokens that are drawn from each, and where a quarter of those are taken: the estimate is then within 3 % or so. */
const FIRST = 64;
const CLOSER = 1024;

/**
 * The fill of the fullest bucket among those of some random tokens; null where none is live, or no space could be filled.
 * Counting a collection would not tell: its tokens are spread over buckets that nobody lists. The values are opened for
 * the names of their buckets, and shown to nobody.
 */
export async function fullestBucket(
  collection: Collection,
  { inspection, keys, random }: FillDeps,
): Promise<Fill | null> {
  if (collection.format.smallest.size >= ASK_BELOW) return null;
  const draw = new Draw(random, 16 * 1024);
  const tried = new Map<string, Fill>();
  for (let i = 0; i < SAMPLED; i++) {
    const row =
      (await inspection.liveFrom(collection.id, draw.take(16))) ??
      (await inspection.liveFrom(collection.id, new Uint8Array(0)));
    const normal = row === null ? null : openValue(keys, row, row);
    if (normal === null) continue;
    const space = collection.format.space(normal);
    if (tried.has(space.bucket)) continue;
    const drawn = async (asked: number): Promise<Fill> => {
      const tokens = Array.from({ length: asked }, () => space.at(draw.index(space.size)));
      const hashes = tokens.map((token) => tokenHash(keys, collection.id, token));
      const taken = await inspection.taken(collection.id, hashes);
      return { asked, taken: taken.filter(Boolean).length };
    };
    const first = await drawn(FIRST);
    tried.set(space.bucket, first.taken * 4 < FIRST ? first : await drawn(CLOSER));
  }
  return [...tried.values()].toSorted((a, b) => b.taken / b.asked - a.taken / a.asked)[0] ?? null;
}
