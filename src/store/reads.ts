import type Database from 'better-sqlite3';
import type {
  AuthoritySnapshot,
  ClaimRow,
  ClientRow,
  CollectionRow,
  FingerprintRow,
  GrantRow,
  HeadRow,
  IssuedRow,
  KeyRow,
  Located,
  PolicyRow,
  SubjectRow,
  ValueRow,
} from '../vault/store.ts';
import { HEAD, selected, TABLES } from './columns.ts';

type Key = Uint8Array;

/** The reads of the hot path, prepared once. Each takes a list, so that an engine over a network asks once. */
export function sqliteReads(db: Database.Database) {
  const issued = db.prepare<[string, Key], IssuedRow>(
    `select ${selected(TABLES.issued)} from "issued" where "collection" = ? and "hash" = ?`,
  );
  const isTaken = db
    .prepare<[string, Key]>('select 1 from "issued" where "collection" = ? and "hash" = ?')
    .pluck();
  const value = db.prepare<[Key], ValueRow>(
    `select ${selected(TABLES.values)} from "values" where "row" = ?`,
  );
  const fingerprint = db.prepare<[string, Key], FingerprintRow>(
    `select ${selected(TABLES.fingerprints)} from "fingerprints" where "collection" = ? and "fingerprint" = ?`,
  );
  const subject = db.prepare<[Key], SubjectRow>(
    `select ${selected(TABLES.subjects)} from "subjects" where "hash" = ?`,
  );
  const claim = db.prepare<[string, Key], ClaimRow>(
    `select ${selected(TABLES.claims)} from "claims" where "owner" = ? and "key" = ?`,
  );
  const anyClaim = db.prepare<[number]>('select 1 from "claims" where "at" < ? limit 1').pluck();
  const anyIssued = db.prepare<[string]>('select 1 from "issued" where "collection" = ? limit 1').pluck();
  const epoch = db.prepare<[], number>('select "epoch" from "head"').pluck();

  function locateOne(collection: string, hash: Key): Located | null {
    const row = issued.get(collection, hash);
    return row === undefined ? null : { issued: row, value: value.get(row.row) ?? null };
  }

  return {
    locate: (collection: string, hashes: readonly Key[]) => hashes.map((hash) => locateOne(collection, hash)),
    located: (rows: readonly Key[]) => rows.map((row) => value.get(row) ?? null),
    taken: (collection: string, hashes: readonly Key[]) =>
      hashes.map((hash) => isTaken.get(collection, hash) !== undefined),
    fingerprinted: (collection: string, prints: readonly Key[]) =>
      prints.map((print) => fingerprint.get(collection, print) ?? null),
    subjects: (hashes: readonly Key[]) => hashes.map((hash) => subject.get(hash) ?? null),
    claim: (owner: string, key: Key) => claim.get(owner, key) ?? null,
    hasClaims: (before: number) => anyClaim.get(before) !== undefined,
    isEmpty: (collection: string) => anyIssued.get(collection) === undefined,
    epoch: () => epoch.get() ?? 0,
  };
}

/** Everything that decisions rest on. One transaction, so that it is of one moment. */
export function readAuthority(db: Database.Database): AuthoritySnapshot {
  const all = <Row>(name: keyof typeof TABLES): Row[] =>
    db.prepare<[], Row>(`select ${selected(TABLES[name])} from "${name}"`).all();
  return db.transaction(() => ({
    head: db.prepare<[], HeadRow>(`select ${selected(HEAD)} from "head"`).get() ?? null,
    clients: all<ClientRow>('clients'),
    grants: all<GrantRow>('grants'),
    policies: all<PolicyRow>('policies'),
    collections: all<CollectionRow>('collections'),
    keys: all<KeyRow>('keys'),
  }))();
}
