import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Real `strongroom` processes, for tests and for scripts. */

/** Built before the tests by build.ts. */
export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A finished command. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `strongroom serve` of its own process. */
export interface Served {
  readonly url: string;
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  /** Sends a signal and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Finished>;
  readonly ended: Promise<Finished>;
}

const start = (argv: readonly string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, [MAIN, ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Runs `strongroom …` to its end. */
export const strongroom = (argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  finished(start(argv, env));

function finished(child: ChildProcess): Promise<Finished> {
  const out = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...out })));
}

/** Starts `strongroom serve` and waits until it says where it listens. */
export const startServe = (configPath: string, env: NodeJS.ProcessEnv = {}): Promise<Served> =>
  listening(['serve', '--config', configPath], env);

/** Starts `strongroom witness serve` and waits until it says where it listens. */
export const startWitness = (dir: string): Promise<Served> =>
  listening(['witness', 'serve', '--dir', dir], {});

function listening(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Served> {
  const child = start(argv, env);
  const out = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  const ended = finished(child);
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      out.stderr += chunk.toString();
      const [, url] = / on (https?:\/\/[^;\s]+);/.exec(out.stderr) ?? [];
      if (url === undefined) return;
      resolve({
        url,
        pid: child.pid ?? -1,
        output: () => ({ ...out }),
        ended,
        stop: (signal = 'SIGTERM') => {
          child.kill(signal);
          return ended;
        },
      });
    });
    void ended.then(({ code, stderr }) => reject(new Error(`serve ended with ${code}: ${stderr}`)));
  });
}
