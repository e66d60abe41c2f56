import { connect } from '../../src/client/client.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { cardNumber } from '../cards.ts';
import type { Served } from '../served.ts';
import type { StoredEvent } from './made-vault.ts';

/** What a vault has acknowledged, kept by its caller: after any crash all of it must still be so. */

export class Ledger {
  readonly #values = new Map<string, string>();
  readonly #known = new Map<string, string>();
  /** Tokens that were changed once: the value that each was given, or null for an erased one. */
  readonly #changed = new Map<string, string | null>();
  /** Every token of the random collection. */
  readonly #issued = new Set<string>();
  readonly #reveals: { readonly request: string; readonly items: number }[] = [];
  #next = 1;

  get size(): number {
    return this.#values.size + this.#known.size + this.#changed.size + this.#reveals.length;
  }

  /**
   * Asks in a loop until the vault no longer answers, or it is over; whatever is answered goes on record.
   * @returns what ended it; null when it was over
   */
  async load(
    served: Served,
    apiKey: string,
    random: () => number,
    isOver: () => boolean = () => false,
  ): Promise<unknown> {
    const vault = connect({ url: served.url, apiKey, timeout: 60_000 });
    while (!isOver()) {
      try {
        await this.#one(vault, random);
      } catch (error) {
        // Nothing was acknowledged; a wrong answer is another matter.
        if (error instanceof WrongAnswer) throw error;
        return error;
      }
    }
    return null;
  }

  async #one(vault: BoundVault, random: () => number): Promise<void> {
    const kind = random();
    if (kind < 0.4) {
      const values = Array.from({ length: kind < 0.02 ? 200 : 1 }, () => cardNumber(this.#next++));
      const { items } = await vault.tokenise({
        items: values.map((value) => ({ collection: 'cards', value })),
      });
      for (const [i, item] of items.entries())
        if ('token' in item) {
          this.#issue(item.token);
          this.#values.set(item.token, values[i] ?? '');
        }
    } else if (kind < 0.5) {
      await this.#change(vault, kind < 0.45);
    } else if (kind < 0.65) {
      const value = cardNumber(900_000_000 + Math.floor(random() * 50));
      const { items } = await vault.tokenise({ items: [{ collection: 'cards-known', value }] });
      for (const item of items) if ('token' in item) this.#sameToken(value, item.token);
    } else {
      const tokens = [...this.#values.keys()].slice(-20);
      const token = tokens[Math.floor(random() * tokens.length)];
      if (token !== undefined) await this.#reveal(vault, 'cards', [token], this.#values);
    }
  }

  /** A token of its own, that nobody else reads, so that a change of which no answer came is no matter. */
  async #change(vault: BoundVault, isErased: boolean): Promise<void> {
    const value = cardNumber(this.#next++);
    const made = await vault.tokenise({ items: [{ collection: 'cards', value }] });
    const token = made.items[0] !== undefined && 'token' in made.items[0] ? made.items[0].token : '';
    this.#issue(token);
    const named = { collection: 'cards', token };
    const next = cardNumber(this.#next++);
    const { items } = isErased
      ? await vault.erase({ reason: 'asked', items: [named] })
      : await vault.replace({ items: [{ ...named, value: next, ifVersion: 1 }] });
    if (items[0] !== undefined && !('error' in items[0])) this.#changed.set(token, isErased ? null : next);
  }

  /** No token is issued twice, whatever became of it. */
  #issue(token: string): void {
    if (this.#issued.has(token)) throw new WrongAnswer('a token was issued twice');
    this.#issued.add(token);
  }

  /** What was erased stays so, and what was replaced has its new value. */
  async #checkChanged(vault: BoundVault, tokens: readonly string[]): Promise<void> {
    const asked = tokens.map((token) => ({ collection: 'cards', token }));
    const { items } = await vault.detokenise({ purpose: 'settlement', items: asked });
    for (const [i, item] of items.entries()) {
      const expected = this.#changed.get(tokens[i] ?? '');
      const shown = 'value' in item ? item.value : item.error.code;
      if (shown !== (expected ?? 'token_not_found'))
        throw new WrongAnswer(`a changed token was answered ${JSON.stringify(item)}`);
    }
  }

  #sameToken(value: string, token: string): void {
    const before = this.#known.get(value);
    if (before !== undefined && before !== token) throw new WrongAnswer('a deterministic token changed');
    this.#known.set(value, token);
  }

  async #reveal(
    vault: BoundVault,
    collection: string,
    tokens: readonly string[],
    values: ReadonlyMap<string, string>,
  ): Promise<void> {
    const asked = tokens.map((token) => ({ collection, token }));
    const { items, requestId } = await vault.detokenise({ purpose: 'settlement', items: asked });
    for (const [i, item] of items.entries()) {
      const expected = values.get(tokens[i] ?? '');
      if (!('value' in item) || item.value !== expected)
        throw new WrongAnswer(`an acknowledged token was answered ${JSON.stringify(item)}`);
    }
    this.#reveals.push({ request: requestId, items: tokens.length });
  }

  /** Everything that was acknowledged, asked for again of a vault that was started anew. */
  async check(served: Served, apiKey: string): Promise<void> {
    const vault = connect({ url: served.url, apiKey });
    for (const part of parts([...this.#values.keys()], 1000))
      await this.#reveal(vault, 'cards', part, this.#values);
    for (const part of parts([...this.#changed.keys()], 1000)) await this.#checkChanged(vault, part);
    const reversed = new Map([...this.#known].map(([value, token]) => [token, value]));
    for (const part of parts([...reversed.keys()], 1000))
      await this.#reveal(vault, 'cards-known', part, reversed);
    for (const part of parts([...this.#known.keys()], 1000)) {
      const { items } = await vault.tokenise({
        items: part.map((value) => ({ collection: 'cards-known', value })),
      });
      for (const [i, item] of items.entries())
        this.#sameToken(part[i] ?? '', 'token' in item ? item.token : '');
    }
  }

  /** No value was answered without its event. */
  checkEvents(events: readonly StoredEvent[]): void {
    const shown = new Map<unknown, number>();
    for (const { action, outcome, request } of events)
      if (action === 'detokenise' && outcome === 'done') shown.set(request, (shown.get(request) ?? 0) + 1);
    for (const { request, items } of this.#reveals) {
      if (shown.get(request) !== items)
        throw new WrongAnswer(`reveal ${request} of ${items} has ${shown.get(request) ?? 0} events`);
    }
  }
}

class WrongAnswer extends Error {}

function parts<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
