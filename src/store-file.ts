import { CommandRefused } from './cli/refusal.ts';
import type { Settings } from './config/settings.ts';

/**
 * The path of a store that is a file.
 * @param work what wants a file, as the subject of a sentence
 * @throws CommandRefused where the store is on PostgreSQL
 */
export function storeFile({ store }: Settings, work: string): string {
  if (store.engine === 'sqlite') return store.path;
  throw new CommandRefused(
    `${work} is of stores in a file, and this one is on PostgreSQL: use its own tools (docs/postgres.md)`,
  );
}
