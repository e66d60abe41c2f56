#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import type { Host } from './cli/host.ts';
import { CommandRefused } from './cli/host.ts';
import { run } from './cli/program.ts';
import { connect } from './client/client.ts';
import { type Config, readConfig } from './config/settings.ts';
import { type ConfigProblem, problemAt } from './config/problem.ts';
import { explain } from './explain.ts';
import { init } from './init.ts';
import { requestLogger } from './log-lines.ts';
import { open, type Opening } from './open.ts';
import { serve } from './serve.ts';
import type { Caller } from './vault/call.ts';
import type { World } from './vault/core.ts';
import { hostCaller, type Vault } from './vault/vault.ts';

/** The only file that touches the process, the clock and randomness. */

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
const caller = (): Caller =>
  hostCaller(userInfo().username, `cli_${Buffer.from(random(12)).toString('base64url')}`);

function readConfigFile(path: string): Config {
  const read = readConfig(readText(path), dirname(resolve(path)));
  if ('problems' in read) throw new CommandRefused(listed(path, read.problems));
  return read;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new CommandRefused(
      `${path} cannot be read: make a vault with strongroom init, or name its settings with --config`,
    );
  }
}

const listed = (path: string, problems: readonly ConfigProblem[]): string =>
  [
    `${path} cannot be used:`,
    ...problems.map(
      ({ line, path: key, problem }) => `  line ${line ?? '?'}: ${key === '' ? '' : `${key}: `}${problem}`,
    ),
  ].join('\n');

function openingOf({ settings }: Config, world: World): Opening {
  return { settings, world, groups: groups(), onFatal: die };
}

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
  const config = readConfigFile(path);
  const vault = await open(openingOf(config, world));
  try {
    return await use(vault, config);
  } finally {
    await vault.close();
  }
}

/** Serves until SIGTERM or SIGINT. */
async function serveUntilTold(path: string): Promise<void> {
  const config = readConfigFile(path);
  const logger = pino({ base: null }, pino.destination({ dest: 1, sync: false, minLength: 4096 }));
  // From now on: whoever is told that it serves may tell it to stop.
  const told = new Promise<void>((stop) => {
    process.once('SIGTERM', () => stop());
    process.once('SIGINT', () => stop());
  });
  const vault = await open(
    openingOf(
      config,
      worldOf((notice) => {
        logger.warn(notice, notice.kind);
        // Lines are written in blocks; one that somebody should look at does not wait for the others.
        logger.flush();
      }),
    ),
  );
  const applied = await vault.applyPolicy(caller(), config.policy);
  if ('problems' in applied) {
    await vault.close();
    throw new CommandRefused(
      listed(
        path,
        applied.problems.map(({ path: at, problem }) => problemAt(at, problem, config.lineOf)),
      ),
    );
  }
  await vault.recheck();
  const listening = await serve({
    settings: config.settings,
    vault,
    now,
    random,
    log: requestLogger(logger),
  });
  printError(
    `Serving ${config.settings.vault.name} (policy ${applied.number}) on ${listening.url}; ${listening.url}/docs says what it takes.`,
  );
  await told;
  await listening.stop();
  logger.flush();
}

const host: Host = {
  argv: process.argv.slice(2),
  now,
  print: (text) => void process.stdout.write(`${text}\n`),
  printError,
  init: (options) => init(options, { world: quiet, groups: groups(), caller: caller() }),
  serve: serveUntilTold,
  onHost: (path, use) => onHost(path, (vault) => use(vault.bind(caller()))),
  connect: (url, keyFile) => {
    // The file holds the key, or the header that curl reads.
    const apiKey = readText(keyFile)
      .trim()
      .replace(/^Authorization: Bearer /, '');
    if (!/^[\x21-\x7e]+$/.test(apiKey))
      throw new CommandRefused(`${keyFile} does not hold an API key on one line`);
    return connect({ url, apiKey });
  },
};

process.exitCode = await run(host, explain);
