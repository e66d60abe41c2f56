import type Database from 'better-sqlite3';
import type { StoreSnapshot } from '../vault/store.ts';
import { COPIED, PAGE, pagingOf, soundRows } from './paging.ts';
import { atTheDoor } from './sqlite-door.ts';

/** What a connection's one moment has of whole tables. */
export function sqlitePages(
  db: Database.Database,
): Pick<StoreSnapshot, 'tables' | 'count' | 'pages' | 'last'> {
  const ask = (sql: string, key: readonly unknown[] = []): unknown[][] =>
    atTheDoor(() =>
      db
        .prepare<unknown[], unknown[]>(sql)
        .raw()
        .all(...key),
    );
  return {
    tables: [...COPIED.keys()],
    count: async (table) => Number(ask(pagingOf(table, place).count)[0]?.[0]),
    async *pages(table, after) {
      const { first, next, key } = pagingOf(table, place);
      for (let last = after; ;) {
        const asked =
          last === null
            ? ask(first)
            : ask(
                next,
                key.map((at) => last?.[at]),
              );
        const rows = soundRows(table, asked);
        if (rows.length > 0) yield rows;
        if (rows.length < PAGE) return;
        last = rows.at(-1) ?? null;
      }
    },
    last: async (table) => soundRows(table, ask(pagingOf(table, place).last))[0] ?? null,
  };
}

const place = (): string => '?';
