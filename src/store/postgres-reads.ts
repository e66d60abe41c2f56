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
import type { AuthoritySnapshot, Located, Store } from '../vault/store.ts';
import { EARLIER, EVENTS, HEAD, LEASES, TABLES } from './columns.ts';
import type { Answered, Prepared } from './postgres-session.ts';
import { reading, type RowReading } from './postgres-sql.ts';
import { arrayOf } from './postgres-wire.ts';

/** The reads of the hot path: a list is one round trip, and answered in its order. */

type Key = Uint8Array;

const ROWS = {
  values: reading<ValueRow>(TABLES.values, 't'),
  fingerprints: reading<FingerprintRow>(TABLES.fingerprints, 't'),
  lookups: reading<FingerprintRow>(TABLES.lookups, 't'),
  subjects: reading<SubjectRow>(TABLES.subjects, 't'),
  claims: reading<ClaimRow>(TABLES.claims, 't'),
  uses: reading<UseRow>(TABLES.uses, 't'),
  earlier: reading<EarlierRow>(EARLIER, 't'),
  leases: reading<LeaseRow>(LEASES, 't'),
  head: reading<HeadRow>(HEAD, 't'),
  events: reading<EventRow>(EVENTS, 't'),
  followers: reading<FollowerRow>(TABLES.followers, 't'),
  tiles: reading<TileRow>(TABLES.tiles, 't'),
  checkpoints: reading<CheckpointRow>(TABLES.checkpoints, 't'),
};

/** `u."key"` of a list, with its `position`. */
const asked = (parameter: number, type: 'bytea' | 'text'): string =>
  `unnest($${parameter}::${type}[]) with ordinality as u("key", "position")`;

/**
 * `OFFSET 0` keeps a subquery apart: each key is one probe of an index, whatever the planner believes of tables that it has no
 * statistics of, or had none when it made the plan. Left to itself it reads a whole collection.
 */
const one = (rows: string): string => `left join lateral (${rows} offset 0)`;

const sought = (table: keyof typeof ROWS, type: 'bytea' | 'text', on: string, parameter = 1) =>
  `select ${ROWS[table].columns} from ${asked(parameter, type)}
   ${one(`select * from public."${table}" t where ${on}`)} t on true order by u."position"`;

const ISSUED = one('select * from public."issued" i where i."collection" = $1 and i."hash" = u."key"');

const LOCATE = {
  name: 'locate',
  text: `select i."row", i."ended", ${ROWS.values.columns} from ${asked(2, 'bytea')} ${ISSUED} i on true
   ${one('select * from public."values" t where t."row" = i."row"')} t on true order by u."position"`,
};
const TAKEN = {
  name: 'taken',
  text: `select (i."row" is not null)::text from ${asked(2, 'bytea')} ${ISSUED} i on true order by u."position"`,
};
const LOCATED = { name: 'located', text: sought('values', 'bytea', 't."row" = u."key"') };
const EARLIER_OF = { name: 'earlier_of', text: sought('earlier', 'bytea', 't."row" = u."key"') };
const FINGERPRINTED = {
  name: 'fingerprinted',
  text: sought('fingerprints', 'bytea', 't."collection" = $1 and t."fingerprint" = u."key"', 2),
};
const LOOKED_UP = {
  name: 'looked_up',
  text: `select (u."position")::text, ${ROWS.lookups.columns} from ${asked(2, 'bytea')} cross join lateral (
     select * from public."lookups" l where l."collection" = $1 and l."fingerprint" = u."key" order by l."row" limit $3
   ) t order by u."position", t."row"`,
};
const SUBJECTS = { name: 'subjects', text: sought('subjects', 'bytea', 't."hash" = u."key"') };
const SUBJECTS_BY_ID = { name: 'subjects_by_id', text: sought('subjects', 'text', 't."id" = u."key"') };
const USES = { name: 'uses_of', text: sought('uses', 'text', 't."key_id" = u."key"') };
const EXPIRED = {
  name: 'expired',
  text: `select ${ROWS.values.columns} from public."values" t where t."expires_at" <= $1 order by t."expires_at" limit $2 offset $3`,
};
const OUTLIVED = {
  name: 'outlived',
  text: `select ${ROWS.earlier.columns} from public."earlier" t where t."until" <= $1 order by t."until" limit $2 offset $3`,
};
const LEASE_OF = {
  name: 'lease_of',
  text: `select ${ROWS.leases.columns} from public."leases" t where t."name" = $1`,
};
const CLAIM_OF = {
  name: 'claim_of',
  text: `select ${ROWS.claims.columns} from public."claims" t where t."owner" = $1 and t."key" = $2`,
};
const HAS_CLAIMS = { name: 'has_claims', text: 'select 1 from public."claims" where "at" < $1 limit 1' };
const IS_USED = { name: 'is_used', text: 'select 1 from public."issued" where "collection" = $1 limit 1' };
/** The server's clock, in milliseconds. */
export const CLOCK_NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint';
const CLOCK = { name: 'clock', text: `select ${CLOCK_NOW}` };
const EPOCH = { name: 'epoch', text: 'select "epoch" from public."head" where "only" = 1' };

