import { StoreFailure } from '../vault/store.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { visit } from './postgres-visit.ts';

const SIZE = { name: 'size_of_database', text: 'select pg_database_size(current_database())' };

/**
 * In bytes, with all that waits to be vacuumed; null where the server does not tell. On a connection of its own: those that
 * serve may all be in use when it is asked.
 */
export const sizeOfDatabase = (place: PostgresPlace): Promise<number | null> =>
  visit(place, async (session) => Number((await session.run(SIZE)).rows[0]?.[0])).catch((error: unknown) => {
    if (error instanceof StoreFailure) return null;
    throw error;
  });
