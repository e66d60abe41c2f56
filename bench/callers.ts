import { openConnection } from './connection.ts';
import { type Cipher, openPgcrypto } from './pgcrypto.ts';
import { cardNumber, requests, type Verb } from './requests.ts';

/** Who is asked: one or more servers over HTTP, in turn, or a table of pgcrypto's. */
export type Place =
  | { readonly kind: 'http'; readonly ports: readonly number[]; readonly key: string }
  | { readonly kind: 'table'; readonly url: string; readonly cipher: Cipher; readonly rows: number };

/** Callers that ask one thing over and over, each as soon as its last answer is there. */
export interface Stream {
  readonly place: Place;
  readonly verb: Verb;
  readonly items: number;
  readonly connections: number;
  /** First card number and how many requests to make of them; tokens instead when the verb is detokenise. */
  readonly from: number;
  readonly requests: number;
}

/** A connection that asks the `n`-th request. */
export interface Ask {
  ask(n: number): void;
  close(): void;
}

/** Requests made beforehand, and how a caller opens its connection; an answer is null, or what it failed with. */
export interface Opening {
  readonly count: number;
  readonly open: (
    caller: number,
    onAnswer: (failure: string | null) => void,
    onLost: (reason: string) => void,
  ) => Promise<Ask>;
}

type Http = Extract<Place, { kind: 'http' }>;
type Table = Extract<Place, { kind: 'table' }>;

export function httpCallers(stream: Stream, { ports, key }: Http, tokens: readonly string[]): Opening {
  const { verb, items, from } = stream;
  const count =
    verb === 'detokenise' ? Math.min(stream.requests, Math.floor(tokens.length / items)) : stream.requests;
  const textAt = (i: number): string =>
    verb === 'detokenise' ? (tokens[(from + i) % tokens.length] ?? '') : cardNumber(from + i);
  // The port stands in the Host header, which nobody reads: one set of bytes serves all replicas.
  const bytes = requests(verb, ports[0] ?? 0, key, { count, items }, textAt);
  return {
    count,
    open: async (caller, onAnswer, onLost) => {
      const connection = await openConnection(
        ports[caller % ports.length] ?? 0,
        (status, body) => onAnswer(status === 200 ? null : failureOf(status, body)),
        onLost,
      );
      return {
        ask: (n) => connection.ask(bytes[n] ?? Buffer.alloc(0)),
        close: () => connection.close(),
      };
    },
  };
}

/** A statement is made when it is asked: what is measured is a program that does that, as the vault does. */
export function tableCallers(stream: Stream, { url, cipher, rows }: Table): Opening {
  const { verb, items, from, requests: count } = stream;
  return {
    count,
    open: async (_caller, onAnswer, onLost) => {
      const table = await openPgcrypto(url, cipher);
      const run = (n: number): Promise<void> =>
        verb === 'detokenise'
          ? table.read((from + n * items) % (rows - items + 1), items)
          : table.insert(from + n * items, items);
      return {
        ask: (n) =>
          void run(n).then(
            () => onAnswer(null),
            (error: unknown) => onLost(error instanceof Error ? error.name : 'error'),
          ),
        close: () => void table.close().catch(() => undefined),
      };
    },
  };
}

function failureOf(status: number, body: Buffer): string {
  const code = /"code":"([a-z_]+)"/.exec(body.toString('latin1', 0, 4096));
  return code === null ? String(status) : `${status} ${code[1]}`;
}