const HEAD_NOW = {
  name: 'head_now',
  text: `select ${ROWS.head.columns} from public."head" t where t."only" = 1`,
};
const EVENTS_FROM = {
  name: 'events_from',
  text: `select ${ROWS.events.columns} from public."events" t where t."index" >= $1 order by t."index" limit $2`,
};
const FOLLOWER_OF = {
  name: 'follower_of',
  text: `select ${ROWS.followers.columns} from public."followers" t where t."name" = $1`,
};
const TILES_OF = {
  name: 'tiles_of',
  text: `select ${ROWS.tiles.columns} from unnest($1::bigint[], $2::bigint[]) with ordinality as u("level", "index", "position")
   ${one('select * from public."tiles" t where t."level" = u."level" and t."index" = u."index"')} t on true order by u."position"`,
};
const LAST_CHECKPOINT = {
  name: 'last_checkpoint',
  text: `select ${ROWS.checkpoints.columns} from public."checkpoints" t order by t."slot" desc limit 1`,
};

/** One round trip on any connection. */
export type Ask = (statement: Prepared, values: readonly unknown[]) => Promise<Answered>;

/** What of the Store port reads, but for what is read in a snapshot. */
type Reads = Omit<Store, 'transact' | 'transactAside' | 'found' | 'authority' | 'snapshot' | 'close'>;

