#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { url as inspectorUrl } from 'node:inspector';
import { tmpdir, userInfo } from 'node:os';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { z } from 'zod';
import { agreeing, differenceLines } from './agreement.ts';
import { type ArchivingLog, archiveLog } from './archive-log.ts';
import type { CopyOptions, Host } from './cli/host.ts';
import type { BundleOptions, BundleReport, LogPlace } from './cli/log-check.ts';
import { CommandRefused } from './cli/refusal.ts';
import { run } from './cli/program.ts';
import { connect } from './client/client.ts';
import { logFiles } from './client/log-files.ts';
import { policyOf, readPolicyFile, readSettings, readWhole } from './config-file.ts';
import type { Config } from './config/settings.ts';
import { type Copying, copyStore, reopenStore } from './copy-store.ts';
import { debuggingFault } from './debugging.ts';
import { doctor, freeBytes } from './doctor.ts';
import { explain } from './explain.ts';
import { init } from './init.ts';
import { requestLogger, witnessLogger } from './log-lines.ts';
import { readKeyFile } from './key-file.ts';
import { type BackingUp, makeBackup } from './make-backup.ts';
import { makeBundle, mustBeFree } from './make-bundle.ts';
import type { Meter } from './metrics/meter.ts';
import { migrate, rightsOfServing } from './migrate.ts';
import { open, type Opening } from './open.ts';
import { mustBeReady } from './ready.ts';
import { recordedStart } from './recorded-start.ts';
import { restore } from './restore.ts';
import { serve } from './serve.ts';
import { serveWitness } from './serve-witness.ts';
import { takePolicy } from './take-policy.ts';
import type { Caller } from './vault/call.ts';
import type { World } from './vault/core.ts';
import { hostCaller } from './vault/access/host-caller.ts';
import { UNOBSERVED } from './vault/observer.ts';
import type { Difference } from './vault/policy/difference.ts';
import type { Vault } from './vault/vault.ts';
import { checkLog, checkProof, openSource, type OpenedPlace } from './verify-log.ts';
import { forgetLog, makeWitness, showWitness, trustLog } from './witness-files.ts';

/** The only file that touches the process, the clock and randomness. */

// Node starts an inspector on this signal unless somebody else takes it.
process.on('SIGUSR1', () => undefined);

const packaged = z.object({ version: z.string(), engines: z.object({ node: z.string() }) });

const now = (): number => Date.now();
const random = (bytes: number): Uint8Array => randomBytes(bytes);
const printError = (text: string): void => void process.stderr.write(`${text}\n`);

const worldOf = (notice: World['notice']): World => ({
  now,
  random,
  breathe: () => breathe(),
  pause: (milliseconds) => pause(milliseconds),
  notice,
});
const quiet = worldOf((notice) => printError(`strongroom: ${JSON.stringify(notice)}`));

const groups = (): number[] => [...(process.getgroups?.() ?? []), process.getegid?.() ?? -1];
/** The name of the operating system's user; a container's is often a number that no name is kept for. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `#${process.getuid?.() ?? ''}`;
  }
}
const caller = (): Caller => hostCaller(userName(), `cli_${Buffer.from(random(12)).toString('base64url')}`);

function openingOf({ settings }: Config, world: World): Opening {
  return { settings, world, groups: groups(), user: process.geteuid?.() ?? 0, onFatal: die };
}

/** Milliseconds since 1970 as they were at the start, and from then on by a clock that nobody sets: for how long things take. */
const tick = (): number => performance.timeOrigin + performance.now();

/** An I/O error of the store: nothing more can be acknowledged, and the next start recovers from what is durable. */
function die(reason: string): void {
  printError(`strongroom: ${reason}`);
  process.exitCode = 1;
  // Callers in flight are refused first; then whatever still holds the process is cut off.
  setTimeout(() => process.exit(1), 100);
}

async function onHost<T>(
  path: string,
  use: (vault: Vault, config: Config) => Promise<T>,
  world = quiet,
): Promise<T> {
  const config = readSettings(path);
  const vault = await open(openingOf(config, world));
  try {
    return await use(vault, config);
  } finally {
    await vault.close();
  }
}

