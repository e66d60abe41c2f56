import Database from 'better-sqlite3';
import { existsSync, statSync } from 'node:fs';
import type { EventRow, ValueRow } from '../vault/rows.ts';
import type { StoreInspection } from '../vault/store.ts';
import { EVENTS, SCHEMA, selected, soundly, TABLES } from './columns.ts';
import { snapshotOn } from './snapshot.ts';
import { durabilityOf } from './sqlite-connection.ts';
import { atTheDoor } from './sqlite-door.ts';

/** A store's files, in bytes. */
export interface FileSizes {
  readonly store: number;
  /** What has been committed and is not in the store's file yet. */
  readonly wal: number;
}

/** What the file itself says. */
export interface Condition {
  /** As SQLite names it; the file keeps it. */
  readonly journalMode: string;
  /** What a connection that asks for FULL (2) gets. */
  readonly synchronous: number;
  /** Whether its pages are as SQLite wrote them; null where it is too large to read whole. */
  readonly isSound: boolean | null;
  /** Tables that are missing, or have not the columns of this release. */
  readonly otherTables: readonly string[];
}

/** Tokens that are passed over on the way to a live one: a collection may have millions that ended. */
const MOST_PASSED = 256;

/** Larger stores are not read whole: a second or so for each of these bytes, on a local disk. */
const MOST_CHECKED = 1024 ** 3;

export const sizesOf = (path: string): FileSizes => ({
  store: sizeOf(path),
  wal: sizeOf(`${path}-wal`),
});

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** The files that a store may have, beside one another. */
export const filesOf = (path: string): readonly string[] =>
  ['', '-wal', '-shm'].map((ending) => path + ending).filter((file) => existsSync(file));

/**
 * Looks at a store without changing it: it is not migrated, and nothing is configured that its file would keep.
 * @throws StoreFailure where it is no database, or one that does not read
 */
export function inspectSqlite(path: string): {
  readonly condition: Condition;
  /** Null where the tables are not those of this release. */
  readonly inspection: StoreInspection | null;
} {
  return atTheDoor(() => {
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 2000 });
    try {
      const condition = conditionOf(db, path);
      if (condition.otherTables.length === 0) return { condition, inspection: inspectionOn(db) };
      db.close();
      return { condition, inspection: null };
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

function conditionOf(db: Database.Database, path: string): Condition {
  db.pragma('synchronous = FULL');
  const [journalMode, synchronous] = durabilityOf(db);
  const isSmall = sizesOf(path).store <= MOST_CHECKED;
  // One fault is enough: what else is wrong, SQLite's own tools say.
  const isSound = isSmall ? db.pragma('quick_check(1)', { simple: true }) === 'ok' : null;
  return {
    journalMode: String(journalMode),
    synchronous: Number(synchronous),
    isSound,
    otherTables: otherTables(db),
  };
}

function otherTables(db: Database.Database): string[] {
  const stored = db.prepare<[string], string>('select "name" from pragma_table_info(?)').pluck();
  const isOther = ([name, columns]: [string, readonly string[]]): boolean => {
    const has = new Set(stored.all(name));
    return has.size !== columns.length || columns.some((column) => !has.has(column));
  };
  return [...SCHEMA].filter(isOther).map(([name]) => name);
}

function inspectionOn(db: Database.Database): StoreInspection {
  const snapshot = snapshotOn(db);
  const isTaken = db.prepare<[string, Uint8Array]>(
    'select 1 from "issued" where "collection" = ? and "hash" = ?',
  );
  const events = db.prepare<[number], EventRow>(
    `select ${selected(EVENTS)} from "events" where "index" >= ? order by "index"`,
  );
  const live = db.prepare<[string, Uint8Array], ValueRow>(
    `select ${selected(TABLES.values, 'v.')} from (select * from "issued" where "collection" = ? and "hash" >= ? order by "hash" limit ${MOST_PASSED}) i
       join "values" v on v."row" = i."row" where i."ended" is null order by i."hash" limit 1`,
  );
  const [event, value] = [soundly<EventRow>(EVENTS), soundly<ValueRow>(TABLES.values)];
  return {
    ...snapshot,
    eventsFrom: (index) => atTheDoorOf(events.iterate(index), event),
    liveFrom: async (collection, hash) => {
      const row = atTheDoor(() => live.get(collection, hash));
      return row === undefined ? null : value(row);
    },
    taken: async (collection, hashes) =>
      atTheDoor(() => hashes.map((hash) => isTaken.get(collection, hash) !== undefined)),
  };
}

/** A damaged page may be met at any row. */
async function* atTheDoorOf<Row>(rows: IterableIterator<Row>, sound: (row: Row) => Row): AsyncGenerator<Row> {
  try {
    for (let next = atTheDoor(() => rows.next()); next.done !== true; next = atTheDoor(() => rows.next()))
      yield sound(next.value);
  } finally {
    rows.return?.();
  }
}
