import { hash } from 'node:crypto';

/** Bytes of a hash in the tree. */
export const HASH_BYTES = 32;

/**
 * All that appending to the log needs: its size and the roots of its complete subtrees, largest first (one for each
 * bit set in the size). Sizes are exact up to 2^53.
 */
export interface Frontier {
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

export const EMPTY: Frontier = { size: 0, hashes: [] };

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 0x01);

/** RFC 6962 2.1: SHA-256(0x00 | bytes). */
export function leafHash(bytes: Uint8Array): Uint8Array {
  const input = Buffer.allocUnsafe(1 + bytes.length);
  input[0] = 0x00;
  input.set(bytes, 1);
  return sha256(input);
}

/** RFC 6962 2.1: SHA-256(0x01 | left | right), over hashes of 32 bytes; RangeError for any other length. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('a hash is 32 bytes');
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  return sha256(pair);
}

/** The frontier after these leaves. Pure; about one node hash a leaf, so pass a group's leaves together. */
export function append(frontier: Frontier, leafHashes: readonly Uint8Array[]): Frontier {
  const hashes = [...frontier.hashes];
  let size = frontier.size;
  for (const leaf of leafHashes) {
    let node = leaf;
    // Each low bit set in the size is a complete subtree on the right that the new one merges with.
    for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = hashes.pop();
      if (left === undefined) throw new RangeError('a frontier has one hash for each bit of its size');
      node = nodeHash(left, node);
    }
    hashes.push(node);
    size += 1;
  }
  return { size, hashes };
}

/** The tree's root; of the empty tree, SHA-256 of nothing (RFC 6962 2.1). */
export function root(frontier: Frontier): Uint8Array {
  return frontier.hashes.length === 0
    ? sha256(new Uint8Array(0))
    : frontier.hashes.reduceRight((right, left) => nodeHash(left, right));
}

/**
 * The frontier as it was before the last leaves, of which there are `most` at the most: complete subtrees are taken off its
 * right end while they fit. What follows it can be held against the whole without all that came before.
 */
export function withoutLast(frontier: Frontier, most: number): Frontier {
  const hashes = [...frontier.hashes];
  let size = frontier.size;
  for (let room = most; size > 0; hashes.pop()) {
    // The last hash is the root of as many leaves as the lowest bit of the size says.
    let width = 1;
    while ((size / width) % 2 === 0) width *= 2;
    if (width > room) break;
    room -= width;
    size -= width;
  }
  return { size, hashes };
}

/** The hashes one after another; the size is kept beside them. */
export function encodeFrontier(frontier: Frontier): Uint8Array {
  return Buffer.concat(frontier.hashes);
}

/** The frontier of that size, or null when the bytes cannot be one: there is a hash for each bit set in the size. */
export function decodeFrontier(size: number, bytes: Uint8Array): Frontier | null {
  if (!Number.isSafeInteger(size) || size < 0 || bytes.length !== bitsSet(size) * HASH_BYTES) return null;
  const copy = new Uint8Array(bytes);
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < copy.length; at += HASH_BYTES) hashes.push(copy.subarray(at, at + HASH_BYTES));
  return { size, hashes };
}

// Bit operators would cut sizes to 32 bits, here and above.
function bitsSet(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

function sha256(bytes: Uint8Array): Uint8Array {
  // By way of a 'binary' (latin1) string: measured a third faster than a Buffer out of the native call.
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
}
