import {
  type HeadRow,
  LAST_REVISION,
  PRIMARY_KEY,
  type RawRow,
  type Table,
  type UseRow,
} from '../vault/rows.ts';
import { HEAD_KEPT, type Statement, type Told, type Update, type UpdatedTable } from '../vault/statement.ts';
import { equalBytes } from '../crypto/encoding.ts';
import { HEAD, LEASES, TABLES } from './columns.ts';
import { copied, pagingOf } from './paging.ts';
import { CHECK_LIVE, END, FORGET_EARLIER, REPLACE } from './postgres-changes.ts';
import { PostgresFailure } from './postgres-door.ts';
import { STILL_DURABLE, STILL_TOLD } from './postgres-durability.ts';
import type { Session } from './postgres-session.ts';
import { NOTHING_FAILED, perform, type SetStatement } from './postgres-sets.ts';
import { CLOCK_NOW } from './postgres-reads.ts';
import { assigned, cellsOf, givenOf, insertion, keyIn, reading, unnested } from './postgres-sql.ts';
import { arrayOf } from './postgres-wire.ts';

/** The group's statements on PostgreSQL: each one a round trip for its whole set. */
type Writer = {
  [D in Statement['do']]: (session: Session, statement: Extract<Statement, { do: D }>) => Promise<Told>;
};

const insert = (name: Table): SetStatement<object> => inserting(`insert_${name}`, name, 'do nothing');

/** Inserts rows, or does what is said of those whose key is taken. */
function inserting(name: string, table: Table | 'leases', onConflict: string): SetStatement<object> {
  const columns = table === 'leases' ? LEASES : TABLES[table];
  const given = givenOf(columns);
  const key = keyIn(columns, table === 'leases' ? ['name'] : PRIMARY_KEY[table]);
  const returned = key.map((i) => given[i]?.[0]).join(', ');
  return {
    name,
    given,
    key,
    cells: cellsOf(columns),
    answers: 'keys',
    text: `${insertion(table, columns)} on conflict ${onConflict} returning ${returned}`,
  };
}

/** Rows of any table, as columns in their order. */
function loading(name: string): SetStatement<RawRow> {
  const table = copied(name);
  const given = givenOf(table);
  const { key } = pagingOf(name, String);
  return {
    name: `load_${name}`,
    given,
    key,
    cells: (row) => row,
    answers: 'keys',
    text: `${insertion(name, table)} on conflict do nothing returning ${key.map((at) => given[at]?.[0]).join(', ')}`,
  };
}

/** @param columns those that may change, where that is not all of them: the role that serves may change no other */
function update(table: UpdatedTable, columns: readonly string[] | null = null): SetStatement<Update> {
  const given = givenOf(TABLES[table]);
  const changed = given.filter(([column]) => columns === null || columns.includes(column));
  const key = keyIn(TABLES[table], PRIMARY_KEY[table]);
  const matches = key.map((i) => `t.${given[i]?.[0]} = u.${given[i]?.[0]}`).join(' and ');
  const cells = cellsOf(TABLES[table]);
  return {
    name: `update_${table}`,
    given,
    key,
    cells: ({ row }) => cells(row),
    answers: 'done',
    text: `update public."${table}" t set ${assigned(changed, 'u')} from ${unnested(given)}
     where ${matches} and t."revision" = u."revision" - 1 returning u."position"`,
  };
}

const INSERT = {
  claims: insert('claims'),
  fingerprints: insert('fingerprints'),
  lookups: insert('lookups'),
  issued: insert('issued'),
  values: insert('values'),
  subjects: insert('subjects'),
  clients: insert('clients'),
  grants: insert('grants'),
  policies: insert('policies'),
  collections: insert('collections'),
  keys: insert('keys'),
  restrictions: insert('restrictions'),
  uses: insert('uses'),
  followers: insert('followers'),
  tiles: insert('tiles'),
  checkpoints: insert('checkpoints'),
} satisfies Record<Table, SetStatement<object>>;

const UPDATE = {
  clients: update('clients'),
  collections: update('collections'),
  keys: update('keys', ['"state"', '"wrapped"', '"revision"', '"mac"']),
  restrictions: update('restrictions'),
} satisfies Record<UpdatedTable, SetStatement<Update>>;

/** A first revision, or the one after what is stored; a first one also after what is none. */
function succeeding(name: string, table: 'leases' | 'followers'): SetStatement<object> {
  const columns = table === 'leases' ? LEASES : TABLES[table];
  const stored = `"${table}"."revision"`;
  return inserting(
    name,
    table,
    `("name") do update set ${assigned(givenOf(columns), 'excluded')}
     where case when ${stored} between 0 and ${LAST_REVISION} then ${stored} else 0 end = excluded."revision" - 1`,
  );
}

const LEASE = succeeding('lease', 'leases');
const FOLLOW = succeeding('follow', 'followers');

const NOTE_CHECKPOINTS = inserting(
  'note_checkpoints',
  'checkpoints',
  `("slot") do update set ${assigned(givenOf(TABLES.checkpoints), 'excluded')}`,
);

/** The later of two uses is kept. */
const USE: SetStatement<UseRow> = inserting(
  'note_uses',
  'uses',
  `("key_id") do update set ${assigned(givenOf(TABLES.uses), 'excluded')} where excluded."at" > "uses"."at"`,
);

