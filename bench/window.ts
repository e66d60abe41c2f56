import type { ChildProcess } from 'node:child_process';
import { nextMessage } from './children.ts';
import type { Order, Ran } from './driver.ts';
import type { Row } from './rows.ts';
import type { Stream, Tally } from './stream.ts';
import { processorTime } from './usage.ts';
import type { Target } from './vault.ts';

/** What one row did in one round. Times in milliseconds, shares of one core, `costUs` processor time a value. */
export interface Sample {
  readonly requests: number;
  readonly values: number;
  readonly p50: number;
  readonly p99: number;
  readonly main: number;
  readonly others: number;
  readonly driver: number;
  readonly costUs: number;
  readonly failures: Readonly<Record<string, number>>;
}

export type Targets = Readonly<Record<Row['target'], Target | null>>;

// More than is reached, so that a window ends by the clock; a window that runs out of new values ends early.
const mostRequests = 20_000;
const mostValues = 80_000;
const crowdItems = 1000;

function namedFailures({ failures }: Tally, stream: number): [string, number][] {
  return Object.entries(failures).map(([name, count]) => [stream === 0 ? name : `crowd: ${name}`, count]);
}

/** Measures rows one window at a time; card numbers from `first` on are new and are never used twice. */
export function createMeter(driver: ChildProcess, targets: Targets, first: number) {
  let next = first;

  function take(stream: Omit<Stream, 'from' | 'requests'>, seconds: number): Stream {
    const requests = Math.ceil(seconds * Math.min(mostRequests, mostValues / stream.items));
    const from = next;
    next += requests * stream.items;
    return { ...stream, from, requests };
  }

  return async function measure(row: Row, seconds: number): Promise<Sample> {
    const target = targets[row.target];
    if (target === null) throw new Error(`${row.name} needs ${row.target}, which was not started`);
    const { port, key, pid } = target;
    const { verb, items, connections, crowd } = row;
    const streams = [take({ port, key, verb, items, connections }, seconds)];
    if (crowd > 0) {
      streams.push(take({ port, key, verb: 'tokenise', items: crowdItems, connections: crowd }, seconds));
    }
    const before = processorTime(pid);
    driver.send({ kind: 'run', seconds, streams } satisfies Order);
    // Only our own driver is at the other end, and it answers every run with exactly this.
    const { tallies, spanMs, driverMs } = (await nextMessage(driver)) as Ran;
    const after = processorTime(pid);
    const [seen] = tallies;
    if (seen === undefined) throw new Error('the driver answered without a tally');
    const mainMs = before === null || after === null ? Number.NaN : after.mainMs - before.mainMs;
    const othersMs = before === null || after === null ? Number.NaN : after.othersMs - before.othersMs;
    const requests = (seen.inWindow * 1000) / seen.windowMs;
    return {
      requests,
      values: requests * items,
      p50: seen.p50,
      p99: seen.p99,
      main: mainMs / spanMs,
      others: othersMs / spanMs,
      driver: driverMs / spanMs,
      // With a crowd the time is mostly the crowd's: nothing could be said of a value.
      costUs: crowd > 0 ? Number.NaN : ((mainMs + othersMs) * 1000) / (seen.answered * items),
      failures: Object.fromEntries(tallies.flatMap(namedFailures)),
    };
  };
}
