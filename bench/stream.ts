import { openConnection, type Connection } from './connection.ts';
import { cardNumber, requests, type Verb } from './requests.ts';

/** Callers that ask one thing over and over, each as soon as its last answer is there. */
export interface Stream {
  readonly port: number;
  readonly key: string;
  readonly verb: Verb;
  readonly items: number;
  readonly connections: number;
  /** First card number and how many requests to make of them; tokens instead when the verb is detokenise. */
  readonly from: number;
  readonly requests: number;
}

/** What one stream saw. Times in milliseconds; `inWindow` of `answered` came before the window closed. */
export interface Tally {
  readonly answered: number;
  readonly inWindow: number;
  readonly windowMs: number;
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 200, and lost connections, by status and code. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface Ready {
  start(seconds: number): Promise<Tally>;
}

const drainMs = 10_000;

function prepare(stream: Stream, tokens: readonly string[]): Buffer[] {
  const { verb, port, key, items, from } = stream;
  if (verb !== 'detokenise') {
    return requests(verb, port, key, { count: stream.requests, items }, (i) => cardNumber(from + i));
  }
  const count = Math.min(stream.requests, Math.floor(tokens.length / items));
  return requests(verb, port, key, { count, items }, (i) => tokens[(from + i) % tokens.length] ?? '');
}

function failureOf(status: number, body: Buffer): string {
  const code = /"code":"([a-z_]+)"/.exec(body.toString('latin1', 0, 4096));
  return code === null ? String(status) : `${status} ${code[1]}`;
}

/** Opens the stream's connections; `start` sets them going, `done` is the tally after the last answer. */
export async function ready(stream: Stream, tokens: readonly string[]): Promise<Ready> {
  const bytes = prepare(stream, tokens);
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  let next = 0;
  let inWindow = 0;
  let began = 0;
  let closes = 0;
  let open = stream.connections;
  let finish: (() => void) | null = null;

  function rest(): void {
    open--;
    if (open === 0) finish?.();
  }
  function fail(name: string): void {
    failures[name] = (failures[name] ?? 0) + 1;
  }
  async function caller(): Promise<() => void> {
    let sent = 0;
    const connection: Connection = await openConnection(
      stream.port,
      (status, body) => {
        const now = performance.now();
        if (status === 200) {
          latencies.push(now - sent);
          if (now <= closes) inWindow++;
        } else fail(failureOf(status, body));
        ask();
      },
      (reason) => {
        fail(reason);
        rest();
      },
    );
    function ask(): void {
      sent = performance.now();
      // A value is new only once; tokens and echoes may come round again.
      if (next === bytes.length && stream.verb === 'tokenise') closes = Math.min(closes, sent);
      const request = bytes[next % bytes.length];
      if (sent < closes && request !== undefined) {
        next++;
        return connection.ask(request);
      }
      connection.close();
      rest();
    }
    return ask;
  }

  const callers = await Promise.all(Array.from({ length: stream.connections }, caller));
  return {
    async start(seconds) {
      began = performance.now();
      closes = began + seconds * 1000;
      const finished = new Promise<void>((resolve) => (finish = resolve));
      for (const ask of callers) ask();
      let timer: NodeJS.Timeout | null = null;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, seconds * 1000 + drainMs)));
      await Promise.race([finished, late]);
      if (timer !== null) clearTimeout(timer);
      if (open > 0) failures['no answer'] = open;
      latencies.sort((a, b) => a - b);
      const at = (share: number): number => latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN;
      const windowMs = closes - began;
      return { answered: latencies.length, inWindow, windowMs, p50: at(0.5), p99: at(0.99), failures };
    },
  };
}
