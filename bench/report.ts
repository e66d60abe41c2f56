import type { Row } from './rows.ts';
import type { Sample } from './window.ts';

/** A row's medians over its rounds; NaN (null in JSON) where nothing could be read. */
export interface Result {
  readonly name: string;
  readonly meaning: string;
  readonly requests: number;
  readonly values: number;
  readonly p50: number;
  readonly p99: number;
  readonly ratio: number | null;
  readonly goal: string | null;
  readonly reached: boolean | null;
  readonly main: number;
  readonly others: number;
  readonly driver: number;
  readonly costUs: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly groupRows: number;
  readonly groupMs: number;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  const high = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (low + high) / 2;
}

/** Medians of each row; a ratio is taken within each round, so that a slow minute of the machine hits both sides. */
export function summarise(rows: readonly Row[], samples: ReadonlyMap<string, readonly Sample[]>): Result[] {
  return rows.map((row) => {
    const own = samples.get(row.name) ?? [];
    const { goal } = row;
    const of = (read: (sample: Sample) => number): number => median(own.map(read));
    const per = goal?.kind === 'ratio' ? goal.per : 'requests';
    const yardstick = goal?.kind === 'ratio' ? (samples.get(goal.of) ?? []) : [];
    const ratio = median(own.map((sample, round) => sample.values / (yardstick[round]?.[per] ?? Number.NaN)));
    const p50 = of((sample) => sample.p50);
    const failures: Record<string, number> = {};
    for (const [name, count] of own.flatMap((sample) => Object.entries(sample.failures))) {
      failures[name] = (failures[name] ?? 0) + count;
    }
    return {
      name: row.name,
      meaning: row.meaning,
      requests: of((sample) => sample.requests),
      values: of((sample) => sample.values),
      p50,
      p99: of((sample) => sample.p99),
      ratio: goal?.kind === 'ratio' ? ratio : null,
      goal:
        goal === null
          ? null
          : goal.kind === 'ratio'
            ? `>= ${goal.least} of ${goal.of}`
            : `p50 < ${goal.under} ms`,
      reached: goal === null ? null : goal.kind === 'ratio' ? ratio >= goal.least : p50 < goal.under,
      main: of((sample) => sample.main),
      others: of((sample) => sample.others),
      driver: of((sample) => sample.driver),
      costUs: of((sample) => sample.costUs),
      failures,
      groupRows: of((sample) => sample.groupRows),
      groupMs: of((sample) => sample.groupMs),
    };
  });
}

const columns: readonly { readonly head: string; readonly cell: (result: Result) => string }[] = [
  { head: 'row', cell: (r) => r.name },
  { head: 'requests/s', cell: (r) => whole(r.requests) },
  { head: 'values/s', cell: (r) => whole(r.values) },
  { head: 'p50 ms', cell: (r) => r.p50.toFixed(2) },
  { head: 'p99 ms', cell: (r) => r.p99.toFixed(2) },
  { head: 'ratio', cell: (r) => r.ratio?.toFixed(2) ?? '' },
  { head: 'goal', cell: (r) => r.goal ?? '' },
  { head: 'reached', cell: (r) => (r.reached === null ? '' : r.reached ? 'yes' : 'no') },
  { head: 'us/value', cell: (r) => whole(r.costUs) },
  { head: 'main %', cell: (r) => whole(r.main * 100) },
  { head: 'others %', cell: (r) => whole(r.others * 100) },
  { head: 'driver %', cell: (r) => whole(r.driver * 100) },
  { head: 'group', cell: (r) => whole(r.groupRows) },
  { head: 'group ms', cell: (r) => (Number.isNaN(r.groupMs) ? '-' : r.groupMs.toFixed(2)) },
];

function whole(number: number): string {
  return Number.isNaN(number) ? '-' : Math.round(number).toString();
}

/** The table, what each row means, and whatever was not answered 200. */
export function table(results: readonly Result[]): string {
  const lines = [
    columns.map(({ head }) => head),
    ...results.map((result) => columns.map(({ cell }) => cell(result))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const text = lines.map((line) =>
    line.map((cell, i) => cell[i === 0 ? 'padEnd' : 'padStart'](widths[i] ?? 0)).join('  '),
  );
  const meanings = results.map(({ name, meaning }) => `${name.padEnd(widths[0] ?? 0)}  ${meaning}`);
  const failures = results.flatMap(({ name, failures: counts }) =>
    Object.entries(counts).map(([failure, count]) => `${name}: ${count} not answered 200 (${failure})`),
  );
  const time = [
    'us/value: processor time of the server, all threads, for each value; main %, others %: how busy its main thread',
    'and its other threads (commit, compiler, garbage collector) were; driver %: how busy the load process was.',
    'group, group ms: rows and events of one transaction, and how long it took, lock and sync included.',
    'A server below 100 % in all of its threads waits: for the disk, or for a core that another process has.',
  ];
  return [...text, '', ...meanings, '', ...time, ...(failures.length === 0 ? [] : ['', ...failures])].join(
    '\n',
  );
}
