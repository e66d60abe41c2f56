import type { Code } from '../wire/codes.ts';
import { NOTHING } from './commit/commit.ts';
import type { CommitQueue } from './commit/queue.ts';
import type { Draft, Facts } from './commit/event.ts';

/** The vault's own hand, for events that nobody asked for. */
export const systemDraft = (
  name: string,
  action: string,
  outcome: Draft['outcome'],
  facts: Facts,
  random: (bytes: number) => Uint8Array,
): Draft => ({
  action,
  outcome,
  actor: { id: `system:${name}`, kind: 'system' },
  origin: {
    via: 'system',
    to: 'caller',
    from: null,
    request: Buffer.from(random(12)).toString('base64url'),
    trace: null,
  },
  facts,
  salt: random(16),
});

/** Addresses that one event names. */
export const MOST_ADDRESSES = 8;

/**
 * Refusals before a caller is known or a body is parsed: counted, and the counts committed as one event, so that
 * somebody who floods the door cannot flood the log.
 */
export class Refusals {
  #counts = new Map<Code, number>();
  #from = new Set<string>();

  /** @param from the caller's address; kept of those who were not let in, and of others nothing but the number */
  count(code: Code, from: string | null): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    if (code === 'unauthenticated') this.#note(from);
  }

  #note(from: string | null): void {
    if (from !== null && this.#from.size < MOST_ADDRESSES) this.#from.add(from);
  }

  /** Commits what was counted since the last time; keeps it if that fails. */
  async flush(queue: CommitQueue, random: (bytes: number) => Uint8Array): Promise<void> {
    if (this.#counts.size === 0) return;
    const counts = this.#counts;
    const from = this.#from;
    this.#counts = new Map();
    this.#from = new Set();
    const addresses = from.size === 0 ? {} : { from: [...from] };
    const facts = { detail: { ...Object.fromEntries(counts), ...addresses } };
    try {
      await queue.submit({ ...NOTHING, drafts: [systemDraft('door', 'refusals', 'denied', facts, random)] });
    } catch {
      for (const [code, count] of counts) this.#counts.set(code, (this.#counts.get(code) ?? 0) + count);
      for (const one of from) this.#note(one);
    }
  }
}
