import type { StoreSnapshot } from '../vault/store.ts';
import { COPIED, PAGE, pagingOf, soundRows } from './paging.ts';
import type { Ask } from './postgres-reads.ts';
import { TYPES } from './postgres-wire.ts';

/** What a connection's one moment has of whole tables. */
export function postgresPages(ask: Ask): Pick<StoreSnapshot, 'tables' | 'count' | 'pages' | 'last'> {
  const read = async (table: string, which: 'first' | 'next' | 'last', values: readonly unknown[] = []) => {
    const { rows } = await ask(
      { name: `${which}_of_${table}`, text: pagingOf(table, place, SCHEMA)[which] },
      values,
    );
    return soundRows(table, rows);
  };
  return {
    tables: [...COPIED.keys()],
    count: async (table) => {
      const { rows } = await ask(
        { name: `count_of_${table}`, text: pagingOf(table, place, SCHEMA).count },
        [],
      );
      return Number(rows[0]?.[0]);
    },
    async *pages(table, after) {
      const { key } = pagingOf(table, place, SCHEMA);
      for (let last = after; ;) {
        const rows =
          last === null
            ? await read(table, 'first')
            : await read(
                table,
                'next',
                key.map((at) => last?.[at]),
              );
        if (rows.length > 0) yield rows;
        if (rows.length < PAGE) return;
        last = rows.at(-1) ?? null;
      }
    },
    last: async (table) => (await read(table, 'last'))[0] ?? null,
  };
}

const SCHEMA = 'public.';
const place = (n: number, type: keyof typeof TYPES): string => `$${n + 1}::${TYPES[type].name}`;
