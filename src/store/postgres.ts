import { setTimeout as sleep } from 'node:timers/promises';
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

/** How often a read is asked before its caller is told, and how long after, in milliseconds. */
const READ_ATTEMPTS = 4;
const READ_PAUSE = 25;

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
    again(() => connections.use((session) => session.run(statement, values)));
  return {
    transact,
    // Writing is waiting here: there is nothing to be put aside.
    transactAside: (group, now, rowsKey) => transact(() => groupTransaction(group, now, headSeal(rowsKey))),
    found: (head, inserts) => foundOn(connections, head, inserts),
    authority: () => again(() => authorityNow(connections)),
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

/**
 * Connections may have ended while nobody used them, all at once where a server went away: what only reads is asked on others.
 */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const isLost = error instanceof PostgresFailure && error.trouble === 'lost';
      if (!isLost || attempt === READ_ATTEMPTS) throw error;
    }
    // The pool hears of the others meanwhile.
    await sleep(READ_PAUSE);
  }
}
