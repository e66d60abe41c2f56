import { equalBytes } from '../../crypto/encoding.ts';
import type { Secret } from '../../crypto/key.ts';
import { digestOf, digestRows } from '../commit/digest.ts';
import type { AuthorityTable, Rows } from '../rows.ts';
import { isAuthentic } from './authentic.ts';

/** One authority table, held against its rows' MACs and its digest in the head. */
export interface Authenticated<T extends AuthorityTable> {
  /** The rows that the vault wrote. */
  readonly rows: readonly Rows[T][];
  /** Rows that it did not write: they have no effect. */
  readonly foreign: readonly Rows[T][];
  /** Whether its own rows are all there, each at its last revision. */
  readonly isWhole: boolean;
}

/** @param digests the head's, or null where there is no head: nothing is whole then */
export function authenticate<T extends AuthorityTable>(
  table: T,
  stored: readonly Rows[T][],
  digests: Uint8Array | null,
  rowsKey: Secret,
): Authenticated<T> {
  const rows: Rows[T][] = [];
  const foreign: Rows[T][] = [];
  for (const row of stored) (isAuthentic(rowsKey, table, row) ? rows : foreign).push(row);
  const isWhole = digests !== null && equalBytes(digestRows(rows), digestOf(digests, table));
  return { rows, foreign, isWhole };
}
