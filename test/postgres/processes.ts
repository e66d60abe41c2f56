import { readdirSync, readFileSync } from 'node:fs';

/** Processes as /proc tells of them (proc(5)): `pid (comm) state ppid …`, where comm may hold anything, brackets too. */
interface Process {
  readonly state: string;
  readonly parent: number;
}

function processOf(pid: number): Process | null {
  try {
    const [, state = '', parent] = /^.*\) (\S) (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}

/** One that is dead and that nobody has asked about yet is not. */
export function isRunning(pid: number): boolean {
  const found = processOf(pid);
  return found !== null && !['Z', 'X'].includes(found.state);
}

export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => processOf(pid)?.parent === parent);
}

/** Kill -9 of one that may have ended already. */
export function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
