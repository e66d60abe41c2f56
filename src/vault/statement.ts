import type {
  CheckpointRow,
  EarlierRow,
  FollowerRow,
  HeadRow,
  LeaseRow,
  RawRow,
  Rows,
  Table,
  UseRow,
  ValueRow,
} from './rows.ts';

/** What a group's transaction does, as data. */

type Bytes = Uint8Array;

/** A new row. It fails, without raising, if its key is taken. */
export type Insert = { [T in Table]: { readonly table: T; readonly row: Rows[T] } }[Table];

/** A whole new revision of an authority row. It fails if the stored revision is not `row.revision - 1`. */
export type Update = {
  [T in UpdatedTable]: { readonly table: T; readonly row: Rows[T]; readonly was: Uint8Array };
}[UpdatedTable];
export type UpdatedTable = 'clients' | 'collections' | 'keys' | 'restrictions';

/** Where a value's fingerprint stands: `fingerprints` of deterministic collections, or `lookups`. */
export interface StoredPrint {
  readonly table: 'fingerprints' | 'lookups';
  readonly fingerprint: Bytes;
}

/**
 * Ends a live token: its value row, earlier version and fingerprint go, `issued` stays. Fails if the row is not at
 * `version`, and for nothing else: a fingerprint that somebody took away keeps no value alive.
 */
export interface Ending {
  readonly collection: string;
  readonly hash: Bytes;
  readonly row: Bytes;
  readonly version: number;
  readonly print: StoredPrint | null;
  readonly at: number;
}

/**
 * Puts a new version in the place of a live value. Fails if the stored one is not `value.version - 1`. The fingerprint in
 * `gone` goes; what is kept of the version before is `earlier`, and of those before it nothing.
 */
export interface Replacement {
  readonly value: ValueRow;
  readonly gone: StoredPrint | null;
  readonly earlier: EarlierRow | null;
}

/** A value row that a commit relied on. */
export interface Relied {
  readonly row: Bytes;
  readonly version: number;
}

/** The closed union of what a group's transaction does; each engine implements it as a table. */
export type Statement =
  | { readonly do: 'insert'; readonly table: Table; readonly rows: readonly Rows[Table][] }
  | { readonly do: 'update'; readonly updates: readonly Update[] }
  | { readonly do: 'end'; readonly endings: readonly Ending[] }
  | { readonly do: 'replace'; readonly replacements: readonly Replacement[] }
  /** Fails for an earlier version that is not there. */
  | { readonly do: 'forgetEarlier'; readonly versions: readonly Relied[] }
  /** Fails for a lease whose stored revision is not `revision - 1`; a first one, also if that is beyond LAST_REVISION. */
  | { readonly do: 'lease'; readonly leases: readonly LeaseRow[] }
  /** As `lease`, of a follower's row. */
  | { readonly do: 'follow'; readonly followers: readonly FollowerRow[] }
  /** Puts a checkpoint in the place of what its hour had. */
  | { readonly do: 'noteCheckpoints'; readonly checkpoints: readonly CheckpointRow[] }
  | { readonly do: 'forgetClaims'; readonly before: number }
  | { readonly do: 'noteUses'; readonly uses: readonly UseRow[] }
  /** Rows of any table, as they are elsewhere. It fails for those whose key is taken. */
  | { readonly do: 'load'; readonly table: string; readonly rows: readonly RawRow[] }
  | { readonly do: 'lockHead' }
  | { readonly do: 'checkLive'; readonly relied: readonly Relied[] }
  | { readonly do: 'checkEmpty'; readonly collections: readonly string[] }
  | { readonly do: 'append'; readonly first: number; readonly events: readonly Bytes[] }
  | { readonly do: 'writeHead'; readonly head: HeadRow };

/**
 * What became of a statement: positions that failed, and for `lockHead` the head, and what time the store has, in milliseconds;
 * null where it has no clock but that of this host. It may have been read before the lock was waited for.
 */
export interface Told {
  readonly failed: readonly number[];
  readonly head: HeadRow | null;
  readonly clock: number | null;
}

/** A transaction as a conversation: yields statements, is told what became of each, and says whether to keep it all. */
export type Transaction<R> = Generator<Statement, { readonly keep: boolean; readonly result: R }, Told>;

/**
 * Why a commit is none though every statement went through: an event that the head does not count could be taken away again, and
 * nobody would find it missing.
 */
export const HEAD_KEPT = 'something in the store keeps the head of the log from being written';
