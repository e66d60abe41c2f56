import { appendFileSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf, LOOPBACK, owned } from './data-folder.ts';
import type { Row } from './databases.ts';

interface Primary {
  readonly data: string;
  readonly port: number;
  /** The superuser's, on both. */
  readonly password: string;
}

/** Files that are the running server's own, or that the standby makes for itself. */
const NOT_COPIED = new Set(['postmaster.pid', 'postmaster.opts']);
/** Folders that are copied without what is in them: the standby fetches the log that it needs. */
const EMPTIED = new Set(['pg_wal', 'pg_replslot', 'pg_stat_tmp', 'pg_dynshmem', 'pg_notify', 'pg_subtrans']);

/**
 * A copy of a running primary's data folder that will start as its standby (PostgreSQL manual, 26.3.3: a base backup by
 * the low-level interface). `pg_basebackup` does the same, and is not in the package.
 *
 * @param ask must be one session: the backup ends with it.
 */
export async function copyForStandby(
  ask: (sql: string) => Promise<Row[]>,
  primary: Primary,
  standby: { readonly data: string; readonly name: string },
): Promise<void> {
  await ask(`select pg_backup_start('${standby.name}', true)`);
  copyFolder(primary.data, standby.data);
  const [backup] = await ask('select labelfile from pg_backup_stop(false)');
  const put = (name: string, text: string): void => {
    writeFileSync(join(standby.data, name), text);
    owned(join(standby.data, name));
  };
  put('backup_label', String(backup?.['labelfile']));
  put('standby.signal', '');
  const { port, password } = primary;
  const primary_conninfo = `host=${LOOPBACK} port=${port} user=postgres password=${password} application_name=${standby.name}`;
  // Where ALTER SYSTEM writes: read last, and so after whatever the primary was told by it.
  appendFileSync(
    join(standby.data, 'postgresql.auto.conf'),
    linesOf({ primary_conninfo, synchronous_standby_names: '' }),
  );
}

function copyFolder(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  owned(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (EMPTIED.has(entry.name)) emptied(source, target);
    else if (entry.isDirectory()) copyFolder(source, target);
    else if (!NOT_COPIED.has(entry.name)) copyFile(source, target);
  }
}

function emptied(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  owned(to);
  for (const entry of readdirSync(from, { withFileTypes: true }))
    if (entry.isDirectory()) emptied(join(from, entry.name), join(to, entry.name));
}

/** The server goes on meanwhile: a file may be gone that was there, and the log knows why. */
function copyFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  owned(to);
}
