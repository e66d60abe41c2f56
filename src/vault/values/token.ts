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

/** Above this many tokens a draw does not ask whether one is taken: the insert still guards. */
const ASK_BELOW = 1n << 64n;
const LARGEST_BLOCK = 512;
/** A block of at least this many, half of them taken, says that a bucket is filling. */
const TELLING_BLOCK = 8;

/**
 * Draws one free token for each normal form: random blocks that double up to 512, then a walk of the whole space from
 * a random start. A space that is full ends with null, and nothing ever falls back to another shape.
 */
export async function drawTokens(
  call: Call,
  collection: Collection,
  normals: readonly string[],
): Promise<(Drawn | null)[]> {
  const mine = new Set<string>();
  const spaces = normals.map((normal) => collection.format.space(normal));
  const drawn: (Drawn | null)[] = normals.map(() => null);
  let pending = [...normals.keys()];
  for (let size = 1; pending.length > 0 && size <= LARGEST_BLOCK; size *= 2) {
    const blocks = pending.map((i) => block(call, collection, spaces[i], normals[i], size));
    await choose(call, collection, pending, blocks, drawn, mine);
    pending = pending.filter((i) => drawn[i] === null);
  }
  for (const i of pending) drawn[i] = await walk(call, collection, spaces[i], normals[i], mine);
  return drawn;
}

function block(
  call: Call,
  collection: Collection,
  space: Space | undefined,
  normal: string | undefined,
  size: number,
): Drawn[] {
  if (space === undefined) return [];
  const tokens = Array.from({ length: size }, () => space.at(call.draw.index(space.size)));
  return candidates(call, collection, tokens, normal);
}

/** A token never equals its value. */
const candidates = (
  call: Call,
  collection: Collection,
  tokens: readonly string[],
  normal: string | undefined,
): Drawn[] =>
  tokens
    .filter((token) => token !== normal)
    .map((token) => ({ token, hash: tokenHash(call.epoch.keys, collection.id, token) }));

/** Asks the store once which candidates are taken and gives each pending item its first free one. */
async function choose(
  call: Call,
  collection: Collection,
  pending: readonly number[],
  blocks: readonly Drawn[][],
  drawn: (Drawn | null)[],
  mine: Set<string>,
): Promise<void> {
  const taken = await areTaken(call, collection, blocks.flat());
  let position = 0;
  for (const [k, i] of pending.entries()) {
    const own = blocks[k] ?? [];
    const free = own.filter((_, j) => taken[position + j] === false);
    position += own.length;
    tellFilling(call, collection, own.length - free.length, own.length);
    drawn[i] = free.find(({ token }) => !mine.has(token)) ?? null;
    if (drawn[i] !== null) mine.add(drawn[i].token);
  }
}

async function areTaken(
  call: Call,
  collection: Collection,
  asked: readonly Drawn[],
): Promise<readonly boolean[]> {
  if (collection.format.smallest.size >= ASK_BELOW) return asked.map(() => false);
  return call.core.store.taken(
    collection.id,
    asked.map(({ hash }) => hash),
  );
}

function tellFilling(call: Call, { name }: Collection, taken: number, asked: number): void {
  if (asked < TELLING_BLOCK || taken * 2 < asked) return;
  call.core.world.notice({ kind: 'filling', collection: name, taken, asked });
}

/** The whole space, from a random start, in blocks: the last resort, and the proof that it is full. */
async function walk(
  call: Call,
  collection: Collection,
  space: Space | undefined,
  normal: string | undefined,
  mine: Set<string>,
): Promise<Drawn | null> {
  if (space === undefined) return null;
  const start = call.draw.index(space.size);
  for (let offset = 0n; offset < space.size; offset += BigInt(LARGEST_BLOCK)) {
    const count = Math.min(LARGEST_BLOCK, Number(space.size - offset));
    const tokens = Array.from({ length: count }, (_, k) =>
      space.at((start + offset + BigInt(k)) % space.size),
    );
    const asked = candidates(call, collection, tokens, normal);
    const taken = await areTaken(call, collection, asked);
    const free = asked.find(({ token }, k) => taken[k] === false && !mine.has(token));
    if (free !== undefined) {
      mine.add(free.token);
      return free;
    }
    await call.core.world.breathe();
  }
  return null;
}
