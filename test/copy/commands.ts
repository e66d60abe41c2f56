import { type ChildProcess, spawn } from 'node:child_process';
import type { Made } from '../cli/made.ts';
import { type Finished, MAIN } from '../served.ts';

/** `strongroom store copy` as a process, and what it prints. */

export const LINES = [
  'Closing the store: whoever serves it refuses from here on',
  'Beginning the copy',
  'Copying the store',
  'Comparing both stores',
  'Trying every key, cell and event',
  'Handing over',
  'Opening the new store',
];

export const start = (vault: Made, to: string, options: readonly string[] = []): ChildProcess =>
  spawn(process.execPath, [...options, MAIN, 'store', 'copy', '--to', to, '--config', vault.config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/**
 * As `start`, but where it says this line it sends itself the signal: it has come there and no further, however late whoever
 * reads the line may be.
 */
export const startUntil = (
  vault: Made,
  to: string,
  line: string,
  signal: 'SIGKILL' | 'SIGSTOP',
): ChildProcess => {
  const script = `
    const { write } = process.stderr;
    process.stderr.write = function (text, ...more) {
      const written = write.call(this, text, ...more);
      if (String(text).startsWith(${JSON.stringify(line)})) process.kill(process.pid, '${signal}');
      return written;
    };`;
  return start(vault, to, ['--import', `data:text/javascript,${encodeURIComponent(script)}`]);
};

export function finished(
  child: ChildProcess,
  told: (stderr: string) => void = () => undefined,
): Promise<Finished> {
  const out = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => told((out.stderr += chunk.toString())));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...out })));
}

/** Kills it as soon as it says so; it may have come further by then, or may never come there any more. */
export const killedAt = (child: ChildProcess, line: string): Promise<Finished> =>
  finished(child, (stderr) => {
    if (stderr.includes(line)) child.kill('SIGKILL');
  });
