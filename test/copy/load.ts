import { connect } from '../../src/client/client.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { VaultError } from '../../src/vault/error.ts';
import { cardNumber } from '../cards.ts';

/** What callers of a vault were told while it is moved. */

export interface Acknowledged {
  /** Values by the tokens that were answered. */
  readonly known: ReadonlyMap<string, string>;
  /** The code by which each caller was refused in the end, or `answered` for one that never was. */
  readonly ended: Promise<readonly string[]>;
  /** Whoever has not been refused by now asks no more. */
  readonly stop: () => void;
}

/** Callers that tokenise in a loop until they are refused, one at each of these addresses; the first in large requests. */
export function acknowledgedOf(urls: readonly string[], apiKey: string): Acknowledged {
  const known = new Map<string, string>();
  let next = 0;
  let isStopped = false;
  const ended = urls.map(async (url, lane) => {
    const vault = connect({ url, apiKey });
    for (;;) {
      if (isStopped) return 'answered';
      const values = Array.from({ length: lane === 0 ? 200 : 1 }, () => cardNumber(next++));
      try {
        const tokens = await tokenise(vault, values);
        for (const [i, token] of tokens.entries()) known.set(token, values[i] ?? '');
      } catch (error) {
        if (error instanceof VaultError) return error.code;
        throw error;
      }
    }
  });
  return {
    known,
    ended: Promise.all(ended),
    stop: () => {
      isStopped = true;
    },
  };
}

export async function tokenise(vault: BoundVault, values: readonly string[]): Promise<string[]> {
  const { items } = await vault.tokenise({
    items: values.map((value) => ({ collection: 'customer-pan', value })),
  });
  return items.map((item) => {
    if ('token' in item) return item.token;
    throw new Error(`an item was refused: ${item.error.code}`);
  });
}

/** What the vault answers for tokens: values, or codes. */
export async function revealed(
  vault: BoundVault,
  known: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const told = new Map<string, string>();
  const tokens = [...known.keys()];
  for (let from = 0; from < tokens.length; from += 1000) {
    const asked = tokens.slice(from, from + 1000);
    const items = asked.map((token) => ({ collection: 'customer-pan', token }));
    const answer = await vault.detokenise({ purpose: 'settlement', items });
    for (const [i, item] of answer.items.entries())
      told.set(asked[i] ?? '', 'value' in item ? item.value : item.error.code);
  }
  return told;
}