export function postgresReads(ask: Ask): Reads {
  const rowsOf = async <Row>(
    { read }: RowReading<Row>,
    statement: Prepared,
    values: readonly unknown[],
  ): Promise<(Row | null)[]> => (await ask(statement, values)).rows.map((cells) => read(cells));
  const rowsThere = async <Row>(...wanted: Parameters<typeof rowsOf<Row>>): Promise<Row[]> =>
    (await rowsOf(...wanted)).filter((row) => row !== null);
  const single = async <Row>(...wanted: Parameters<typeof rowsOf<Row>>): Promise<Row | null> =>
    (await rowsOf(...wanted))[0] ?? null;
  const any = async (statement: Prepared, value: unknown): Promise<boolean> =>
    (await ask(statement, [value])).count > 0;
  return {
    locate: async (collection, hashes) =>
      (await ask(LOCATE, [collection, bytes(hashes)])).rows.map((cells) => locatedIn(collection, cells)),
    located: (rows) => rowsOf(ROWS.values, LOCATED, [bytes(rows)]),
    taken: async (collection, hashes) =>
      (await ask(TAKEN, [collection, bytes(hashes)])).rows.map(([isTaken]) => isTaken === 'true'),
    fingerprinted: (collection, prints) =>
      rowsOf(ROWS.fingerprints, FINGERPRINTED, [collection, bytes(prints)]),
    lookedUp: async (collection, prints, most) => {
      const { rows } = await ask(LOOKED_UP, [collection, bytes(prints), most]);
      const found = prints.map((): FingerprintRow[] => []);
      for (const cells of rows) {
        const row = ROWS.lookups.read(cells, 1);
        if (row !== null) found[Number(cells[0]) - 1]?.push(row);
      }
      return found;
    },
    earlier: (rows) => rowsOf(ROWS.earlier, EARLIER_OF, [bytes(rows)]),
    subjects: (hashes) => rowsOf(ROWS.subjects, SUBJECTS, [bytes(hashes)]),
    subjectsById: (ids) => rowsOf(ROWS.subjects, SUBJECTS_BY_ID, [arrayOf('string', ids)]),
    uses: (keyIds) => rowsOf(ROWS.uses, USES, [arrayOf('string', keyIds)]),
    expired: (by, offset, most) => rowsThere(ROWS.values, EXPIRED, [by, most, offset]),
    outlived: (by, offset, most) => rowsThere(ROWS.earlier, OUTLIVED, [by, most, offset]),
    lease: (name) => single(ROWS.leases, LEASE_OF, [name]),
    claim: (owner, key) => single(ROWS.claims, CLAIM_OF, [owner, key]),
    hasClaims: (before) => any(HAS_CLAIMS, before),
    isEmpty: async (collection) => !(await any(IS_USED, collection)),
    clock: async () => Number((await ask(CLOCK, [])).rows[0]?.[0]),
    head: () => single(ROWS.head, HEAD_NOW, []),
    eventsFrom: (index, most) => rowsThere(ROWS.events, EVENTS_FROM, [index, most]),
    follower: (name) => single(ROWS.followers, FOLLOWER_OF, [name]),
    tiles: (places) =>
      rowsOf(ROWS.tiles, TILES_OF, [
        arrayOf(
          'number',
          places.map(({ level }) => level),
        ),
        arrayOf(
          'number',
          places.map(({ index }) => index),
        ),
      ]),
    lastCheckpoint: () => single(ROWS.checkpoints, LAST_CHECKPOINT, []),
    epoch: async () => Number((await ask(EPOCH, [])).rows[0]?.[0] ?? 0),
  };
}

const bytes = (keys: readonly Key[]): Buffer => arrayOf('buffer', keys);

function locatedIn(collection: string, [row, ended, ...value]: readonly unknown[]): Located | null {
  if (!(row instanceof Uint8Array)) return null;
  const found = ROWS.values.read(value);
  return {
    row,
    ended: typeof ended === 'number' ? ended : null,
    value: found === null ? null : { ...found, collection },
  };
}

const AUTHORITY = {
  head: reading<HeadRow>(HEAD, 't'),
  clients: reading<ClientRow>(TABLES.clients, 't'),
  grants: reading<GrantRow>(TABLES.grants, 't'),
  policies: reading<PolicyRow>(TABLES.policies, 't'),
  collections: reading<CollectionRow>(TABLES.collections, 't'),
  keys: reading<KeyRow>(TABLES.keys, 't'),
  restrictions: reading<RestrictionRow>(TABLES.restrictions, 't'),
};

/** Several statements, which must stand in a transaction that sees one moment. */
export const READ_AUTHORITY = Object.entries(AUTHORITY)
  .map(([table, { columns }]) => `select ${columns} from public."${table}" t`)
  .join('; ');

/** What they answered, in their order. */
export function authorityOf(answers: readonly Answered[]): AuthoritySnapshot {
  const names = Object.keys(AUTHORITY);
  const all = <Row>(name: keyof typeof AUTHORITY, { read }: RowReading<Row>): Row[] =>
    (answers[names.indexOf(name)]?.rows ?? []).map((cells) => read(cells)).filter((row) => row !== null);
  return {
    head: all('head', AUTHORITY.head)[0] ?? null,
    clients: all('clients', AUTHORITY.clients),
    grants: all('grants', AUTHORITY.grants),
    policies: all('policies', AUTHORITY.policies),
    collections: all('collections', AUTHORITY.collections),
    keys: all('keys', AUTHORITY.keys),
    restrictions: all('restrictions', AUTHORITY.restrictions),
  };
}
