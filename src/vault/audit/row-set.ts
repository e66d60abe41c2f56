import { leafHash } from '../../log/tree.ts';
import { ROW_STEM } from '../id.ts';
import type { IssuedRow } from '../rows.ts';

/** What a tokenise event says of the rows that it made. */
export interface RowSum {
  readonly count: number;
  /** What the ids share, in hex: it finds them. */
  readonly stem?: string;
  /** Base64url of the leaf hash over the id and the token's hash of each row, in the order of ids. */
  readonly hash?: string;
}

/**
 * Binds each row to the token that was issued for it: an id that is moved to another token changes the sum. `audit verify`
 * makes the same one from the stored rows.
 */
export function sumRows(rows: readonly Pick<IssuedRow, 'row' | 'hash'>[]): RowSum {
  const [first] = rows;
  if (first === undefined) return { count: 0 };
  return {
    count: rows.length,
    stem: Buffer.from(first.row.subarray(0, ROW_STEM)).toString('hex'),
    hash: Buffer.from(leafHash(Buffer.concat(rows.flatMap(({ row, hash }) => [row, hash])))).toString(
      'base64url',
    ),
  };
}
