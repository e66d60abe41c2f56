import { Client } from 'pg';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { EventRow, ValueRow } from '../vault/rows.ts';
import type { Scanned, ScannedRows, StoreInspection, StoreSnapshot } from '../vault/store.ts';
import { EARLIER, EVENTS, TABLES } from './columns.ts';
import { atTheDoor } from './postgres-door.ts';
import { mustBeDurable } from './postgres-durability.ts';
import { clientConfig, type PostgresPlace } from './postgres-place.ts';
import { postgresPages } from './postgres-pages.ts';
import { authorityOf, postgresReads, READ_AUTHORITY } from './postgres-reads.ts';
import { Session } from './postgres-session.ts';
import { reading } from './postgres-sql.ts';

/** In the order of rows where verification walks tables side by side. */
const ORDER = {
  issued: 'order by "row"',
  values: 'order by "row"',
  fingerprints: 'order by "row"',
  lookups: 'order by "row"',
  earlier: 'order by "row"',
  subjects: '',
  claims: '',
  uses: '',
  followers: '',
  tiles: '',
  checkpoints: 'order by "slot"',
} satisfies Record<Scanned, string>;

const SCANNED = { ...TABLES, earlier: EARLIER };

/** Rows that are fetched at a time. */
const PAGE = 500;
/** A table may be sorted before its first row comes, and whoever reads may be slow, in milliseconds. */
const PATIENCE = 600_000;

/** Whole tables are read here, and not rows by their keys. */
const TOLD = `
set statement_timeout = ${PATIENCE};
set idle_in_transaction_session_timeout = ${PATIENCE};
set cursor_tuple_fraction = 1;
set enable_seqscan = on;
set enable_hashjoin = on;
set enable_mergejoin = on;
begin isolation level repeatable read read only;
`;

/**
 * A view of the store as of now, on a connection of its own. It holds up nobody, but while it is open PostgreSQL keeps
 * what is replaced meanwhile.
 */
export async function postgresSnapshot(place: PostgresPlace): Promise<StoreSnapshot> {
  const client = new Client({ ...clientConfig(place), query_timeout: PATIENCE });
  const session = new Session(client);
  try {
    // Within: a password file that does not read leaves a connection that is open.
    await atTheDoor(client.connect());
    await mustBeDurable(session);
    return await snapshotOn(client, session);
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Tokens that are passed over on the way to a live one: a collection may have millions that ended. */
const MOST_PASSED = 256;
const VALUE = reading<ValueRow>(TABLES.values, 'v');
const LIVE_FROM = {
  name: 'live_from',
  text: `select ${VALUE.columns} from (
     select * from public."issued" where "collection" = $1 and "hash" >= $2 order by "hash" limit ${MOST_PASSED}
   ) i join public."values" v on v."row" = i."row" where i."ended" is null order by i."hash" limit 1`,
};

/** The view of a connection, which it has from now on and closes. */
export async function snapshotOn(client: Client, session: Session): Promise<StoreInspection> {
  const authority = authorityOf((await session.script(TOLD + READ_AUTHORITY)).slice(-7));
  let cursors = 0;
  let last: Promise<unknown> = Promise.resolve();
  /** One at a time: two walks over one connection take turns. */
  const inTurn = <T>(ask: () => Promise<T>): Promise<T> => {
    const asked = last.then(ask);
    last = asked.catch(() => undefined);
    return asked;
  };
  const script = (text: string) => inTurn(() => session.script(text));
  const { taken } = postgresReads((statement, values) => inTurn(() => session.run(statement, values)));

  async function* each<Row extends object>(
    name: string,
    table: SQLiteTable,
    rows: string,
  ): AsyncGenerator<Row> {
    const { columns, read } = reading<Row>(table, 't');
    const cursor = `walk_${(cursors += 1)}`;
    await script(`declare ${cursor} no scroll cursor for select ${columns} from public."${name}" t ${rows}`);
    try {
      for (let more = true; more;) {
        const [page] = await script(`fetch forward ${PAGE} from ${cursor}`);
        const fetched = page?.rows ?? [];
        for (const cells of fetched) {
          const row = read(cells);
          if (row !== null) yield row;
        }
        more = fetched.length === PAGE;
      }
    } finally {
      await script(`close ${cursor}`).catch(() => undefined);
    }
  }

  return {
    authority,
    events: () => each<EventRow>('events', EVENTS, 'order by "index"'),
    eventsFrom: (index) =>
      each<EventRow>('events', EVENTS, `where "index" >= ${Math.trunc(index)} order by "index"`),
    liveFrom: async (collection, hash) => {
      const [row] = (await inTurn(() => session.run(LIVE_FROM, [collection, hash]))).rows;
      return row === undefined ? null : VALUE.read(row);
    },
    taken,
    scan: <T extends Scanned>(table: T) => each<ScannedRows[T]>(table, SCANNED[table], ORDER[table]),
    ...postgresPages((statement, values) => inTurn(() => session.run(statement, values))),
    close: () => client.end(),
  };
}
