import { Client } from 'pg';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { EventRow } from '../vault/rows.ts';
import type { Scanned, ScannedRows, StoreSnapshot } from '../vault/store.ts';
import { EARLIER, EVENTS, TABLES } from './columns.ts';
import { atTheDoor } from './postgres-door.ts';
import { mustBeDurable } from './postgres-durability.ts';
import { clientConfig, type PostgresPlace } from './postgres-place.ts';
import { postgresPages } from './postgres-pages.ts';
import { authorityOf, READ_AUTHORITY } from './postgres-reads.ts';
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
  await atTheDoor(client.connect());
  try {
    await mustBeDurable(session);
    const answers = await session.script(TOLD + READ_AUTHORITY);
    return snapshotOn(client, session, authorityOf(answers.slice(-7)));
  } catch (error) {
    await client.end();
    throw error;
  }
}

function snapshotOn(client: Client, session: Session, authority: StoreSnapshot['authority']): StoreSnapshot {
  let cursors = 0;
  let last: Promise<unknown> = Promise.resolve();
  /** One at a time: two walks over one connection take turns. */
  const turn = <T>(ask: () => Promise<T>): Promise<T> => {
    const asked = last.then(ask);
    last = asked.catch(() => undefined);
    return asked;
  };
  const inTurn = (text: string) => turn(() => session.script(text));

  async function* each<Row extends object>(
    name: string,
    table: SQLiteTable,
    order: string,
  ): AsyncGenerator<Row> {
    const { columns, read } = reading<Row>(table, 't');
    const cursor = `walk_${(cursors += 1)}`;
    await inTurn(`declare ${cursor} no scroll cursor for select ${columns} from "${name}" t ${order}`);
    try {
      for (let more = true; more;) {
        const [page] = await inTurn(`fetch forward ${PAGE} from ${cursor}`);
        const rows = page?.rows ?? [];
        for (const cells of rows) {
          const row = read(cells);
          if (row !== null) yield row;
        }
        more = rows.length === PAGE;
      }
    } finally {
      await inTurn(`close ${cursor}`).catch(() => undefined);
    }
  }

  return {
    authority,
    events: () => each<EventRow>('events', EVENTS, 'order by "index"'),
    scan: <T extends Scanned>(table: T) => each<ScannedRows[T]>(table, SCANNED[table], ORDER[table]),
    ...postgresPages((statement, values) => turn(() => session.run(statement, values))),
    close: () => client.end(),
  };
}
