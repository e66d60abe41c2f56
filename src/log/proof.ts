import { HASH_BYTES, nodeHash } from './tree.ts';

/** A leaf's hash, its place, and the tree it is said to be in. Indexes and sizes are safe integers. */
export interface Inclusion {
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** Two states of one log, the older first. */
export interface Consistency {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** RFC 9162 2.1.3.2: whether the proof shows the leaf at that index of the tree. */
export function verifyInclusion({ leaf, index, size, root, proof }: Inclusion): boolean {
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  if (![leaf, root, ...proof].every(isHash)) return false;
  let inner = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isRightChild(inner, last)) {
      hash = nodeHash(sibling, hash);
      [inner, last] = climbPastMissing(inner, last);
    } else {
      hash = nodeHash(hash, sibling);
    }
    [inner, last] = [half(inner), half(last)];
  }
  return last === 0 && same(hash, root);
}

/**
 * RFC 9162 2.1.4.2: whether the proof shows that the newer log only appended to the older. Against an empty
 * log nothing can be shown, so that is false: a caller who holds no older root has nothing to check.
 */
export function verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }: Consistency): boolean {
  if (!isSize(oldSize) || !isSize(newSize) || oldSize === 0 || oldSize > newSize) return false;
  if (oldSize === newSize) return proof.length === 0 && same(oldRoot, newRoot);
  if (![oldRoot, newRoot, ...proof].every(isHash)) return false;
  if (proof.length === 0) return false;
  let inner = oldSize - 1;
  let last = newSize - 1;
  while (inner % 2 === 1) [inner, last] = [half(inner), half(last)];
  // A power of two is one complete subtree: its root is known and left out of the proof (here inner is 0 by now).
  const [first, ...rest] = inner === 0 ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (isRightChild(inner, last)) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      [inner, last] = climbPastMissing(inner, last);
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    [inner, last] = [half(inner), half(last)];
  }
  return last === 0 && same(oldHash, oldRoot) && same(newHash, newRoot);
}

function isRightChild(inner: number, last: number): boolean {
  return inner % 2 === 1 || inner === last;
}

/** On the tree's right edge some levels have no sibling: go up to where the path turns right again, or to the top. */
function climbPastMissing(inner: number, last: number): [number, number] {
  let [at, end] = [inner, last];
  while (at % 2 === 0 && at !== 0) [at, end] = [half(at), half(end)];
  return [at, end];
}

function half(size: number): number {
  return Math.floor(size / 2);
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES;
}

/** Roots are public: no constant time is needed. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
