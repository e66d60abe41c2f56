import type { Secret } from '../crypto/key.ts';
import { keyedHash } from '../crypto/mac.ts';
import { NOTHING } from './commit/commit.ts';
import type { CommitQueue } from './commit/queue.ts';
import type { World } from './core.ts';
import { isId, ROW_ID } from './id.ts';
import { systemDraft } from './refusals.ts';
import type { Table } from './rows.ts';

/** A row, or a table, that does not authenticate. `record` is its key: never data. */
export interface Finding {
  readonly table: Table | 'earlier' | 'events' | 'head';
  readonly record: string;
  readonly problem: string;
}

/** What is wrong with a row whose MAC or cell is not its own. */
export const EDITED = 'a row is not as the vault wrote it';

/** Findings that become events by name: whoever writes the database could otherwise make any number of them. */
const MOST_NAMED = 1000;

/** What was found not to authenticate. Each finding becomes an event and a notice, once a process. */
export class Findings {
  readonly #waiting = new Map<string, Finding>();
  readonly #told = new Set<string>();
  #raising: Promise<void> | null = null;

  /** Notes a finding. Past the bound a table has one more, which says that there are others. */
  readonly note = (finding: Finding): void => {
    const isFull = this.count >= MOST_NAMED;
    const noted = isFull ? { ...finding, record: '*', problem: 'more records than are named' } : finding;
    const id = `${noted.table} ${noted.record} ${noted.problem}`;
    if (!this.#told.has(id)) this.#waiting.set(id, noted);
  };

  /** Those that were noted, told or not. */
  get count(): number {
    return this.#waiting.size + this.#told.size;
  }

  /** Commits an event for each that waits. What cannot be committed now waits for the next time. */
  raise(queue: CommitQueue, world: World): Promise<void> {
    this.#raising ??= this.#raiseAll(queue, world).finally(() => {
      this.#raising = null;
    });
    return this.#raising;
  }

  async #raiseAll(queue: CommitQueue, world: World): Promise<void> {
    for (const [id, { table, record, problem }] of this.#waiting) {
      const facts = { detail: { table, record, problem } };
      const drafts = [systemDraft('integrity', 'integrity', 'failed', facts, world.random)];
      try {
        await queue.submit({ ...NOTHING, drafts });
      } catch {
        return;
      }
      this.#waiting.delete(id);
      this.#told.add(id);
      world.notice({ kind: 'integrity', table, record, problem });
    }
  }
}

/**
 * Names a record by the columns of its key. What has not the form of an id of ours may be anything that somebody wrote
 * into the database, of any length: it is named by a keyed hash.
 */
export const recordName = (key: Secret, columns: readonly unknown[]): string =>
  columns
    .map((column) => {
      if (typeof column === 'number' || (typeof column === 'string' && isId(column))) return String(column);
      const hash = keyedHash(key, 'strongroom/record/v1', String(column).replaceAll(/\p{Surrogate}/gu, ''));
      return `#${Buffer.from(hash).toString('base64url')}`;
    })
    .join(' ');

/** Names a row by its id, in hex. */
export const rowName = (row: Uint8Array): string =>
  row.length === ROW_ID ? Buffer.from(row).toString('hex') : '#';
