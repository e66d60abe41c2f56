import type { Field } from '../crypto/encoding.ts';

/** What a store keeps, as plain data: bytes are Uint8Array, times integer milliseconds. */

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

/**
 * Where a follower stands in the log, what it made of it so far, and who follows until when, in milliseconds. `revision` is the
 * number that fences it: a commit under an older one comes to nothing. `frontier` is the Merkle tree over what it has read.
 */
export interface FollowerRow {
  name: string;
  holder: string;
  until: number;
  cursor: number;
  frontier: Bytes;
  state: Bytes;
  revision: number;
  mac: Bytes;
}

/** A full tile of the log's tree (C2SP tlog-tiles): 256 hashes, which the log itself proves. */
export interface TileRow {
  level: number;
  index: number;
  hashes: Bytes;
}

/** The last signed checkpoint of an hour of the log; `slot` is the hour since 1970. Its signature authenticates it. */
export interface CheckpointRow {
  slot: number;
  size: number;
  at: number;
  note: string;
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
 * `standing` says whether the store may be served (commit/standing.ts).
 * `frontier` and `size` are the Merkle tree,
 * `epoch` counts changes of authority, `changes` counts tokens ended or replaced, `digests` are the incremental digests
 * of the authority tables in the order of AUTHORITY.
 */
export interface HeadRow {
  vault: string;
  environment: string;
  standing: string;
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

/** A row of any table: its columns, in the order that this release has them in. */
export type RawRow = readonly Field[];

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
  followers: FollowerRow;
  tiles: TileRow;
  checkpoints: CheckpointRow;
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
  followers: ['name'],
  tiles: ['level', 'index'],
  checkpoints: ['slot'],
} as const satisfies { [T in Table]: readonly (keyof Rows[T])[] };
