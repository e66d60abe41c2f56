import { keyedHash } from '../../crypto/mac.ts';
import type { Space } from '../../formats/format.ts';
import type { Call } from '../call.ts';
import type { Keyring } from '../custody/keyring.ts';
import type { Collection } from '../policy/active.ts';

/** The keyed hash under which a token is issued and found; its key does not rotate. */
export const tokenHash = (keys: Keyring, collection: string, token: string): Uint8Array =>
  keyedHash(keys.vault('issued').secret, 'strongroom/issued/v1', collection, token);

/** A token that nobody has, and its hash. */
export interface Drawn {
  readonly token: string;
  readonly hash: Uint8Array;
}

/** Items of a request that draw from one space. */
interface Bucket {
  readonly name: string;
  readonly space: Space;
  /** Places in the batch that have no token yet. */
  readonly pending: number[];
}

/** One request's draws in one collection. */
interface Draws {
  readonly call: Call;
  readonly collection: Collection;
  readonly normals: readonly string[];
  readonly drawn: (Drawn | null)[];
  /** Tokens that this request has already taken. */
  readonly mine: Set<string>;
}

/** Above this many tokens a draw does not ask whether one is taken: the insert still guards. */
export const ASK_BELOW = 1n << 64n;
const LARGEST_BLOCK = 512;
/** Candidates that are hashed and asked for between two turns of the event loop. */
const PIECE = 1024;
/** A block of at least this many, half of them taken, says that a bucket is filling. */
const TELLING_BLOCK = 8;
/** Full buckets that are remembered; filling one more takes 90,000 tokens at the least. */
const MOST_REMEMBERED = 10_000;

/**
 * Draws one free token for each normal form: random blocks that double up to 512, then one walk of the whole space from
 * a random start. Items of one bucket share its blocks and its walk, and a bucket that was found full stays full, so that
 * whoever meets one costs no more than anybody else. A full space ends with null: nothing falls back to another shape.
 */
export async function drawTokens(
  call: Call,
  collection: Collection,
  normals: readonly string[],
): Promise<(Drawn | null)[]> {
  const draws: Draws = { call, collection, normals, drawn: normals.map(() => null), mine: new Set() };
  let buckets = bucketsOf(draws);
  for (let size = 1; buckets.length > 0 && size <= LARGEST_BLOCK; size *= 2) {
    await drawBlocks(draws, buckets, size);
    buckets = buckets.filter(({ pending }) => pending.length > 0);
  }
  for (const bucket of buckets) await walk(draws, bucket);
  return draws.drawn;
}

/** The buckets that have room, as far as is known. */
function bucketsOf({ call, collection, normals }: Draws): Bucket[] {
  const buckets = new Map<string, Bucket>();
  for (const [i, normal] of normals.entries()) {
    const space = collection.format.space(normal);
    const name = `${collection.id} ${space.bucket}`;
    if (call.core.fullBuckets.has(name)) continue;
    const bucket = buckets.get(name);
    if (bucket === undefined) buckets.set(name, { name, space, pending: [i] });
    else bucket.pending.push(i);
  }
  return [...buckets.values()];
}

/** One block for each bucket, asked for in pieces. */
async function drawBlocks(draws: Draws, buckets: readonly Bucket[], size: number): Promise<void> {
  let piece: { readonly bucket: Bucket; readonly block: Drawn[] }[] = [];
  let candidates = 0;
  for (const bucket of buckets) {
    const { space, pending } = bucket;
    const indexes = Array.from({ length: Math.max(size, pending.length) }, () =>
      draws.call.draw.index(space.size),
    );
    piece.push({ bucket, block: indexes.map((index) => candidate(draws, space, index)) });
    candidates += indexes.length;
    if (candidates < PIECE) continue;
    await takeFree(draws, piece);
    piece = [];
    candidates = 0;
    await draws.call.core.world.breathe();
  }
  await takeFree(draws, piece);
}

/** Asks the store once which candidates of some blocks are taken, and gives the free ones out. */
async function takeFree(
  draws: Draws,
  blocks: readonly { readonly bucket: Bucket; readonly block: readonly Drawn[] }[],
): Promise<void> {
  const taken = await areTaken(
    draws,
    blocks.flatMap(({ block }) => block),
  );
  let position = 0;
  for (const { bucket, block } of blocks) {
    const free = block.filter((_, i) => taken[position + i] === false);
    position += block.length;
    tellFilling(draws, block.length - free.length, block.length);
    for (const one of free) give(draws, bucket, one);
  }
}

/** Gives a free token to the first item of its bucket whose value it is not: a token never equals its value. */
function give({ normals, drawn, mine }: Draws, bucket: Bucket, one: Drawn): void {
  if (mine.has(one.token)) return;
  const { pending } = bucket;
  const at = pending.findIndex((i) => normals[i] !== one.token);
  const place = pending[at];
  if (place === undefined) return;
  mine.add(one.token);
  drawn[place] = one;
  pending.splice(at, 1);
}

/** The whole space, from a random start: the last resort, and the proof that it is full. */
async function walk(draws: Draws, bucket: Bucket): Promise<void> {
  const { call } = draws;
  const { space } = bucket;
  const start = call.draw.index(space.size);
  let anyFree = false;
  for (let offset = 0n; offset < space.size && bucket.pending.length > 0; offset += BigInt(LARGEST_BLOCK)) {
    const count = Math.min(LARGEST_BLOCK, Number(space.size - offset));
    const block = Array.from({ length: count }, (_, k) =>
      candidate(draws, space, (start + offset + BigInt(k)) % space.size),
    );
    const taken = await areTaken(draws, block);
    const free = block.filter((_, k) => taken[k] === false);
    anyFree ||= free.length > 0;
    for (const one of free) give(draws, bucket, one);
    await call.core.world.breathe();
  }
  // Issued tokens are never given back: what was wholly taken once stays so.
  const { fullBuckets } = call.core;
  if (!anyFree && fullBuckets.size < MOST_REMEMBERED) fullBuckets.add(bucket.name);
}

function candidate({ call, collection }: Draws, space: Space, index: bigint): Drawn {
  const token = space.at(index);
  return { token, hash: tokenHash(call.epoch.keys, collection.id, token) };
}

async function areTaken({ call, collection }: Draws, asked: readonly Drawn[]): Promise<readonly boolean[]> {
  if (collection.format.smallest.size >= ASK_BELOW) return asked.map(() => false);
  return call.core.store.taken(
    collection.id,
    asked.map(({ hash }) => hash),
  );
}

function tellFilling({ call, collection }: Draws, taken: number, asked: number): void {
  call.core.observer.drew(collection.name, taken, asked);
  if (asked < TELLING_BLOCK || taken * 2 < asked) return;
  call.core.world.notice({ kind: 'filling', collection: collection.name, taken, asked });
}
