import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the shim saw. A sync is noted once it has succeeded, an answer before it is sent. */
export interface FaultEvent {
  kind: 'sync' | 'dbwrite' | 'answer' | 'eio' | 'enospc';
  /** A path, or for an answer its length in bytes. */
  detail: string;
}

export interface Faults {
  /** For a node process started directly: a shell or wrapper in between would write to the same log. */
  env: Record<string, string>;
  /** Every event so far, in order. */
  events(): FaultEvent[];
  /** Makes every sync of (`eio`), or write to (`enospc`), a database fail from now on; `null` ends it. */
  break(fault: 'eio' | 'enospc' | null): void;
}

/**
 * Compiles faults.c into a folder that is removed on exit; answers the path of the shim.
 * Null where it cannot be had: no Linux, or no C compiler; with CI=true that throws, since nothing may be skipped.
 */
export function buildShim(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const shim = join(folder, 'faults.so');
  const source = join(import.meta.dirname, 'faults.c');
  const options = ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror'];
  const ran = spawnSync('cc', [...options, '-o', shim, source, '-ldl', '-pthread'], { encoding: 'utf8' });
  if (ran.status === 0 && process.platform === 'linux') return shim;
  if (ran.error === undefined && process.platform === 'linux') throw new Error(`cc: ${ran.stderr}`);
  if (process.env['CI'] === 'true') throw new Error('the fault shim needs Linux and a C compiler (cc)');
  return null;
}

/** Faults for one process, with the log and the control file in `folder`. */
export function faultsIn(folder: string, shim: string): Faults {
  const log = join(folder, 'faults.log');
  const control = join(folder, 'faults.control');
  writeFileSync(log, '');
  return {
    env: { LD_PRELOAD: shim, STRONGROOM_FAULT_LOG: log, STRONGROOM_FAULT_CONTROL: control },
    events: () => readFileSync(log, 'utf8').split('\n').slice(0, -1).map(eventOf),
    break: (fault) => (fault === null ? rmSync(control, { force: true }) : writeFileSync(control, fault)),
  };
}

function eventOf(line: string, index: number): FaultEvent {
  const [, sequence, kind, detail] = /^(\d+) (sync|dbwrite|answer|eio|enospc) (.*)$/.exec(line) ?? [];
  if (Number(sequence) !== index + 1 || detail === undefined) throw new Error(`fault log: ${line}`);
  // The expression above admits these words only.
  return { kind: kind as FaultEvent['kind'], detail };
}
