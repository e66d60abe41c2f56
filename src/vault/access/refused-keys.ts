import { NOTHING } from '../commit/commit.ts';
import type { CommitQueue } from '../commit/queue.ts';
import { MOST_ADDRESSES, systemDraft } from '../refusals.ts';

/** Why the holder of a true API key is nobody all the same; `secret` where the id is a key's and the rest is not. */
export type KeyRefusal = 'revoked' | 'expired' | 'key ended' | 'address' | 'secret';

/** A key that was refused, since the last event told of it. */
interface Noted {
  readonly client: string;
  readonly key: string;
  readonly reason: KeyRefusal;
  readonly from: Set<string>;
  count: number;
}

/** Keys that are named between two runs. */
const MOST_KEYS = 1000;

/**
 * True keys that were refused, perhaps a stolen one, and keys made up around the id of a true one. Its holder is told what anybody is; the auditor is told which key,
 * why and from where, in one event a key, reason and run, so that whoever has a key cannot flood the log with it.
 */
export class RefusedKeys {
  #noted = new Map<string, Noted>();

  note(key: string, client: string, reason: KeyRefusal, from: string | null): void {
    const slot = `${key} ${reason}`;
    const noted = this.#noted.get(slot) ?? { client, key, reason, from: new Set<string>(), count: 0 };
    noted.count++;
    if (from !== null && noted.from.size < MOST_ADDRESSES) noted.from.add(from);
    if (this.#noted.size < MOST_KEYS) this.#noted.set(slot, noted);
  }

  /** Commits an event for each; keeps them if that fails. */
  async flush(queue: CommitQueue, random: (bytes: number) => Uint8Array): Promise<void> {
    if (this.#noted.size === 0) return;
    const noted = this.#noted;
    this.#noted = new Map();
    const drafts = [...noted.values()].map(({ client, key, reason, from, count }) => {
      const facts = { reason, detail: { client, key, from: [...from], count } };
      return systemDraft('door', 'key_refused', 'denied', facts, random);
    });
    try {
      await queue.submit({ ...NOTHING, drafts });
    } catch {
      for (const [slot, since] of this.#noted) noted.set(slot, joined(noted.get(slot), since));
      this.#noted = noted;
    }
  }
}

const joined = (before: Noted | undefined, since: Noted): Noted => ({
  ...since,
  from: new Set([...(before?.from ?? []), ...since.from].slice(0, MOST_ADDRESSES)),
  count: since.count + (before?.count ?? 0),
});
