import type { Secret } from '../crypto/key.ts';
import type { Commit } from './commit/commit.ts';
import type { GroupResult } from './commit/transaction.ts';

/** Port: what the vault asks of a store. Rows are plain data; bytes are Uint8Array, times integer milliseconds. */

type Bytes = Uint8Array;

/** One row for every token ever issued: the only uniqueness of tokens. Never deleted. */
export interface IssuedRow {
  collection: string;
  hash: Bytes;
  row: Bytes;
  ended: number | null;
  at: number;
}

/** A live value. The cell binds every column but the row id, and whether there is metadata. */
export interface ValueRow {
  row: Bytes;
  collection: string;
  token: string;
  cell: Bytes;
  metadata: Bytes | null;
  keyId: string;
  version: number;
  subject: string | null;
  expiresAt: number | null;
  creator: string;
}

/** "Same value and subject, same token": points at the value's row, authenticated over both. */
export interface FingerprintRow {
  collection: string;
  fingerprint: Bytes;
  row: Bytes;
  keyId: string;
  mac: Bytes;
}

/** What a value was before it was replaced: sealed anew, so that it opens until `until` and no later. Milliseconds. */
export interface EarlierRow {
  row: Bytes;
  version: number;
  cell: Bytes;
  keyId: string;
  until: number;
}

export interface SubjectRow {
  id: string;
  hash: Bytes;
  cell: Bytes;
  keyId: string;
  revision: number;
  mac: Bytes;
}

/** A claim on an Idempotency-Key: the first row of its commit. */
export interface ClaimRow {
  owner: string;
  key: Bytes;
  body: Bytes;
  rows: Bytes;
  at: number;
  mac: Bytes;
}

/**
 * Who does a piece of the vault's own work, until when, in milliseconds. It grants nothing, and so has no MAC: what
 * somebody else wrote there must not stand in its way.
 */
export interface LeaseRow {
  name: string;
  holder: string;
  until: number;
  revision: number;
}

/** No lease comes this far: a revision beyond is not the vault's, and counts as none. */
export const LAST_REVISION = 2 ** 52;

/**
 * A client. `keyAt` is when its key was made; the prior key, which a rotation replaced, is taken until `priorKeyUntil`.
 * `sources` are the subnets that it may call from, canonical and separated by spaces; empty for anywhere.
 */
export interface ClientRow {
  id: string;
  name: string;
  kind: string;
  keyId: string;
  keyHash: Bytes;
  keyAt: number;
  priorKeyId: string | null;
  priorKeyHash: Bytes | null;
  priorKeyAt: number | null;
  priorKeyUntil: number | null;
  sources: string;
  state: string;
  createdAt: number;
  expiresAt: number | null;
  revision: number;
  mac: Bytes;
}

export interface GrantRow {
  client: string;
  grant: string;
  revision: number;
  mac: Bytes;
}

/** What a client's grants are narrowed to; in force before `until`, or until it is lifted. */
export interface RestrictionRow {
  client: string;
  restriction: string;
  until: number | null;
  reason: string | null;
  by: string;
  at: number;
  revision: number;
  mac: Bytes;
}

/** The minute in which an API key was last used. It grants nothing, and may lag: the log is the truth. */
export interface UseRow {
  keyId: string;
  client: string;
  at: number;
  mac: Bytes;
}

export interface PolicyRow {
  number: number;
  text: string;
  at: number;
  revision: number;
  mac: Bytes;
}

export interface CollectionRow {
  id: string;
  name: string;
  shape: string;
  createdAt: number;
  revision: number;
  mac: Bytes;
}

export interface KeyRow {
  id: string;
  collection: string | null;
  use: string;
  version: number;
  state: string;
  masterKey: string;
  wrapped: Bytes;
  commitment: Bytes;
  createdAt: number;
  revision: number;
  mac: Bytes;
}

/**
 * The log's head and the vault's counters: one row, locked by every commit. `vault` and `environment` never change.
 * `frontier` and `size` are the Merkle tree,
 * `epoch` counts changes of authority, `changes` counts tokens ended or replaced, `digests` are the incremental digests
 * of the authority tables in the order of AUTHORITY.
 */
export interface HeadRow {
  vault: string;
  environment: string;
  size: number;
  frontier: Bytes;
  epoch: number;
  changes: number;
  lastAt: number;
  digests: Bytes;
  mac: Bytes;
}

