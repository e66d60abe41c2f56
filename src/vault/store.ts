import type { Secret } from '../crypto/key.ts';
import type { Commit, GroupResult } from './commit/commit.ts';
import type {
  CheckpointRow,
  ClaimRow,
  ClientRow,
  CollectionRow,
  EarlierRow,
  EventRow,
  FingerprintRow,
  FollowerRow,
  GrantRow,
  HeadRow,
  KeyRow,
  LeaseRow,
  PolicyRow,
  RawRow,
  RestrictionRow,
  Rows,
  SubjectRow,
  TileRow,
  UseRow,
  ValueRow,
} from './rows.ts';
import type { Insert, Transaction } from './statement.ts';

/** Port: what the vault asks of a store. */

type Bytes = Uint8Array;

/** Everything that decisions rest on, read in one snapshot. */
export interface AuthoritySnapshot {
  readonly head: HeadRow | null;
  readonly clients: readonly ClientRow[];
  readonly grants: readonly GrantRow[];
  readonly policies: readonly PolicyRow[];
  readonly collections: readonly CollectionRow[];
  readonly keys: readonly KeyRow[];
  readonly restrictions: readonly RestrictionRow[];
}

/** An issued token, when it ended, and while it is live its value. */
export interface Located {
  readonly row: Bytes;
  readonly ended: number | null;
  readonly value: ValueRow | null;
}

/** Which tile of the log's tree. */
export type TilePlace = Pick<TileRow, 'level' | 'index'>;

/** Tables that `audit verify` walks. */
export type Scanned =
  | 'issued'
  | 'values'
  | 'fingerprints'
  | 'lookups'
  | 'earlier'
  | 'subjects'
  | 'claims'
  | 'uses'
  | 'followers'
  | 'tiles'
  | 'checkpoints';

/** What each scanned table holds. */
export type ScannedRows = Pick<Rows, Exclude<Scanned, 'earlier'>> & { earlier: EarlierRow };

export interface Store {
  /** Runs one transaction; the promise resolves after it is durable. Raises StoreFailure. */
  transact<R>(transaction: () => Transaction<R>): Promise<R>;
  /**
   * Commits a large group where it does not hold up this thread, if the engine has such a place.
   * @param now asked anew at each try: what a group waits for a lock must not keep an expired value alive
   */
  transactAside(group: readonly Commit[], now: () => number, rowsKey: Secret): Promise<GroupResult>;
  /** Creates the head of an empty store; false if there is one. */
  found(head: HeadRow, inserts: readonly Insert[]): Promise<boolean>;
  authority(): Promise<AuthoritySnapshot>;
  /** The epoch in the head (unauthenticated: a hint that caches are old, nothing more). */
  epoch(): Promise<number>;
  /** The head as it is now, to be held against its MAC. */
  head(): Promise<HeadRow | null>;
  /** Committed events in order, from this index on: `most` of them, or as many as there are. */
  eventsFrom(index: number, most: number): Promise<readonly EventRow[]>;
  follower(name: string): Promise<FollowerRow | null>;
  tiles(places: readonly TilePlace[]): Promise<readonly (TileRow | null)[]>;
  /** The checkpoint of the newest hour. */
  lastCheckpoint(): Promise<CheckpointRow | null>;
  locate(collection: string, hashes: readonly Bytes[]): Promise<readonly (Located | null)[]>;
  located(rows: readonly Bytes[]): Promise<readonly (ValueRow | null)[]>;
  fingerprinted(
    collection: string,
    fingerprints: readonly Bytes[],
  ): Promise<readonly (FingerprintRow | null)[]>;
  /** What was kept of these values' versions before. */
  earlier(rows: readonly Bytes[]): Promise<readonly (EarlierRow | null)[]>;
  /** Values by fingerprint, in a random collection that answers lookups: at most `most` for each. */
  lookedUp(
    collection: string,
    fingerprints: readonly Bytes[],
    most: number,
  ): Promise<readonly (readonly FingerprintRow[])[]>;
  taken(collection: string, hashes: readonly Bytes[]): Promise<readonly boolean[]>;
  subjects(hashes: readonly Bytes[]): Promise<readonly (SubjectRow | null)[]>;
  subjectsById(ids: readonly string[]): Promise<readonly (SubjectRow | null)[]>;
  /** Values that expired by a time, the earliest first, from `offset` on. */
  expired(by: number, offset: number, most: number): Promise<readonly ValueRow[]>;
  /** Earlier versions whose time ended by then, the first ones first, from `offset` on. */
  outlived(by: number, offset: number, most: number): Promise<readonly EarlierRow[]>;
  lease(name: string): Promise<LeaseRow | null>;
  claim(owner: string, key: Bytes): Promise<ClaimRow | null>;
  /** Whether any claim was made before this time. */
  hasClaims(before: number): Promise<boolean>;
  uses(keyIds: readonly string[]): Promise<readonly (UseRow | null)[]>;
  snapshot(): Promise<StoreSnapshot>;
  /** What time the store has, in milliseconds; null where it has no clock but that of this host. */
  clock(): Promise<number | null>;
  isEmpty(collection: string): Promise<boolean>;
  close(): Promise<void>;
}

/** A read-only view that does not move: for verification while the vault serves. Reading raises StoreFailure. */
export interface StoreSnapshot {
  readonly authority: AuthoritySnapshot;
  events(): AsyncIterable<EventRow>;
  /** A whole table; those that hang off a row in the order of their rows. */
  scan<T extends Scanned>(table: T): AsyncIterable<ScannedRows[T]>;
  /** Every table whose rows are copied when a vault moves: all but the head, and the leases of this store's processes. */
  readonly tables: readonly string[];
  count(table: string): Promise<number>;
  /**
   * A table as it is, in pages, in the order of its key, from after this row's on.
   * @throws StoreFailure where a column has not the type that the vault gave it
   */
  pages(table: string, after: RawRow | null): AsyncIterable<readonly RawRow[]>;
  /** The last row of a table in that order. */
  last(table: string): Promise<RawRow | null>;
  close(): Promise<void>;
}

/** A snapshot that can also be asked for a part: for `doctor`, which looks at a store that may be huge or broken. */
export interface StoreInspection extends StoreSnapshot {
  /** In order, from this index on. */
  eventsFrom(index: number): AsyncIterable<EventRow>;
  /** The value of the first live token of a collection, in the order of hashes, from this hash on; null where none is near. */
  liveFrom(collection: string, hash: Bytes): Promise<ValueRow | null>;
  taken(collection: string, hashes: readonly Bytes[]): Promise<readonly boolean[]>;
}

/**
 * `closed`: it works, and is not to be written to. `unknown`: whether a transaction is durable cannot be told, and so it must
 * not be run again.
 */
export type FailureKind = 'full' | 'io' | 'busy' | 'closed' | 'unknown' | 'other';

/** What a store says of a failure: a kind, and a sentence for the operator that quotes no data. */
export class StoreFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreFailure';
    this.kind = kind;
  }
}
