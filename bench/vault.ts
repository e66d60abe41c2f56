import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { startProgram } from './children.ts';
import { collection, purpose } from './requests.ts';

/** A vault that serves. */
export interface Served {
  readonly port: number;
  readonly key: string;
  readonly pid: number;
  /** Where its metrics are; null where it keeps none. */
  readonly metricsPort: number | null;
}

// Beside the packages, not in the system's temporary folder: that may be memory, where a sync costs nothing.
const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));
const readyWithinMs = 30_000;
const commandWithinMs = 60_000;

/** A folder on the checkout's disk that is gone when this process ends, however it ends. */
export function makeFolder(): string {
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, 'strongroom-bench-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** Runs one command of the built program and gives its standard output. Throws with its complaint if it fails. */
async function command(args: readonly string[]): Promise<string> {
  const child = startProgram(args, ['ignore', 'pipe', 'pipe']);
  const timer = setTimeout(() => child.kill('SIGKILL'), commandWithinMs);
  const said = { out: '', error: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said.error += text));
  const [code]: unknown[] = await once(child, 'close');
  clearTimeout(timer);
  if (code !== 0) throw new Error(`strongroom ${args.join(' ')} ended with ${String(code)}\n${said.error}`);
  return said.out;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Puts the bench's port, purpose and collection into what `init` wrote, and leaves the rest as it is. */
function writePolicy(config: string, port: number, metricsPort: number | null, anchor: string | null): void {
  const document = parseDocument(readFileSync(config, 'utf8'));
  document.setIn(['server', 'host'], '127.0.0.1');
  document.setIn(['server', 'port'], port);
  if (metricsPort !== null) document.setIn(['server', 'metrics'], { port: metricsPort });
  document.setIn(['purposes', purpose], { basis: 'contract' });
  document.setIn(['collections', collection], {
    format: 'pan',
    lengths: { min: 16, max: 16 },
    keep: { first: 6, last: 4 },
    luhn: 'invalid',
    tokens: 'random',
    purposes: [purpose],
  });
  if (anchor !== null) {
    document.setIn(['anchors'], [{ directory: anchor, entries: true }]);
    document.setIn(['audit'], { anchors: { maxAge: '10m' } });
  }
  writeFileSync(config, document.toString());
}

/**
 * Initialises a vault in `dir`, serves it from the built program and gives a client of it the bench's two grants.
 * @param store what `init` is told of a store that is not a file
 * @param anchored whether its log goes to a folder beside it, entries and all, and reveals ask for that
 */
export async function startVault(
  dir: string,
  store: readonly string[] = [],
  anchored = false,
): Promise<Served> {
  if (!existsSync(new URL('../dist/main.js', import.meta.url)))
    throw new Error('dist/main.js is missing: npm run build');
  const config = join(dir, 'strongroom.yaml');
  await command(['init', '--dir', dir, ...store]);
  const port = await freePort();
  // On a file it is measured without: so were the figures that it is compared with.
  const metricsPort = store.length > 0 ? await freePort() : null;
  const anchor = anchored ? join(dir, 'anchor') : null;
  if (anchor !== null) mkdirSync(anchor);
  writePolicy(config, port, metricsPort, anchor);
  if (store.length > 0) await command(['policy', 'apply', '--config', config]);
  const pid = await serve(config, port);
  const grants = [`tokenise:${collection}`, `detokenise:${collection}@${purpose}`];
  const asked = ['clients', 'add', 'bench', ...grants.flatMap((grant) => ['--grant', grant])];
  const added = await command([...asked, '--json', '--config', config]);
  const { key } = z.object({ key: z.string().min(1) }).parse(JSON.parse(added));
  return { port, key, pid, metricsPort };
}

/** Serves the same vault by another process, as another machine would. */
export async function startReplica(dir: string, { key }: Served): Promise<Served> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const document = parseDocument(readFileSync(join(dir, 'strongroom.yaml'), 'utf8'));
  document.setIn(['server', 'port'], port);
  document.setIn(['server', 'metrics', 'port'], metricsPort);
  const config = join(dir, 'replica.yaml');
  writeFileSync(config, document.toString());
  return { port, key, pid: await serve(config, port), metricsPort };
}

/** Starts the built program, and answers its process id when it is ready. */
async function serve(config: string, port: number): Promise<number> {
  const errors = `${config}-errors.txt`;
  const file = openSync(errors, 'w');
  // Standard output goes where the echo's log lines go; only complaints are kept.
  const server = startProgram(['serve', '--config', config], ['ignore', 'ignore', file]);
  closeSync(file);
  server.once('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(readFileSync(errors, 'utf8').slice(-4000));
  });
  const giveUp = performance.now() + readyWithinMs;
  while (!(await isReady(port))) {
    if (server.exitCode !== null) throw new Error(`serve ended with ${server.exitCode}`);
    if (performance.now() > giveUp) throw new Error('serve was not ready in time');
    await sleep(50);
  }
  if (server.pid === undefined) throw new Error('serve has no process id');
  return server.pid;
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}