export interface EventRow {
  index: number;
  bytes: Bytes;
}

/** Tables whose rows grant power; each has a digest in the head, in this order. */
export const AUTHORITY = ['clients', 'grants', 'policies', 'collections', 'keys', 'restrictions'] as const;
export type AuthorityTable = (typeof AUTHORITY)[number];

export interface Rows {
  claims: ClaimRow;
  fingerprints: FingerprintRow;
  /** Fingerprints of random collections that answer lookups: one value may have many tokens. */
  lookups: FingerprintRow;
  issued: IssuedRow;
  values: ValueRow;
  subjects: SubjectRow;
  clients: ClientRow;
  grants: GrantRow;
  policies: PolicyRow;
  collections: CollectionRow;
  keys: KeyRow;
  restrictions: RestrictionRow;
  uses: UseRow;
}
export type Table = keyof Rows;

/** What identifies a row, and the order in which a transaction touches rows. */
export const PRIMARY_KEY = {
  claims: ['owner', 'key'],
  fingerprints: ['collection', 'fingerprint'],
  lookups: ['collection', 'fingerprint', 'row'],
  issued: ['collection', 'hash'],
  values: ['row'],
  subjects: ['hash'],
  clients: ['id'],
  grants: ['client', 'grant'],
  policies: ['number'],
  collections: ['id'],
  keys: ['id'],
  restrictions: ['client', 'restriction'],
  uses: ['keyId'],
} as const satisfies { [T in Table]: readonly (keyof Rows[T])[] };

/** A new row. It fails, without raising, if its key is taken. */
export type Insert = { [T in Table]: { readonly table: T; readonly row: Rows[T] } }[Table];

/** A whole new revision of an authority row. It fails if the stored revision is not `row.revision - 1`. */
export type Update = {
  [T in UpdatedTable]: { readonly table: T; readonly row: Rows[T]; readonly was: Uint8Array };
}[UpdatedTable];
export type UpdatedTable = 'clients' | 'collections' | 'restrictions';

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
  | { readonly do: 'forgetClaims'; readonly before: number }
  | { readonly do: 'noteUses'; readonly uses: readonly UseRow[] }
  | { readonly do: 'lockHead' }
  | { readonly do: 'checkLive'; readonly relied: readonly Relied[] }
  | { readonly do: 'checkEmpty'; readonly collections: readonly string[] }
  | { readonly do: 'append'; readonly first: number; readonly events: readonly Bytes[] }
  | { readonly do: 'writeHead'; readonly head: HeadRow };

/** What became of a statement: positions that failed, and for `lockHead` the head. */
export interface Told {
  readonly failed: readonly number[];
  readonly head: HeadRow | null;
}

/** A transaction as a conversation: yields statements, is told what became of each, and says whether to keep it all. */
export type Transaction<R> = Generator<Statement, { readonly keep: boolean; readonly result: R }, Told>;

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

/** Tables that `audit verify` walks. */
export type Scanned =
  | 'issued'
  | 'values'
  | 'fingerprints'
  | 'lookups'
  | 'earlier'
  | 'subjects'
  | 'claims'
  | 'uses';

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
  isEmpty(collection: string): Promise<boolean>;
  close(): Promise<void>;
}

/** A read-only view that does not move: for verification while the vault serves. */
export interface StoreSnapshot {
  authority(): AuthoritySnapshot;
  events(): IterableIterator<EventRow>;
  /** A whole table; those that hang off a row in the order of their rows. */
  scan<T extends Scanned>(table: T): IterableIterator<ScannedRows[T]>;
  close(): void;
}

/** A snapshot that can also be asked for a part: for `doctor`, which looks at a store that may be huge or broken. */
export interface StoreInspection extends StoreSnapshot {
  /** In order, from this index on. */
  eventsFrom(index: number): IterableIterator<EventRow>;
  /** The value of the first live token of a collection, in the order of hashes, from this hash on; null where none is near. */
  liveFrom(collection: string, hash: Bytes): ValueRow | null;
  taken(collection: string, hashes: readonly Bytes[]): readonly boolean[];
}

export type FailureKind = 'full' | 'io' | 'busy' | 'other';

/** What a store says of a failure: a kind, and a sentence for the operator that quotes no data. */
export class StoreFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreFailure';
    this.kind = kind;
  }
}
