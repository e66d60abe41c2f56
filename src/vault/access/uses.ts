import type { Secret } from '../../crypto/key.ts';
import { NOTHING } from '../commit/commit.ts';
import type { CommitQueue } from '../commit/queue.ts';
import { isAuthentic, signRow } from '../custody/authentic.ts';
import type { UseRow } from '../rows.ts';
import type { Store } from '../store.ts';

const MINUTE = 60_000;
/** Rows of one commit. */
const MOST_ROWS = 64;

/**
 * When each API key was last used, to the minute: kept in memory and written now and then, a row a key and minute at
 * most. A hint for custodians, which a crash may lose; the log is the truth.
 */
export class Uses {
  /** By key id, in milliseconds: no more than there are live keys. */
  readonly #last = new Map<string, number>();
  readonly #waiting = new Map<string, Omit<UseRow, 'mac'>>();

  /** On the way of every request. */
  note(keyId: string, client: string, now: number): void {
    const at = now - (now % MINUTE);
    if (this.#last.get(keyId) === at) return;
    this.#last.set(keyId, at);
    this.#waiting.set(keyId, { keyId, client, at });
  }

  /** Writes what has been noted since the last time; what cannot be written now waits for the next. */
  async flush(queue: CommitQueue, rowsKey: Secret): Promise<void> {
    const rows = [...this.#waiting.values()];
    this.#waiting.clear();
    for (let i = 0; i < rows.length; i += MOST_ROWS) {
      const some = rows.slice(i, i + MOST_ROWS);
      const uses = some.map((row) => signRow(rowsKey, 'uses', row));
      try {
        await queue.submit({ ...NOTHING, uses });
      } catch {
        for (const row of some) if (!this.#waiting.has(row.keyId)) this.#waiting.set(row.keyId, row);
      }
    }
  }

  /** When keys were last used, in milliseconds, by key id: as stored, or as this process knows better. */
  async lastOf(
    keyIds: readonly string[],
    store: Store,
    rowsKey: Secret,
  ): Promise<ReadonlyMap<string, number>> {
    const stored = await store.uses(keyIds);
    const last = new Map<string, number>();
    for (const [i, keyId] of keyIds.entries()) {
      const row = stored[i] ?? null;
      // What the vault did not write is no hint: audit verify names it.
      const written = row !== null && isAuthentic(rowsKey, 'uses', row) ? row.at : null;
      const known = this.#last.get(keyId) ?? null;
      if (written !== null || known !== null) last.set(keyId, Math.max(written ?? 0, known ?? 0));
    }
    return last;
  }
}
