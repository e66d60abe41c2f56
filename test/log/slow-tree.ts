import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';

// The slow obvious twin of src/log: RFC 9162 2.1 word for word, recursive, over all the leaves, with noble's hash.

export function leafSlowly(bytes: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(0), bytes));
}

export function nodeSlowly(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** 2.1.1: MTH(D_n), over leaf hashes. */
export function rootSlowly(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return only;
  const k = split(leaves.length);
  return nodeSlowly(rootSlowly(leaves.slice(0, k)), rootSlowly(leaves.slice(k)));
}

/** 2.1.3.1: PATH(m, D_n). */
export function inclusionSlowly(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...inclusionSlowly(index, leaves.slice(0, k)), rootSlowly(leaves.slice(k))]
    : [...inclusionSlowly(index - k, leaves.slice(k)), rootSlowly(leaves.slice(0, k))];
}

/** 2.1.4.1: PROOF(m, D_n) = SUBPROOF(m, D_n, true). */
export function consistencySlowly(
  size: number,
  leaves: readonly Uint8Array[],
  known: 'known' | 'unknown' = 'known',
): Uint8Array[] {
  if (size === leaves.length) return known === 'known' ? [] : [rootSlowly(leaves)];
  const k = split(leaves.length);
  return size <= k
    ? [...consistencySlowly(size, leaves.slice(0, k), known), rootSlowly(leaves.slice(k))]
    : [...consistencySlowly(size - k, leaves.slice(k), 'unknown'), rootSlowly(leaves.slice(0, k))];
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
