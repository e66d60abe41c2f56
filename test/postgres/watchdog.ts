import { spawn } from 'node:child_process';
import { IDENTITY, type Identity } from './identity.ts';

/**
 * Outlives this process, however it ends: when the pipe between the two closes, the server that was named last is told to
 * quit, and the folder is removed.
 */
export interface Watchdog {
  /** The postmaster to be ended, or null while there is none. */
  readonly watch: (pid: number | null) => void;
  /** Lets it do its last work now, and waits for that. */
  readonly release: () => Promise<void>;
}

const SCRIPT = `
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  for _ in $(seq 100); do kill -0 "$pid" || break; sleep 0.1; done
  kill -KILL "$pid"
fi
rm -rf -- "$1"
`;

export function watchdogOver(folder: string, identity: Identity = IDENTITY): Watchdog {
  const child = spawn('sh', ['-c', SCRIPT, 'sh', folder], {
    ...identity,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own: what Ctrl-C sends to everybody must not reach it.
    detached: true,
  });
  child.unref();
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  return {
    watch: (pid) => void child.stdin.write(`${pid ?? ''}\n`),
    release: () => {
      child.ref();
      child.stdin.end();
      return ended;
    },
  };
}
