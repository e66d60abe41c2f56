import type { ChildProcess } from 'node:child_process';
import { nextMessage } from './children.ts';
import type { Order, Ran } from './driver.ts';
import { type Groups, groupsOf } from './groups.ts';
import type { Row } from './rows.ts';
import type { Place, Stream } from './callers.ts';
import type { Tally } from './stream.ts';
import { type Processor, processorTime } from './usage.ts';

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
  /** Rows and events of a group, and how long one took; NaN where that is not known. */
  readonly groupRows: number;
  readonly groupMs: number;
}

/** Who answers, and the processes whose time it takes. */
export interface Target {
  readonly place: Place;
  readonly pids: readonly number[];
  readonly metricsPorts: readonly (number | null)[];
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
    const { place, pids, metricsPorts } = target;
    const { verb, items, connections, crowd } = row;
    const streams = [take({ place, verb, items, connections }, seconds)];
    if (crowd > 0) {
      streams.push(take({ place, verb: 'tokenise', items: crowdItems, connections: crowd }, seconds));
    }
    const groupsBefore = await groupsOf(metricsPorts);
    const before = processorTimeOf(pids);
    driver.send({ kind: 'run', seconds, streams } satisfies Order);
    // Only our own driver is at the other end, and it answers every run with exactly this.
    const { tallies, spanMs, driverMs } = (await nextMessage(driver)) as Ran;
    const after = processorTimeOf(pids);
    const groups = groupsSince(groupsBefore, await groupsOf(metricsPorts));
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
      groupRows: groups.rows / groups.groups,
      groupMs: (groups.seconds * 1000) / groups.groups,
    };
  };
}

/** Of all of them together; null where there are none, or no /proc. */
function processorTimeOf(pids: readonly number[]): Processor | null {
  if (pids.length === 0) return null;
  const sum = { mainMs: 0, othersMs: 0 };
  for (const pid of pids) {
    const time = processorTime(pid);
    if (time === null) return null;
    sum.mainMs += time.mainMs;
    sum.othersMs += time.othersMs;
  }
  return sum;
}

const groupsSince = (before: Groups | null, after: Groups | null): Groups => ({
  groups: (after?.groups ?? Number.NaN) - (before?.groups ?? Number.NaN),
  rows: (after?.rows ?? Number.NaN) - (before?.rows ?? Number.NaN),
  seconds: (after?.seconds ?? Number.NaN) - (before?.seconds ?? Number.NaN),
});
