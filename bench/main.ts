// npm run bench: the built vault against two echoes, loopback only. It measures and reports; it judges nothing.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { nextMessage, startScript, stopChildren } from './children.ts';
import type { Order } from './driver.ts';
import { fill } from './fill.ts';
import { summarise, table } from './report.ts';
import { allRows, type Row } from './rows.ts';
import { CONNECTIONS, startOnPostgres } from './postgres.ts';
import { postgresRows } from './postgres-rows.ts';
import type { Place } from './callers.ts';
import { peakMemory, syncTime } from './usage.ts';
import { makeFolder, type Served, startVault } from './vault.ts';
import { createMeter, type Sample, type Target, type Targets } from './window.ts';

const usage = `npm run bench -- [--store sqlite|postgres] [--standby] [--anchored] [--rounds 5] [--seconds 2] [--rows 20000] [--only NAME] [--json]
  --store postgres   the vault on a PostgreSQL of its own, with two replicas, beside plain pgcrypto over as many connections
  --standby          with a synchronous standby, so that every commit waits for two disks
  --anchored         on a file, with the whole log going to a folder beside it and reveals that ask for it
  --rows N   values in the vault before the first round (3000000 for the goals of a full vault; takes minutes)
  --only N   only the row N, or those whose names start with N, and the echoes they are measured against`;

const memoryGoal = 256;
const warmUpSeconds = 1;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly rows: number;
  readonly only: string;
  readonly json: boolean;
  readonly store: 'sqlite' | 'postgres';
  readonly standby: boolean;
  readonly anchored: boolean;
}

/** Throws on an unknown option or one that cannot be meant. */
function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      rows: { type: 'string', default: '20000' },
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      store: { type: 'string', default: 'sqlite' },
      standby: { type: 'boolean', default: false },
      anchored: { type: 'boolean', default: false },
    },
  });
  const [rounds, seconds, rows] = [Number(values.rounds), Number(values.seconds), Number(values.rows)];
  if (!(rounds >= 1 && seconds > 0 && rows >= 1000))
    throw new Error('at least 1 round, 1000 rows and some seconds');
  const { only, json, store, standby, anchored } = values;
  if (store !== 'sqlite' && store !== 'postgres') throw new Error('--store is sqlite or postgres');
  if (standby && store === 'sqlite') throw new Error('--standby is of --store postgres');
  if (anchored && store === 'postgres') throw new Error('--anchored is of --store sqlite');
  return { rounds, seconds, rows, only, json, store, standby, anchored };
}

function chosen(rows: readonly Row[], only: string): readonly Row[] {
  const exact = rows.filter((row) => row.name === only);
  const named = exact.length > 0 ? exact : rows.filter((row) => row.name.startsWith(only));
  if (named.length === 0) throw new Error(`no such row; there are ${rows.map((row) => row.name).join(', ')}`);
  const yardsticks = named.flatMap(({ goal }) => (goal?.kind === 'ratio' ? [goal.of] : []));
  return rows.filter((row) => named.includes(row) || yardsticks.some((name) => name === row.name));
}

async function startEcho(shape: 'bare' | 'shelled'): Promise<Target> {
  const child = startScript('echo', [shape]);
  // The echo says this one thing, once.
  const { port, key } = (await nextMessage(child)) as { port: number; key: string };
  return {
    place: { kind: 'http', ports: [port], key },
    pids: child.pid === undefined ? [] : [child.pid],
    metricsPorts: [],
  };
}

const served = (...vaults: readonly Served[]): Target => ({
  place: { kind: 'http', ports: vaults.map(({ port }) => port), key: vaults[0]?.key ?? '' },
  pids: vaults.map(({ pid }) => pid),
  metricsPorts: vaults.map(({ metricsPort }) => metricsPort),
});

const NOBODY: Targets = { bare: null, shelled: null, vault: null, replicas: null, pgcrypto: null, aes: null };

interface Started {
  readonly targets: Targets;
  /** Filled before the first round. */
  readonly vault: Served | null;
  readonly stop: () => Promise<void>;
}

