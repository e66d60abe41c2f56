import Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, onTestFinished } from 'vitest';
import { openPostgres } from '../../src/store/postgres.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import type { PostgresPlace } from '../../src/store/postgres-place.ts';
import { createSqlite, openSqlite } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/vault/store.ts';
import { tempDir } from '../harness.ts';
import { databasesOfFile } from '../postgres/lifetimes.ts';

/** The engines, as the contract suite sees them: every test runs on each. */

/** An empty store that is there, and what a test does with it. */
export interface Empty {
  /** Opens it; a second time, as another process would. It is closed after the test. */
  readonly open: () => Promise<Store>;
  /** As whoever owns the database, beside the vault. */
  readonly sql: (text: string) => Promise<void>;
}

export interface Engine {
  readonly name: 'sqlite' | 'postgres';
  readonly empty: () => Promise<Empty>;
}

/** Runs tests over every engine. */
export function overEveryEngine(tests: (engine: Engine) => void): void {
  const databases = databasesOfFile();
  const postgres = async (): Promise<Empty> => {
    const { url, migrationUrl } = await databases();
    await migratePostgres(placeOf(migrationUrl), 'apply');
    return {
      open: () => closing(openPostgres(placeOf(url), random)),
      sql: (text) => askPostgres(migrationUrl, text),
    };
  };
  describe.each<Engine>([
    { name: 'sqlite', empty: sqlite },
    { name: 'postgres', empty: postgres },
  ])('$name', tests);
}

const random = (bytes: number): Uint8Array => randomBytes(bytes);

async function sqlite(): Promise<Empty> {
  const path = join(tempDir(), 'data', 'vault.db');
  createSqlite(path);
  return {
    open: () => closing(Promise.resolve(openSqlite(path))),
    sql: async (text) => {
      const db = new Database(path);
      try {
        db.exec(text);
      } finally {
        db.close();
      }
    },
  };
}

async function closing(opened: Promise<Store>): Promise<Store> {
  const store = await opened;
  // Also one that its test has closed: that is done once.
  onTestFinished(() => store.close());
  return store;
}

/** A database of the tests', as settings would say it. */
export function placeOf(url: string, connections = 4): PostgresPlace {
  const { hostname, port, username, password, pathname } = new URL(url);
  const passwordFile = join(tempDir(), 'password');
  writeFileSync(passwordFile, `${decodeURIComponent(password)}\n`, { mode: 0o600 });
  return {
    host: hostname,
    port: Number(port || '5432'),
    user: decodeURIComponent(username),
    database: pathname.slice(1),
    passwordFile,
    tls: false,
    ca: null,
    connections,
  };
}

export async function askPostgres(connectionString: string, text: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
