import { fsyncSync, openSync, closeSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Processor time of a process so far, in milliseconds: its main thread, and all its other threads together. */
export interface Processor {
  readonly mainMs: number;
  readonly othersMs: number;
}

// proc(5): utime and stime are in clock ticks, and USER_HZ is 100 on every Linux that Node runs on.
const tickMs = 10;

function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux, or a thread that has just ended.
    return null;
  }
}

/** Null where there is no /proc. Source: proc(5), /proc/PID/task/TID/stat, fields 14 and 15. */
export function processorTime(pid: number): Processor | null {
  if (readProc(`/proc/${pid}/stat`) === null) return null;
  const sum = { mainMs: 0, othersMs: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readProc(`/proc/${pid}/task/${thread}/stat`);
    if (stat === null) continue;
    // The second field is the name in brackets and may hold spaces: count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ms = (Number(fields[11]) + Number(fields[12])) * tickMs;
    sum[thread === String(pid) ? 'mainMs' : 'othersMs'] += ms;
  }
  return sum;
}

/** The most memory a process has held (VmHWM), in MiB; null where there is no /proc. */
export function peakMemory(pid: number): number | null {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? '');
  return found === null ? null : Number(found[1]) / 1024;
}

/** The median time of writing 4 KiB and syncing it in this folder, in milliseconds: what durability costs here. */
export function syncTime(dir: string): number {
  const path = join(dir, 'sync-probe');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 101 }, () => {
    const began = performance.now();
    writeSync(file, page);
    fsyncSync(file);
    return performance.now() - began;
  });
  closeSync(file);
  rmSync(path);
  return times.toSorted((a, b) => a - b)[50] ?? Number.NaN;
}
