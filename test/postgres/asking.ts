import { cardNumber } from '../cards.ts';
import type { Served } from '../served.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Of Retry-After; null without. */
  readonly retryAfter: string | null;
}

/** Asks a vault as `load`, and takes every answer as it comes: what a client library would turn into an error too. */
export function asking(served: Served, apiKey: string) {
  const post = async (path: string, body: object): Promise<Answer> => {
    const answer = await fetch(new URL(path, served.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return {
      status: answer.status,
      text: await answer.text(),
      retryAfter: answer.headers.get('retry-after'),
    };
  };
  const tokenise = (n: number, collection = 'cards'): Promise<Answer> =>
    post('/v1/tokenise', { items: [{ collection, value: cardNumber(n) }] });
  const reveal = (token: string, collection = 'cards'): Promise<Answer> =>
    post('/v1/detokenise', { purpose: 'settlement', items: [{ collection, token }] });
  return {
    post,
    tokenise,
    reveal,
    value: cardNumber,
    /** Of a value that was kept. */
    token: async (n: number, collection = 'cards'): Promise<string> => {
      const { status, text } = await tokenise(n, collection);
      if (status !== 200) throw new Error(`tokenise was answered ${status}: ${text}`);
      return tokenIn(text);
    },
  };
}

export const tokenIn = (text: string): string => /"token":"(\d+)"/.exec(text)?.[1] ?? '';
