import { headSeal } from '../vault/commit/head.ts';
import { groupTransaction } from '../vault/commit/transaction.ts';
import type { Store } from '../vault/store.ts';
import { PostgresFailure } from './postgres-door.ts';
import { drive } from './postgres-drive.ts';
import { foundOn } from './postgres-founding.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { type Connections, postgresPool } from './postgres-pool.ts';
import { type Ask, authorityOf, postgresReads, READ_AUTHORITY } from './postgres-reads.ts';
import { mustBeServable } from './postgres-migrations.ts';
import { postgresSnapshot } from './postgres-snapshot.ts';

/**
 * Opens a store in a database of PostgreSQL. An empty one is given its tables.
 * @param random bytes, for the pauses between attempts
 * @throws StoreFailure where it cannot be reached, does not keep what it acknowledges, or has not the tables of this release
 */
export async function openPostgres(
  place: PostgresPlace,
  random: (bytes: number) => Uint8Array,
): Promise<Store> {
  const connections = postgresPool(place);
  try {
    await mustBeServable(connections, place);
  } catch (error) {
    await connections.close();
    throw error;
  }
  const chance = (): number => (random(1)[0] ?? 0) / 255;
  const transact: Store['transact'] = (transaction) => drive(connections, transaction, chance);
  const ask: Ask = (statement, values) =>
    twice(() => connections.use((session) => session.run(statement, values)));
  return {
    transact,
    // Writing is waiting here: there is nothing to be put aside.
    transactAside: (group, now, rowsKey) => transact(() => groupTransaction(group, now, headSeal(rowsKey))),
    found: (head, inserts) => foundOn(connections, head, inserts),
    authority: () => twice(() => authorityNow(connections)),
    ...postgresReads(ask),
    snapshot: () => postgresSnapshot(place),
    close: () => connections.close(),
  };
}

const authorityNow = (connections: Connections) =>
  connections.use(async (session) => {
    const answers = await session.script(
      `begin isolation level repeatable read read only; ${READ_AUTHORITY}; commit`,
    );
    return authorityOf(answers.slice(1));
  });

/** A connection may have ended while nobody used it: what only reads is asked on another one. */
async function twice<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof PostgresFailure) || error.trouble !== 'lost') throw error;
    return ask();
  }
}
