import { getTableName } from 'drizzle-orm';
import { columnsOf, EARLIER, EVENTS, HEAD, LEASES, TABLES } from './columns.ts';
import { additionsTo } from './postgres-additions.ts';
import type { Session } from './postgres-session.ts';
import { TYPES } from './postgres-wire.ts';

/** What a database has of ours. `foreign`: tables of our names without our notes of how they came about. */
export type SchemaState =
  | { readonly is: 'empty' | 'ours'; readonly applied: ReadonlySet<number> }
  | { readonly is: 'foreign' };

const OWN = [...Object.values(TABLES), EARLIER, LEASES, HEAD, EVENTS];
const NAMES = OWN.map((table) => `'${getTableName(table)}'`).join(', ');

export async function schemaStateOf(session: Session): Promise<SchemaState> {
  const [asked] = await session.script(
    `select (to_regclass('public."__drizzle_migrations"') is not null)::text, count(*)::text from pg_class
     where relnamespace = 'public'::regnamespace and relname in (${NAMES})`,
  );
  const [hasNotes, tables] = asked?.rows[0] ?? [];
  if (hasNotes !== 'true') return tables === '0' ? { is: 'empty', applied: new Set() } : { is: 'foreign' };
  const [notes] = await session.script('select "created_at" from public."__drizzle_migrations"');
  return { is: 'ours', applied: new Set((notes?.rows ?? []).map(([at]) => Number(at))) };
}

const COLUMNS = `
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(l.collname, ''), a.attnotnull::text,
  (a.atthasdef or a.attidentity <> '')::text, c.relkind::text || c.relpersistence::text
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_collation l on l.oid = a.attcollation
where c.relnamespace = 'public'::regnamespace and c.relname in (${NAMES})`;

/**
 * What keeps this release from serving the tables, in words; empty where nothing does. A next release may have added tables and
 * columns, as long as what we insert need not know of them.
 */
export async function schemaFaults(session: Session): Promise<readonly string[]> {
  const [answered] = await session.script(COLUMNS);
  const stored = new Map<string, Stored>();
  for (const cells of answered?.rows ?? []) {
    const [table, column, type, collation, notNull, hasDefault, kind] = cells.map(String);
    stored.set(`${table}."${column}"`, {
      type,
      collation,
      isAsked: notNull === 'true' && hasDefault === 'false',
      kind,
    });
  }
  const faults: string[] = [];
  for (const table of OWN) {
    const name = getTableName(table);
    for (const { column, type } of columnsOf(table)) {
      const key = `${name}.${column}`;
      const found = stored.get(key);
      stored.delete(key);
      const fault = faultOf(found, type);
      if (fault !== null) faults.push(`${key} ${fault}`);
    }
  }
  for (const [key, { isAsked }] of stored)
    if (isAsked) faults.push(`${key} must be given, and is not known here`);
  return [...faults, ...(await additionsTo(session, OWN))];
}

interface Stored {
  readonly type: string | undefined;
  readonly collation: string | undefined;
  readonly isAsked: boolean;
  readonly kind: string | undefined;
}

function faultOf(found: Stored | undefined, type: keyof typeof TYPES): string | null {
  if (found === undefined) return 'is missing';
  if (found.type !== TYPES[type].name) return `is not ${TYPES[type].name}`;
  if (type === 'string' && found.collation !== 'C') return 'is not compared byte by byte (COLLATE "C")';
  // r and p: an ordinary table, on disk. An unlogged one is empty after a crash.
  return found.kind === 'rp' ? null : 'is not in an ordinary logged table';
}
