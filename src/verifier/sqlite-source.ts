import Database from 'better-sqlite3';
import { TILE_WIDTH } from '../log/tile.ts';
import { HASH_BYTES } from '../log/tree.ts';
import {
  type LogSource,
  MOST_EARLIER,
  MOST_ENTRY,
  MOST_ROWS,
  MOST_STORED_NOTE,
  SourceRefused,
  TOO_MANY,
} from './source.ts';

/** Whatever somebody put into a column: only what has the type and length that it must have is read. */
const sized = (column: string, type: string, most: number): string =>
  `case when typeof("${column}") = '${type}' and length("${column}") <= ${most} then "${column}" end`;

const NOTES = `select ${sized('note', 'text', MOST_STORED_NOTE)} from "checkpoints" order by "slot" desc`;
const ENTRIES = `select "index", ${sized('bytes', 'blob', MOST_ENTRY)} as "bytes" from "events"
  where "index" >= ? and "index" < ? order by "index" limit ${MOST_ROWS}`;
const TILE = `select ${sized('hashes', 'blob', TILE_WIDTH * HASH_BYTES)} from "tiles" where "level" = ? and "index" = ?`;

/**
 * The log in a vault's SQLite file, which is only read, while a vault may serve it.
 * @throws SourceRefused
 */
export function sqliteSource(path: string): LogSource {
  const db = atTheDoor(
    path,
    () => new Database(path, { readonly: true, fileMustExist: true, timeout: 5000 }),
  );
  return atTheDoor(path, () => {
    mustBePlain(db, path);
    const notes = db.prepare<[], string | null>(NOTES).pluck();
    const newest = db.prepare<[], string | null>(`${NOTES} limit 1`).pluck();
    const entries = db.prepare<[number, number], { index: number; bytes: Buffer | null }>(ENTRIES);
    const tile = db.prepare<[number, number], Buffer | null>(TILE).pluck();
    const unsigned = db.prepare<[number], number>('select count(*) from "events" where "index" >= ?').pluck();
    const asked = async <T>(work: () => T): Promise<T> => atTheDoor(path, work);
    return {
      keeps: 'full tiles',
      checkpoint: () => asked(() => bytesOf(newest.get())),
      earlier: () =>
        asked(() => {
          const found: Uint8Array[] = [];
          for (const note of notes.iterate())
            if (found.push(bytesOf(note) ?? NO_BYTES) > MOST_EARLIER) throw new SourceRefused(TOO_MANY);
          return found.slice(1);
        }),
      entries: (index, width) =>
        asked(() => {
          const rows = entries.all(index * TILE_WIDTH, index * TILE_WIDTH + width);
          return { entries: rows.map((row) => ({ ...row, bytes: row.bytes ?? NO_BYTES })), isExact: true };
        }),
      tile: (level, index, width) =>
        asked(() => {
          const hashes = tile.get(level, index) ?? null;
          return hashes?.length === width * HASH_BYTES ? hashes : null;
        }),
      unsigned: (size) => asked(() => unsigned.get(size) ?? 0),
      surplus: async () => null,
      close: async () => void db.close(),
    };
  });
}

/** Tables of which no column is computed. */
const PLAIN = `select count(*) from pragma_table_list t where t."schema" = 'main' and t."type" = 'table'
  and t."name" in ('events', 'tiles', 'checkpoints')
  and not exists (select 1 from pragma_table_xinfo(t."name") where "hidden" <> 0)`;

/** A file that somebody else made may have a view or a function in the place of a table: nothing of its schema is run. */
function mustBePlain(db: Database.Database, path: string): void {
  db.pragma('trusted_schema = OFF');
  const plain = db.prepare<[], number>(PLAIN).pluck().get();
  if (plain !== 3) throw new SourceRefused(`${path} has not the tables of a vault's store`);
}

const NO_BYTES = new Uint8Array(0);

const bytesOf = (note: string | null | undefined): Uint8Array | null =>
  note === undefined ? null : note === null ? NO_BYTES : Buffer.from(note);

const BESIDE = ': is it there, and may SQLite put its two files beside it?';

/** SQLite's own messages quote what is stored. */
function atTheDoor<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Database.SqliteError)
      throw new SourceRefused(
        `${path} does not read as a vault's store (${error.code})${error.code === 'SQLITE_CANTOPEN' ? BESIDE : ''}`,
      );
    if (error instanceof TypeError) throw new SourceRefused(`there is no folder that ${path} could be in`);
    throw error;
  }
}
