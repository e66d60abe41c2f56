import type { Collection } from '../policy/active.ts';
import type { Ending, Insert, Relied } from '../statement.ts';
import type { Print } from './print.ts';

/** A value to be given a token. `item` is its place in the batch, times are milliseconds. */
export interface Wanted {
  readonly item: number;
  readonly collection: Collection;
  readonly normal: string;
  readonly subject: string | null;
  readonly expiresAt: number | null;
  readonly metadata: string | null;
}

/** A wanted value that needs a new token; `twins` are later items of the batch with the same value and subject. */
export interface Fresh {
  readonly want: Wanted;
  readonly twins: readonly number[];
  readonly print: Print | null;
}

/** The token that a value got. */
export interface Issued {
  readonly token: string;
  readonly row: Uint8Array;
  readonly created: boolean;
  readonly expiresAt: number | null;
}

/**
 * Why a wanted value got none: its space is full; when its Idempotency-Key was first used it was refused, or its
 * collection's name meant another one; or what is stored for it does not authenticate.
 */
export type Unissued = 'token_space_exhausted' | 'conflict' | 'integrity';

/** An expired row that a value met: it ends in the same commit. */
export interface Met {
  readonly ending: Ending;
  readonly item: number;
  readonly collection: Collection;
}

/** What issuing the values of a request adds to its commit, and what each item got. */
export interface Issue {
  readonly issued: Map<number, Issued | Unissued>;
  readonly inserts: Insert[];
  readonly met: Met[];
  readonly relied: Relied[];
  /** The earliest expiry among the found tokens that are answered. */
  validUntil: number | null;
  readonly nextRow: () => Uint8Array;
}

/** Notes what a value got, and gives its twins the same token. */
export function settleAll(
  into: Issue,
  { want, twins }: Pick<Fresh, 'want' | 'twins'>,
  got: Issued | Unissued,
): void {
  into.issued.set(want.item, got);
  for (const twin of twins) into.issued.set(twin, typeof got === 'string' ? got : { ...got, created: false });
}
