import { leafHash } from '../../log/tree.ts';
import { ROW_STEM } from '../id.ts';

/** What a tokenise event says of the rows that it made. */
export interface RowSum {
  readonly count: number;
  /** What the ids share, in hex: it finds them. */
  readonly stem?: string;
  /** Base64url of the leaf hash over the ids in order. */
  readonly hash?: string;
}

/** `audit verify` makes the same sum from the stored rows. */
export function sumRows(ids: readonly Uint8Array[]): RowSum {
  const [first] = ids;
  if (first === undefined) return { count: 0 };
  return {
    count: ids.length,
    stem: Buffer.from(first.subarray(0, ROW_STEM)).toString('hex'),
    hash: Buffer.from(leafHash(Buffer.concat(ids))).toString('base64url'),
  };
}
