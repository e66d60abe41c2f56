import { fork, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const running = new Set<ChildProcess>();

// 'exit' fires on a normal end, on an uncaught error and after our signal handler: no way out leaves a child.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function kept(child: ChildProcess): ChildProcess {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs a script of this folder as a child with a message channel; it inherits the TypeScript loader. */
export function startScript(name: 'driver' | 'echo', args: readonly string[]): ChildProcess {
  return kept(
    fork(fileURLToPath(new URL(`./${name}.ts`, import.meta.url)), args, { serialization: 'advanced' }),
  );
}

/** Runs the built program under the same Node as this process. */
export function startProgram(args: readonly string[], stdio: StdioOptions): ChildProcess {
  return kept(
    spawn(process.execPath, [fileURLToPath(new URL('../dist/main.js', import.meta.url)), ...args], { stdio }),
  );
}

/** The next message of a child, as it was sent. Rejects if the child ends first. */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const message = once(child, 'message', { signal: ended.signal });
  const exit = once(child, 'exit', { signal: ended.signal });
  try {
    return await Promise.race([
      message.then(([sent]: unknown[]) => sent),
      exit.then(([code]: unknown[]) => Promise.reject(new Error(`a child ended early (${String(code)})`))),
    ]);
  } finally {
    ended.abort();
    await Promise.allSettled([message, exit]);
  }
}

/** Asks every child to end, and ends those that have not after five seconds. */
export async function stopChildren(): Promise<void> {
  const ends = [...running].map((child) => {
    const end = once(child, 'exit');
    child.kill('SIGTERM');
    return end;
  });
  await Promise.race([Promise.all(ends), sleep(5000, null, { ref: false })]);
  for (const child of running) child.kill('SIGKILL');
}