/** A vault on a file, and the echoes. */
async function startOnFile(dir: string, rows: readonly Row[], anchored: boolean): Promise<Started> {
  const wants = (target: Row['target']) => rows.some((row) => row.target === target);
  const vault = wants('vault') ? await startVault(dir, [], anchored) : null;
  const targets = {
    ...NOBODY,
    bare: wants('bare') ? await startEcho('bare') : null,
    shelled: wants('shelled') ? await startEcho('shelled') : null,
    vault: vault === null ? null : served(vault),
  };
  return { targets, vault, stop: async () => undefined };
}

async function startAll(dir: string, rows: readonly Row[], options: Options): Promise<Started> {
  if (options.store === 'sqlite') return startOnFile(dir, rows, options.anchored);
  const { vault, replica, tables, cluster } = await startOnPostgres(dir, options.rows, options.standby);
  const beside = (place: Place): Target => ({ place, pids: [], metricsPorts: [] });
  const targets = {
    ...NOBODY,
    vault: served(vault),
    replicas: served(vault, replica),
    pgcrypto: beside(tables.pgcrypto),
    aes: beside(tables.aes),
  };
  return { targets, vault, stop: () => cluster.end() };
}

async function bench(options: Options): Promise<void> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const every = options.store === 'sqlite' ? allRows(options.rows) : postgresRows(CONNECTIONS);
  const rows = chosen(every, options.only);
  // Far beyond any honest run, so that a bench that hangs ends by itself.
  const longest = 120 + rows.length * (options.rounds + 1) * (options.seconds + 12) + options.rows / 500;
  setTimeout(() => {
    console.error(`not done after ${Math.round(longest)} s`);
    process.exit(1);
  }, longest * 1000).unref();

  const dir = makeFolder();
  const syncMs = syncTime(dir);
  const { targets, vault, stop } = await startAll(dir, rows, options);
  const driver = startScript('driver', []);
  const tokens = vault === null ? [] : await fill(vault, options.rows, say);
  driver.send({ kind: 'tokens', tokens } satisfies Order);

  const measure = createMeter(driver, targets, Math.ceil(options.rows / 1000) * 1000);
  const samples = new Map<string, Sample[]>(rows.map((row) => [row.name, []]));
  for (const row of rows) await measure(row, warmUpSeconds);
  for (let round = 1; round <= options.rounds; round++) {
    for (const row of rows) {
      // One caller's median settles sooner than a rate does.
      const seconds = row.connections === 1 ? options.seconds / 2 : options.seconds;
      samples.get(row.name)?.push(await measure(row, seconds));
    }
    say(`round ${round} of ${options.rounds}`);
  }
  const memory = vault === null ? null : peakMemory(vault.pid);
  await stopChildren();
  await stop();

  const results = summarise(rows, samples);
  const machine = {
    node: process.version,
    cores: cpus().length,
    processor: cpus()[0]?.model ?? null,
    syncMs,
  };
  if (options.json) {
    console.log(
      JSON.stringify({ ...options, machine, results, memoryMiB: memory, memoryGoalMiB: memoryGoal }, null, 2),
    );
    return;
  }
  console.log(
    `Node ${machine.node}, ${machine.cores} cores (${machine.processor}), writing and syncing 4 KiB takes ${syncMs.toFixed(2)} ms`,
  );
  console.log(
    `medians of ${options.rounds} rounds of ${options.seconds} s (half as long with one connection), ${options.rows} rows at the start\n`,
  );
  console.log(table(results));
  if (memory !== null) {
    const reached = memory < memoryGoal ? 'yes' : 'no';
    console.log(
      `\nmost memory the vault's process held: ${memory.toFixed(0)} MiB (goal < ${memoryGoal}; reached: ${reached})`,
    );
  }
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
let options: Options | null = null;
try {
  options = readOptions();
  await bench(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (options === null) console.error(usage);
  process.exitCode = options === null ? 2 : 1;
} finally {
  await stopChildren();
}
process.exit();
