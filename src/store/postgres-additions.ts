import { getTableName } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { keyColumnsOf } from './columns.ts';
import type { Session } from './postgres-session.ts';

/**
 * What a table may have lost or been given beside its columns, and then does something else with a row than what it was told: a
 * key that is not there (a restore without indexes, an index that was never finished) lets a token be issued twice, and a
 * trigger, a rule or a policy of rows can pass over what was written.
 */

/** The columns of each unique index that holds for every row, at once. */
const KEYS = `
select c.relname, (select string_agg(a.attname, ',' order by a.attname) from pg_attribute a
  where a.attrelid = c.oid and a.attnum = any (i.indkey::int2[]))
from pg_index i join pg_class c on c.oid = i.indrelid
where i.indisunique and i.indisvalid and i.indisready and i.indimmediate and i.indpred is null and i.indexprs is null
  and i.indnatts = i.indnkeyatts and c.relnamespace = 'public'::regnamespace`;

const WORDS = ['a trigger', 'a rule', 'row-level security', 'tables that inherit from it'] as const;
const ADDED = `
select c.relname, exists(select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal)::text,
  exists(select from pg_rewrite r where r.ev_class = c.oid)::text, c.relrowsecurity::text,
  exists(select from pg_inherits h where h.inhparent = c.oid)::text
from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`;

/** In words; empty where the tables are as they were made, or were only given more indexes. */
export async function additionsTo(
  session: Session,
  tables: readonly SQLiteTable[],
): Promise<readonly string[]> {
  const [keys] = await session.script(KEYS);
  const [added] = await session.script(ADDED);
  const unique = new Set(
    (keys?.rows ?? []).map(([table, columns]) => `${String(table)}(${String(columns)})`),
  );
  return tables.flatMap((table) => {
    const name = getTableName(table);
    const key = keyColumnsOf(table).toSorted().join(',');
    const found = (added?.rows ?? []).find(([of]) => of === name)?.slice(1) ?? [];
    return [
      ...(unique.has(`${name}(${key})`) ? [] : [`${name} may hold one key twice`]),
      ...WORDS.filter((_, i) => found[i] === 'true').map((word) => `${name} has ${word}`),
    ];
  });
}
