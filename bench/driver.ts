// The load, as a process of its own: makes a window's requests, drives them, and answers with what it saw.
import type { Stream } from './callers.ts';
import { ready, type Tally } from './stream.ts';

export type Order =
  | { readonly kind: 'tokens'; readonly tokens: readonly string[] }
  | { readonly kind: 'run'; readonly seconds: number; readonly streams: readonly Stream[] };

export interface Ran {
  readonly tallies: readonly Tally[];
  /** From the first request to the last answer, and this process's own processor time within it. */
  readonly spanMs: number;
  readonly driverMs: number;
}

let tokens: readonly string[] = [];

async function run(seconds: number, streams: readonly Stream[]): Promise<Ran> {
  const set = await Promise.all(streams.map((stream) => ready(stream, tokens)));
  const before = process.cpuUsage();
  const began = performance.now();
  const tallies = await Promise.all(set.map((stream) => stream.start(seconds)));
  const spanMs = performance.now() - began;
  const used = process.cpuUsage(before);
  return { tallies, spanMs, driverMs: (used.user + used.system) / 1000 };
}

process.on('message', (order: Order) => {
  if (order.kind === 'tokens') {
    tokens = order.tokens;
    return;
  }
  // An error ends this process, which is how the parent learns of it.
  void run(order.seconds, order.streams).then((ran) => process.send?.(ran));
});
// Orphans would hold a core busy: no parent, no driver.
process.on('disconnect', () => process.exit(0));
