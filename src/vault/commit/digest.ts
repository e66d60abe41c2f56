import { addDigest, subtractDigest } from '../../crypto/mac.ts';
import { AUTHORITY, type AuthorityTable } from '../rows.ts';
import type { Commit } from './commit.ts';

/** Bytes of one table's digest: a sum of row MACs modulo 2^256. */
const WIDTH = 32;

export const NO_DIGESTS: Uint8Array = new Uint8Array(WIDTH * AUTHORITY.length);

const position = (table: string): number => (AUTHORITY as readonly string[]).indexOf(table);

/** The digest of one authority table, cut from the head's. */
export function digestOf(digests: Uint8Array, table: AuthorityTable): Uint8Array {
  const start = position(table) * WIDTH;
  return digests.subarray(start, start + WIDTH);
}

/** The sum of the MACs of rows, as the head keeps it. */
export const digestRows = (rows: readonly { readonly mac: Uint8Array }[]): Uint8Array =>
  rows.reduce((sum, row) => addDigest(sum, row.mac), new Uint8Array(WIDTH) as Uint8Array);

/** The head's digests after the commits of a group. */
export function movedDigests(digests: Uint8Array, group: readonly Commit[]): Uint8Array {
  const next = Uint8Array.from(digests);
  const move = (table: string, change: (sum: Uint8Array) => Uint8Array): void => {
    const start = position(table) * WIDTH;
    if (start >= 0) next.set(change(next.subarray(start, start + WIDTH)), start);
  };
  for (const commit of group) {
    for (const { table, row } of commit.inserts) {
      if ('mac' in row) move(table, (sum) => addDigest(sum, row.mac));
    }
    for (const { table, row, was } of commit.updates) {
      move(table, (sum) => addDigest(subtractDigest(sum, was), row.mac));
    }
  }
  return next;
}