/** Nobody looks into a process that serves: neither by how it was started nor by a signal that came before ours was taken. */
function mustBeClosed(): void {
  const { reportOnSignal, reportOnFatalError, reportOnUncaughtException } = process.report;
  const fault = debuggingFault({
    options: process.execArgv,
    env: process.env,
    inspector: inspectorUrl(),
    reports: reportOnSignal || reportOnFatalError || reportOnUncaughtException,
  });
  if (fault !== null) throw new CommandRefused(fault);
}

/** Loaded when it is wanted: no command is to wait for it, and without metrics it is not in the process. */
async function meterOf(): Promise<Meter> {
  const { createMeter } = await import('./metrics/meter.ts');
  return createMeter(version, tick);
}

const loggerOf = () => pino({ base: null }, pino.destination({ dest: 1, sync: false, minLength: 4096 }));

/** Done at the first SIGTERM or SIGINT from now on. */
const untilTold = (): Promise<NodeJS.Signals> =>
  new Promise((stop) => {
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  });

/** Serves a witness until SIGTERM or SIGINT. */
async function witnessUntilTold(dir: string): Promise<void> {
  mustBeClosed();
  const logger = loggerOf();
  const told = untilTold();
  const listening = await serveWitness({ dir, now, tick, log: witnessLogger(logger), onFatal: die });
  const { url, name, logs } = listening;
  const known = `${logs} log${logs === 1 ? '' : 's'}`;
  printError(`Witnessing ${known} as ${name} on ${url}; a vault names it as witness: ${url} under anchors.`);
  await told;
  await listening.stop();
  logger.flush();
}

/** Serves until SIGTERM or SIGINT. */
async function serveUntilTold(path: string): Promise<void> {
  mustBeClosed();
  const config = readWhole(path);
  const logger = loggerOf();
  // From now on: whoever is told that it serves may tell it to stop.
  const told = untilTold();
  const meter = config.settings.server.metrics === null ? null : await meterOf();
  const world = worldOf((notice) => {
    meter?.notice(notice.kind);
    logger.warn(notice, notice.kind);
    // Lines are written in blocks; one that somebody should look at does not wait for the others.
    logger.flush();
  });
  const vault = await open({ ...openingOf(config, world), observer: meter?.observer ?? UNOBSERVED });
  const isShared = config.settings.store.engine === 'postgres';
  const said = policyOf(path, config);
  const start = recordedStart(vault, () => vault.recordStart(caller(), version));
  const served = isShared ? agreeing(start.vault, said, tellDifference(world)) : start.vault;
  let policy = 0;
  const listening = await serve({
    settings: config.settings,
    vault: served,
    meter,
    now: tick,
    random,
    log: requestLogger(logger),
    prepare: async () => {
      await vault.readBack();
      policy = isShared
        ? (await vault.difference(said)).number
        : await takePolicy({ vault, caller: caller(), path, config, say: printError });
      await vault.recheck();
      mustBeClosed();
      await start.begin();
    },
    finish: async () => {
      const index = start.index();
      if (index === null) return;
      await vault
        .recordStop(index, await told)
        .catch((error: unknown) => printError(`The log does not hold this stop: ${explain(error)}`));
    },
  }).catch(async (error: unknown) => {
    await vault.close();
    throw error;
  });
  printError(
    `Serving ${config.settings.vault.name} (policy ${policy}) on ${listening.url}; ${listening.url}/docs says what it takes.`,
  );
  if (isShared) await tellState(served, config);
  if (listening.metricsUrl !== null) printError(`Metrics are at ${listening.metricsUrl}.`);
  await told;
  await listening.stop();
  logger.flush();
}

/** What an operator who has just started one of many processes is to know at once: it is no reason to end. */
async function tellState(vault: Vault, { settings }: Config): Promise<void> {
  for (const sentence of await rightsOfServing(settings).catch(() => [])) printError(`Warning: ${sentence}`);
  const fault = await vault.ready();
  if (fault !== null) printError(`Not ready: ${fault}. Its log says more.`);
}

/** Where a file of many processes' own says another policy than the active one, nothing is applied. */
const tellDifference =
  ({ notice }: World) =>
  (difference: Difference): void =>
    notice({ kind: 'policy', active: difference.number, file: differenceLines(difference) });

/** Long work of a command: told how far it is, and ended between two steps by SIGINT or SIGTERM, so that it cleans up. */
function untilStopped(sentence: string): (step: string, done: number) => void {
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stopped = true));
  return (step, done) => {
    if (stopped) throw new CommandRefused(`stopped: ${sentence}`);
    showProgress(step, done);
  };
}

