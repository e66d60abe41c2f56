import { readMigrationFiles } from 'drizzle-orm/migrator';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { StoreFailure } from '../vault/store.ts';
import { atTheDoor, PostgresFailure } from './postgres-door.ts';
import { mustBeDurable } from './postgres-durability.ts';
import { clientConfig, type PostgresPlace } from './postgres-place.ts';
import type { Connections } from './postgres-pool.ts';
import { Session } from './postgres-session.ts';
import { schemaFaults, schemaStateOf } from './postgres-schema.ts';

const FOLDER = fileURLToPath(new URL('../../drizzle/postgres', import.meta.url));

/** How long a migration may take, in milliseconds: it may rewrite a table. */
const PATIENCE = 3_600_000;
/** One process migrates at a time: the number is ours by chance, and the same in every release. */
const LOCK = 5_734_021_968;

/** A step of the schema. */
export interface Migration {
  /** As `0000_vault`. */
  readonly name: string;
  /** When it was made, in milliseconds: what tells it from others. */
  readonly at: number;
  readonly statements: readonly string[];
}

/** Every step of this release, in order. */
export function migrationsKnown(): readonly Migration[] {
  const journal: { entries: { tag: string }[] } = JSON.parse(
    readFileSync(`${FOLDER}/meta/_journal.json`, 'utf8'),
  );
  return readMigrationFiles({ migrationsFolder: FOLDER }).map(({ folderMillis, sql }, i) => ({
    name: journal.entries[i]?.tag ?? '',
    at: folderMillis,
    statements: sql.map((statement) => statement.trim()),
  }));
}

const TOLD = `set statement_timeout = ${PATIENCE}; set idle_in_transaction_session_timeout = ${PATIENCE}; set lock_timeout = '60s'`;

/** Makes the table in which drizzle's own tools would look, too. */
const KEPT = `create table if not exists public."__drizzle_migrations" ("id" bigserial primary key, "hash" text not null, "created_at" bigint)`;

/**
 * Applies what a database lacks, each step in a transaction of its own, while no other process does.
 * @param mode `dry-run` changes nothing
 * @returns what was applied, or would be
 * @throws StoreFailure
 */
export async function migratePostgres(
  place: PostgresPlace,
  mode: 'apply' | 'dry-run',
): Promise<readonly Migration[]> {
  const client = new Client({ ...clientConfig(place), query_timeout: PATIENCE });
  const session = new Session(client);
  try {
    // Within: a password file that does not read leaves a connection that is open.
    await atTheDoor(client.connect());
    await mustBeDurable(session);
    await session.script(`${TOLD}; select pg_advisory_lock(${LOCK})`);
    const state = await schemaStateOf(session);
    if (state.is === 'foreign') throw new PostgresFailure('other', 'refused', FOREIGN);
    const pending = migrationsKnown().filter(({ at }) => !state.applied.has(at));
    if (mode === 'apply' && pending.length > 0) await session.script(KEPT);
    if (mode === 'apply') for (const migration of pending) await apply(session, migration);
    return pending;
  } finally {
    await client.end();
  }
}

const FOREIGN = 'the database holds tables of these names that no migration of ours made';

/**
 * Gives an empty database its tables, and holds those of another against what this release needs.
 * @throws StoreFailure in words, where strongroom migrate is to be run or nothing helps
 */
export async function mustBeServable(connections: Connections, place: PostgresPlace): Promise<void> {
  const state = await connections.use(schemaStateOf);
  if (state.is === 'foreign') throw new PostgresFailure('other', 'refused', FOREIGN);
  if (state.is === 'empty') await migratePostgres(place, 'apply');
  else if (migrationsKnown().some(({ at }) => !state.applied.has(at)))
    throw new PostgresFailure('other', 'refused', OLDER);
  const faults = await connections.use(schemaFaults);
  if (faults.length > 0)
    throw new PostgresFailure(
      'other',
      'refused',
      `this release cannot serve the tables: ${faults.join('; ')}`,
    );
}

const OLDER = 'the tables are those of an earlier release: run strongroom migrate';

async function apply(session: Session, { name, at, statements }: Migration): Promise<void> {
  const note = `insert into public."__drizzle_migrations" ("hash", "created_at") values ('${name}', ${at})`;
  await session.begin();
  try {
    // Steps name their tables alone.
    await session.script('set local search_path = public, pg_temp');
    for (const statement of [...statements, note]) await session.script(statement);
  } catch (error) {
    await session.rollback();
    throw error;
  }
  if (!(await session.commit())) throw new StoreFailure('unknown', UNKNOWN);
}

const UNKNOWN = 'whether a migration was committed cannot be told: run strongroom migrate again';
