import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type AuthoritySnapshot, StoreFailure } from '../vault/store.ts';
import { TABLES } from './columns.ts';
import { readAuthority } from './reads.ts';
import { atTheDoor } from './sqlite-door.ts';

const MIGRATIONS = fileURLToPath(new URL('../../drizzle/sqlite', import.meta.url));

/** Pages copied at a time: 8 MiB. */
const STEP = 2048;

/** What a copy holds, as of the one moment that it was read at. */
export interface Copied {
  readonly authority: AuthoritySnapshot;
  /** Rows of each table. */
  readonly tables: Readonly<Record<string, number>>;
  /** Time of the newest migration, in milliseconds; 0 without any. */
  readonly migration: number;
}

/**
 * Copies a store to a new file while others read and write it. SQLite begins a copy again whenever another process has written,
 * which under load never ends: a transaction that is open on the source keeps it at one moment, and holds up no writer.
 * @param path of the store
 * @param to of the copy, which must not be there; it is readable to its owner alone
 * @param progress told how much is done, from 0 to 1; what it throws stops the copy
 */
export async function copySqlite(
  path: string,
  to: string,
  progress: (done: number) => void,
): Promise<Copied> {
  closeSync(openSync(to, 'wx', 0o600));
  const db = atTheDoor(() => new Database(path, { readonly: true, fileMustExist: true, timeout: 2000 }));
  try {
    const copied = atTheDoor(() => {
      db.exec('begin');
      return contentsOf(db);
    });
    await db.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        progress(totalPages === 0 ? 0 : 1 - remainingPages / totalPages);
        return STEP;
      },
    });
    return copied;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_FULL')
      throw new StoreFailure('full', 'the disk that the copy is written to is full');
    return atTheDoor(() => {
      throw error;
    });
  } finally {
    db.close();
  }
}

/** What a store holds: to be held against what a backup says of itself. */
export function sqliteContents(path: string): Copied {
  return atTheDoor(() => {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      db.exec('begin');
      return contentsOf(db);
    } finally {
      db.close();
    }
  });
}

function contentsOf(db: Database.Database): Copied {
  const count = (table: string): number =>
    db.prepare<[], number>(`select count(*) from "${table}"`).pluck().get() ?? 0;
  return {
    authority: readAuthority(db),
    tables: Object.fromEntries(
      [...Object.keys(TABLES), 'earlier', 'events'].map((table) => [table, count(table)]),
    ),
    migration:
      db.prepare<[], number | null>('select max("created_at") from "__drizzle_migrations"').pluck().get() ??
      0,
  };
}

/** Time of the newest migration that this release knows, in milliseconds. */
export const newestMigration = (): number =>
  Math.max(...readMigrationFiles({ migrationsFolder: MIGRATIONS }).map(({ folderMillis }) => folderMillis));

/**
 * Whether a store's tables and indexes are those that this release makes, and nothing else: a trigger or view of a stranger's would
 * run inside our own statements. What ANALYZE leaves is SQLite's own.
 */
export function hasOwnSchema(path: string): boolean {
  const made = new Database(':memory:');
  const stored = new Database(path, { readonly: true, fileMustExist: true });
  try {
    migrate(drizzle(made), { migrationsFolder: MIGRATIONS });
    return atTheDoor(() => schemaOf(stored) === schemaOf(made));
  } finally {
    made.close();
    stored.close();
  }
}

const schemaOf = (db: Database.Database): string =>
  JSON.stringify(
    db
      .prepare(
        `select "type", "name", "tbl_name", "sql" from "sqlite_schema"
         where not ("type" = 'table' and "name" in ('sqlite_stat1', 'sqlite_stat4')) order by "type", "name"`,
      )
      .all(),
  );