const copying = ({ config, to }: CopyOptions): Copying => ({
  opening: openingOf(readSettings(config), quiet),
  to: readSettings(to).settings,
  caller: caller(),
  progress: untilStopped('run the same command again to go on, or strongroom store reopen to go back'),
});

const archiving = (configPath: string): ArchivingLog => ({
  opening: openingOf(readSettings(configPath), quiet),
  caller: caller(),
  progress: untilStopped('run the same command again to go on'),
});

function backingUp(configPath: string): BackingUp {
  return {
    opening: openingOf(readSettings(configPath), quiet),
    caller: caller(),
    userId: process.getuid?.() ?? 0,
    temp: tmpdir(),
    version,
    progress: untilStopped('nothing was made'),
  };
}

let shown = '';

/** A line that is written over on a terminal; elsewhere a line for each step. */
function showProgress(step: string, done: number): void {
  const { isTTY } = process.stderr;
  const line = isTTY && done > 0 ? `${step}: ${Math.floor(done * 100)} %` : step;
  if (line === shown) return;
  shown = line;
  process.stderr.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function endProgress(): void {
  if (process.stderr.isTTY && shown !== '') process.stderr.write('\r\x1b[K');
}

const { version, engines } = packaged.parse(
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')),
);

const host: Host = {
  argv: process.argv.slice(2),
  version,
  now,
  print: (text) => void process.stdout.write(`${text}\n`),
  printError,
  init: (options) => init(options, { world: quiet, groups: groups(), caller: caller(), release: version }),
  serve: serveUntilTold,
  ready: (path) => mustBeReady(readSettings(path).settings),
  migrate: ({ config, by, dryRun }) =>
    migrate(readSettings(config).settings, by, dryRun ? 'dry-run' : 'apply'),
  backup: (options) => makeBackup(options, backingUp(options.config)).finally(endProgress),
  restore: (options) => restore(options, backingUp(options.config)).finally(endProgress),
  archive: (options) => archiveLog(options, archiving(options.config)).finally(endProgress),
  copyStore: (options) => copyStore(copying(options)).finally(endProgress),
  reopenStore: (path) => reopenStore({ opening: openingOf(readSettings(path), quiet), caller: caller() }),
  checkLog: ({ from, ...pins }) =>
    checkLog(pins, placeOf(from), (done, of) => showProgress('Reading the log', done / of)).finally(
      endProgress,
    ),
  checkProof,
  bundle: (options) => bundle(options).finally(endProgress),
  doctor: (path) =>
    doctor(path, {
      now,
      random,
      groups: groups(),
      user: process.geteuid?.() ?? 0,
      node: { runs: process.versions.node, needs: engines.node },
      freeBytes,
    }),
  witness: {
    init: async (dir, name) => makeWitness(dir, name, random),
    trust: async (dir, key) => trustLog(dir, key),
    serve: witnessUntilTold,
    show: showWitness,
    forget: (dir, origin, reason) => forgetLog(dir, origin, reason, now()),
  },
  policyFile: readPolicyFile,
  onHost: (path, use) => onHost(path, (vault) => use(vault.bind(caller()))),
  connect: (url, keyFile) => connect({ url, apiKey: readKeyFile(keyFile) }),
};

function placeOf(from: LogPlace): OpenedPlace {
  if (from.kind === 'config') return { kind: 'settings', store: readSettings(from.config).settings.store };
  return from.kind === 'vault'
    ? { kind: 'files', read: logFiles(from.url, readKeyFile(from.keyFile)) }
    : from;
}

/** On the host the event comes first; a running vault makes its own of what is read. */
async function bundle({ from, to }: BundleOptions): Promise<BundleReport> {
  mustBeFree(to);
  const stopped = untilStopped('nothing was made');
  const key =
    from.kind === 'config'
      ? await onHost(from.config, (vault) => vault.recordBundle(caller()))
      : (await connect({ url: from.url, apiKey: readKeyFile(from.keyFile) }).audit.key()).key;
  const source = await openSource(placeOf(from));
  return makeBundle({
    to,
    source,
    key,
    now: now(),
    progress: (done, of) => stopped('Copying the log', done / of),
  });
}

process.exitCode = await run(host, explain);