/** What another process is dropping already is not waited for. */
const FORGET_CLAIMS = {
  name: 'forget_claims',
  text: `delete from public."claims" c using (
     select "owner", "key" from public."claims" where "at" < $1 order by "owner", "key" for update skip locked
   ) o where c."owner" = o."owner" and c."key" = o."key"`,
};

const HEAD_ROW = reading<HeadRow>(HEAD, 't');
const LOCK_HEAD = {
  name: 'lock_head',
  text: `select (${STILL_DURABLE})::text, (${STILL_TOLD})::text, ${CLOCK_NOW}, ${HEAD_ROW.columns} from public."head" t where t."only" = 1 for update`,
};
const WRITE_HEAD = {
  name: 'write_head',
  text: `update public."head" set "standing" = $1, "size" = $2, "frontier" = $3, "epoch" = $4, "changes" = $5, "last_at" = $6, "digests" = $7, "mac" = $8 where "only" = 1 returning "mac"`,
};

const CHECK_EMPTY: SetStatement<string> = {
  name: 'check_empty',
  given: [['"id"', 'string']],
  key: [0],
  cells: (id) => [id],
  answers: 'failed',
  text: `select u."position" from ${unnested([['"id"', 'string']])}
   where exists (select from public."issued" i where i."collection" = u."id")`,
};

const APPEND = {
  name: 'append',
  text: `insert into public."events" ("index", "bytes")
   select $1::bigint + u."position" - 1, u."bytes" from unnest($2::bytea[]) with ordinality as u("bytes", "position")
   order by u."position" on conflict do nothing returning "index"`,
};

export const POSTGRES_WRITER: Writer = {
  insert: (session, { table, rows }) => perform(session, INSERT[table], rows),
  update: updated,
  end: (session, { endings }) => perform(session, END, endings),
  replace: (session, { replacements }) => perform(session, REPLACE, replacements),
  forgetEarlier: (session, { versions }) => perform(session, FORGET_EARLIER, versions),
  lease: (session, { leases }) => perform(session, LEASE, leases),
  follow: (session, { followers }) => perform(session, FOLLOW, followers),
  noteCheckpoints: async (session, { checkpoints }) => {
    await perform(session, NOTE_CHECKPOINTS, checkpoints);
    return NOTHING_FAILED;
  },
  forgetClaims: async (session, { before }) => {
    await session.run(FORGET_CLAIMS, [before]);
    return NOTHING_FAILED;
  },
  noteUses: async (session, { uses }) => {
    await perform(session, USE, uses);
    return NOTHING_FAILED;
  },
  load: (session, { table, rows }) => perform(session, loading(table), rows),
  lockHead: async (session) => {
    const [row] = (await session.run(LOCK_HEAD)).rows;
    if (row === undefined) return NOTHING_FAILED;
    const [isDurable, isTold, clock, ...cells] = row;
    if (isDurable !== 'true') throw new PostgresFailure('other', 'refused', LESS_DURABLE);
    if (isTold !== 'true') throw new PostgresFailure('other', 'refused', FORGOTTEN);
    return { failed: [], head: HEAD_ROW.read(cells), clock: Number(clock) };
  },
  checkLive: (session, { relied }) => perform(session, CHECK_LIVE, relied),
  checkEmpty: (session, { collections }) => perform(session, CHECK_EMPTY, collections),
  append: async (session, { first, events }) => {
    const { rows, count } = await session.run(APPEND, [first, arrayOf('buffer', events)]);
    if (count === events.length) return NOTHING_FAILED;
    const done = new Set(rows.map(([index]) => index));
    return { failed: [...events.keys()].filter((i) => !done.has(first + i)), head: null, clock: null };
  },
  writeHead: async (session, { head }) => {
    const { standing, size, frontier, epoch, changes, lastAt, digests, mac } = head;
    const values = [standing, size, frontier, epoch, changes, lastAt, digests, mac];
    const written = (await session.run(WRITE_HEAD, values)).rows[0]?.[0];
    if (written instanceof Uint8Array && equalBytes(written, mac)) return NOTHING_FAILED;
    throw new PostgresFailure('other', 'refused', HEAD_KEPT);
  },
};

const LESS_DURABLE =
  'the server was told to lose what it acknowledges: synchronous_commit, fsync or full_page_writes';

const FORGOTTEN =
  'the connection is not as it was set up: a pooler in transaction mode stands before the server';

/** A statement a table: what fails is told by its position among all. */
async function updated(
  session: Session,
  { updates }: { readonly updates: readonly Update[] },
): Promise<Told> {
  const failed: number[] = [];
  for (const table of ['clients', 'collections', 'keys', 'restrictions'] as const) {
    const positions = [...updates.keys()].filter((i) => updates[i]?.table === table);
    if (positions.length === 0) continue;
    const own = updates.filter((one) => one.table === table);
    const told = await perform(session, UPDATE[table], own);
    failed.push(...told.failed.map((i) => positions[i] ?? -1));
  }
  return failed.length === 0
    ? NOTHING_FAILED
    : { failed: failed.toSorted((a, b) => a - b), head: null, clock: null };
}
