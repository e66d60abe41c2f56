import type Database from 'better-sqlite3';
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
  RestrictionRow,
  SubjectRow,
  TileRow,
  UseRow,
  ValueRow,
} from '../vault/rows.ts';
import type { AuthoritySnapshot, Located, TilePlace } from '../vault/store.ts';
import { EARLIER, EVENTS, HEAD, LEASES, selected, soundly, TABLES } from './columns.ts';

type Key = Uint8Array;

/** The columns of the join; without a value's row its token is null, and so is all that follows. */
type LocatedColumns = readonly [
  row: Key,
  ended: number | null,
  ...(
    | readonly [
        token: string,
        cell: Key,
        metadata: Key | null,
        keyId: string,
        version: number,
        subject: string | null,
        expiresAt: number | null,
        creator: string,
      ]
    | readonly [token: null, ...rest: readonly null[]]
  ),
];

/** The reads of the hot path, prepared once. Each takes a list, so that an engine over a network asks once. */
export function sqliteReads(db: Database.Database) {
  // Arrays, and no column twice: this is the read of every detokenised value.
  const located = db
    .prepare<[string, Key], LocatedColumns>(
      `select i."row", i."ended", v."token", v."cell", v."metadata", v."key_id", v."version", v."subject", v."expires_at", v."creator"
       from "issued" i left join "values" v on v."row" = i."row" where i."collection" = ? and i."hash" = ?`,
    )
    .raw();
  const isTaken = db
    .prepare<[string, Key]>('select 1 from "issued" where "collection" = ? and "hash" = ?')
    .pluck();
  const value = db.prepare<[Key], ValueRow>(
    `select ${selected(TABLES.values)} from "values" where "row" = ?`,
  );
  const fingerprint = db.prepare<[string, Key], FingerprintRow>(
    `select ${selected(TABLES.fingerprints)} from "fingerprints" where "collection" = ? and "fingerprint" = ?`,
  );
  const earlier = db.prepare<[Key], EarlierRow>(`select ${selected(EARLIER)} from "earlier" where "row" = ?`);
  const lookups = db.prepare<[string, Key, number], FingerprintRow>(
    `select ${selected(TABLES.lookups)} from "lookups" where "collection" = ? and "fingerprint" = ? order by "row" limit ?`,
  );
  const byId = db.prepare<[string], SubjectRow>(
    `select ${selected(TABLES.subjects)} from "subjects" where "id" = ?`,
  );
  const expired = db.prepare<[number, number, number], ValueRow>(
    `select ${selected(TABLES.values)} from "values" where "expires_at" <= ? order by "expires_at" limit ? offset ?`,
  );
  const outlived = db.prepare<[number, number, number], EarlierRow>(
    `select ${selected(EARLIER)} from "earlier" where "until" <= ? order by "until" limit ? offset ?`,
  );
  const lease = db.prepare<[string], LeaseRow>(`select ${selected(LEASES)} from "leases" where "name" = ?`);
  const bySubject = db.prepare<[Key], SubjectRow>(
    `select ${selected(TABLES.subjects)} from "subjects" where "hash" = ?`,
  );
  const claim = db.prepare<[string, Key], ClaimRow>(
    `select ${selected(TABLES.claims)} from "claims" where "owner" = ? and "key" = ?`,
  );
  const use = db.prepare<[string], UseRow>(`select ${selected(TABLES.uses)} from "uses" where "key_id" = ?`);
  const anyClaim = db.prepare<[number]>('select 1 from "claims" where "at" < ? limit 1').pluck();
  const anyIssued = db.prepare<[string]>('select 1 from "issued" where "collection" = ? limit 1').pluck();
  const head = db.prepare<[], HeadRow>(`select ${selected(HEAD)} from "head"`);
  const events = db.prepare<[number, number], EventRow>(
    `select ${selected(EVENTS)} from "events" where "index" >= ? order by "index" limit ?`,
  );
  const follower = db.prepare<[string], FollowerRow>(
    `select ${selected(TABLES.followers)} from "followers" where "name" = ?`,
  );
  const tile = db.prepare<[number, number], TileRow>(
    `select ${selected(TABLES.tiles)} from "tiles" where "level" = ? and "index" = ?`,
  );
  const checkpoint = db.prepare<[], CheckpointRow>(
    `select ${selected(TABLES.checkpoints)} from "checkpoints" order by "slot" desc limit 1`,
  );
  const epoch = db.prepare<[], number>('select "epoch" from "head"').pluck();

  const sound = {
    values: orNull(soundly<ValueRow>(TABLES.values)),
    fingerprints: orNull(soundly<FingerprintRow>(TABLES.fingerprints)),
    subjects: orNull(soundly<SubjectRow>(TABLES.subjects)),
    claims: orNull(soundly<ClaimRow>(TABLES.claims)),
    earlier: orNull(soundly<EarlierRow>(EARLIER)),
    leases: orNull(soundly<LeaseRow>(LEASES)),
    uses: orNull(soundly<UseRow>(TABLES.uses)),
    heads: orNull(soundly<HeadRow>(HEAD)),
    followers: orNull(soundly<FollowerRow>(TABLES.followers)),
    tiles: orNull(soundly<TileRow>(TABLES.tiles)),
    checkpoints: orNull(soundly<CheckpointRow>(TABLES.checkpoints)),
  };

  const begin = db.prepare('begin');
  const commit = db.prepare('commit');

  /** A list is read in one transaction: each read alone would take and drop the file's locks. */
  function each<A, B>(asked: readonly A[], ask: (one: A) => B): B[] {
    if (asked.length < 2) return asked.map(ask);
    begin.run();
    try {
      return asked.map(ask);
    } finally {
      commit.run();
    }
  }

  function locateOne(collection: string, hash: Key): Located | null {
    const found = located.get(collection, hash);
    if (found === undefined) return null;
    const [row, ended, token, cell, metadata, keyId, version, subject, expiresAt, creator] = found;
    if (token === null) return { row, ended, value: null };
    return {
      row,
      ended,
      value: { row, collection, token, cell, metadata, keyId, version, subject, expiresAt, creator },
    };
  }

  return {
    locate: (collection: string, hashes: readonly Key[]) =>
      each(hashes, (hash) => locateOne(collection, hash)),
    located: (rows: readonly Key[]) => each(rows, (row) => sound.values(value.get(row))),
    taken: (collection: string, hashes: readonly Key[]) =>
      each(hashes, (hash) => isTaken.get(collection, hash) !== undefined),
    fingerprinted: (collection: string, prints: readonly Key[]) =>
      each(prints, (print) => sound.fingerprints(fingerprint.get(collection, print))),
    subjects: (hashes: readonly Key[]) => each(hashes, (hash) => sound.subjects(bySubject.get(hash))),
    earlier: (rows: readonly Key[]) => each(rows, (row) => sound.earlier(earlier.get(row))),
    lookedUp: (collection: string, prints: readonly Key[], most: number) =>
      each(prints, (print) =>
        lookups.all(collection, print, most).map(soundly<FingerprintRow>(TABLES.lookups)),
      ),
    subjectsById: (ids: readonly string[]) => each(ids, (id) => sound.subjects(byId.get(id))),
    expired: (by: number, offset: number, most: number) =>
      expired.all(by, most, offset).map(soundly<ValueRow>(TABLES.values)),
    outlived: (by: number, offset: number, most: number) =>
      outlived.all(by, most, offset).map(soundly<EarlierRow>(EARLIER)),
    lease: (name: string) => sound.leases(lease.get(name)),
    claim: (owner: string, key: Key) => sound.claims(claim.get(owner, key)),
    uses: (keyIds: readonly string[]) => each(keyIds, (keyId) => sound.uses(use.get(keyId))),
    hasClaims: (before: number) => anyClaim.get(before) !== undefined,
    isEmpty: (collection: string) => anyIssued.get(collection) === undefined,
    epoch: () => epoch.get() ?? 0,
    head: () => sound.heads(head.get()),
    eventsFrom: (index: number, most: number) => events.all(index, most).map(soundly<EventRow>(EVENTS)),
    follower: (name: string) => sound.followers(follower.get(name)),
    tiles: (places: readonly TilePlace[]) =>
      each(places, ({ level, index }) => sound.tiles(tile.get(level, index))),
    lastCheckpoint: () => sound.checkpoints(checkpoint.get()),
  };
}

const orNull =
  <Row>(sound: (row: Row) => Row) =>
  (row: Row | undefined): Row | null =>
    row === undefined ? null : sound(row);

/** Everything that decisions rest on. One transaction, so that it is of one moment. */
export function readAuthority(db: Database.Database): AuthoritySnapshot {
  const all = <Row extends object>(name: keyof typeof TABLES): Row[] =>
    db
      .prepare<[], Row>(`select ${selected(TABLES[name])} from "${name}"`)
      .all()
      .map(soundly<Row>(TABLES[name]));
  return db.transaction(() => ({
    head:
      db
        .prepare<[], HeadRow>(`select ${selected(HEAD)} from "head"`)
        .all()
        .map(soundly<HeadRow>(HEAD))[0] ?? null,
    clients: all<ClientRow>('clients'),
    grants: all<GrantRow>('grants'),
    policies: all<PolicyRow>('policies'),
    collections: all<CollectionRow>('collections'),
    keys: all<KeyRow>('keys'),
    restrictions: all<RestrictionRow>('restrictions'),
  }))();
}
