import { type Ask, httpCallers, type Opening, type Stream, tableCallers } from './callers.ts';

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

const openingOf = (stream: Stream, tokens: readonly string[]): Opening =>
  stream.place.kind === 'http'
    ? httpCallers(stream, stream.place, tokens)
    : tableCallers(stream, stream.place);

/** Opens the stream's connections; `start` sets them going, `done` is the tally after the last answer. */
export async function ready(stream: Stream, tokens: readonly string[]): Promise<Ready> {
  const { count, open: openCaller } = openingOf(stream, tokens);
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
  async function caller(_: unknown, index: number): Promise<() => void> {
    let sent = 0;
    const connection: Ask = await openCaller(
      index,
      (failure) => {
        const now = performance.now();
        if (failure === null) {
          latencies.push(now - sent);
          if (now <= closes) inWindow++;
        } else fail(failure);
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
      if (next === count && stream.verb === 'tokenise') closes = Math.min(closes, sent);
      if (sent < closes && count > 0) return connection.ask(next++ % count);
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
