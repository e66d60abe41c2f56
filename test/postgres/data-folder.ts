import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issued } from './authority.ts';
import { IDENTITY } from './identity.ts';
import { programs } from './programs.ts';

export type ServerSettings = Readonly<Record<string, string>>;

export const LOOPBACK = '127.0.0.1';

interface Wanted {
  readonly folder: string;
  readonly data: string;
  /** The superuser's. */
  readonly password: string;
  readonly issued: Issued | null;
  readonly settings: ServerSettings;
}

/** A new data folder. What initdb itself writes is not synced: no test cuts the power of this machine. */
export function initialise({ folder, data, password, issued, settings }: Wanted): void {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  owned(passwordFile);
  const options = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const locale = ['--encoding=UTF8', '--no-locale', '--no-sync'];
  execFileSync(programs().initdb, ['-D', data, ...options, ...locale], {
    ...IDENTITY,
    cwd: folder,
    stdio: 'pipe',
  });
  if (issued !== null) {
    chmodSync(issued.key, 0o600);
    for (const file of [issued.ca, issued.cert, issued.key]) owned(file);
  }
  writeFileSync(join(data, 'pg_hba.conf'), accessOf(issued));
  appendFileSync(join(data, 'postgresql.conf'), linesOf({ ...DEFAULTS, ...tlsOf(issued), ...settings }));
}

const DEFAULTS: ServerSettings = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  shared_buffers: '32MB',
  // As they are when nobody says anything: what durability hangs on is written out.
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // A standby finds what it has missed.
  wal_keep_size: '256MB',
};

const tlsOf = (issued: Issued | null): ServerSettings =>
  issued === null ? {} : { ssl: 'on', ssl_cert_file: issued.cert, ssl_key_file: issued.key };

function accessOf(issued: Issued | null): string {
  const how = issued === null ? 'host' : 'hostssl';
  return ['all', 'replication']
    .map((database) => `${how} ${database} all ${LOOPBACK}/32 scram-sha-256\n`)
    .join('');
}

/** For postgresql.conf; of two lines about one thing the later one counts. */
export const linesOf = (settings: ServerSettings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');

/** Given to whom the server runs as. */
export function owned(path: string): void {
  if (IDENTITY.uid !== undefined) chownSync(path, IDENTITY.uid, IDENTITY.gid ?? IDENTITY.uid);
}
