import type { PostgresPlace } from './postgres-place.ts';
import { grantsTo, NOTES, TABLE_RIGHTS } from './postgres-privileges.ts';
import { migrationsKnown } from './postgres-migrations.ts';
import { schemaStateOf } from './postgres-schema.ts';
import type { Session } from './postgres-session.ts';
import { visit } from './postgres-visit.ts';

/** What a role may do, held against what a vault needs. Words of ours and of PostgreSQL. */
export interface RoleRights {
  /** Why it may do anything at all with the tables, or become somebody who may. */
  readonly powers: readonly string[];
  /** As `update on events`. */
  readonly excess: readonly string[];
  /** Of the tables that are there. */
  readonly lacking: readonly string[];
  readonly absent: readonly string[];
}

const NAMES = [...TABLE_RIGHTS.map(({ table }) => table), NOTES].map((name) => `'${name}'`).join(', ');

const OURS = `from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname in (${NAMES})`;

const POWERS = {
  name: 'powers',
  text: `select r.rolsuper::text, r.rolcreaterole::text, r.rolreplication::text,
    exists(select ${OURS} and pg_has_role(r.oid, c.relowner, 'MEMBER'))::text,
    has_schema_privilege(r.oid, 'public', 'CREATE')::text,
    exists(select from pg_roles s where s.oid <> r.oid and pg_has_role(r.oid, s.oid, 'MEMBER') and (s.rolsuper or s.rolcreaterole
      or s.rolname in ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files')))::text
   from pg_roles r where r.rolname = $1`,
};
const WORDS = [
  'it is a superuser',
  'it may make roles',
  'it may replicate everything',
  'it owns tables',
  'it may make tables',
  'it may become a role that may do so, or reads, writes or runs files of the server',
] as const;

const THERE = { name: 'tables_there', text: `select c.relname ${OURS}` };
const VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'];

const WHOLE = {
  name: 'rights_of_tables',
  text: `select c.relname, lower(v.verb) from (select c.oid, c.relname ${OURS}) c
   cross join unnest('{${VERBS.join(',')}}'::text[]) v(verb) where has_table_privilege($1, c.oid, v.verb)`,
};
const COLUMNS = {
  name: 'rights_of_columns',
  text: `select c.relname, a.attname from (select c.oid, c.relname ${OURS}) c
   join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where has_column_privilege($1, c.oid, a.attnum, 'UPDATE') and not has_table_privilege($1, c.oid, 'UPDATE')`,
};

/** Null where there is no such role. */
export async function rightsOf(session: Session, role: string): Promise<RoleRights | null> {
  const [powers] = (await session.run(POWERS, [role])).rows;
  if (powers === undefined) return null;
  const whole = (await session.run(WHOLE, [role])).rows.map(
    ([table, verb]) => `${String(verb)} on ${String(table)}`,
  );
  const columns = (await session.run(COLUMNS, [role])).rows.map(
    ([table, column]) => `update of ${String(column)} on ${String(table)}`,
  );
  const held = new Set([...whole, ...columns]);
  const there = new Set((await session.run(THERE)).rows.map(([table]) => String(table)));
  const needed = new Set(neededRights(there));
  return {
    powers: WORDS.filter((_, i) => powers[i] === 'true'),
    excess: [...held].filter((right) => !needed.has(right)).toSorted(),
    // A right to a whole column set is the right to each.
    lacking: [...needed].filter((right) => !held.has(right) && !held.has(wholeOf(right))),
    absent: [...TABLE_RIGHTS.map(({ table }) => table), NOTES].filter((table) => !there.has(table)),
  };
}

function* neededRights(there: ReadonlySet<string>): Generator<string> {
  for (const { table, verbs, updates } of TABLE_RIGHTS) {
    if (!there.has(table)) continue;
    for (const verb of verbs) yield `${verb} on ${table}`;
    for (const column of updates) yield `update of ${column} on ${table}`;
  }
  if (there.has(NOTES)) yield `select on ${NOTES}`;
}

const wholeOf = (right: string): string => right.replace(/^update of \S+ on /, 'update on ');

const DIFFERS = ['excess', 'lacking', 'absent'] as const;

/**
 * Gives the role that serves its rights, and takes from it whatever else it has on these tables, in one transaction.
 * @param place of the role that owns the tables
 * @returns the SQL that was run, or would be; none where the role is the owner's own, or has its rights and no others
 * @throws StoreFailure
 */
export const giveRights = (
  place: PostgresPlace,
  role: string,
  mode: 'apply' | 'dry-run',
): Promise<readonly string[]> =>
  visit(place, async (session) => {
    if (role === place.user) return [];
    const rights = await rightsOf(session, role);
    if (rights !== null && DIFFERS.every((part) => rights[part].length === 0)) return [];
    const statements = grantsTo(role);
    if (mode === 'apply') await session.script(`begin; ${statements.join('; ')}; commit`);
    return statements;
  });

/** Whether a next release has migrated the tables: its rights are not known here, and are not to be taken away. */
export const isNewer = (place: PostgresPlace): Promise<boolean> =>
  visit(place, async (session) => {
    const state = await schemaStateOf(session);
    const known = new Set(migrationsKnown().map(({ at }) => at));
    return state.is !== 'foreign' && [...state.applied].some((at) => !known.has(at));
  });

/** Tables of others where a vault is to be, and a vault that is there: what keeps it from being made. */
export const vacancyOf = (place: PostgresPlace): Promise<'vacant' | 'used' | 'vault'> =>
  visit(place, async (session) => {
    const [others] = await session.script(
      `select count(*)::text from pg_class c where c.relnamespace = 'public'::regnamespace
       and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname not in (${NAMES})`,
    );
    if (others?.rows[0]?.[0] !== '0') return 'used';
    if ((await schemaStateOf(session)).is === 'empty') return 'vacant';
    const [head] = await session.script(`select count(*)::text from public."head"`);
    return head?.rows[0]?.[0] === '0' ? 'vacant' : 'vault';
  });
