import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, startCluster } from '../test/postgres/cluster.ts';
import { makeTable } from './pgcrypto.ts';
import { type Served, startReplica, startVault } from './vault.ts';
import type { Place } from './callers.ts';

/** A PostgreSQL of its own, a vault on it with two replicas, and beside it the tables of pgcrypto. */
export interface OnPostgres {
  readonly cluster: Cluster;
  readonly vault: Served;
  readonly replica: Served;
  readonly tables: Readonly<Record<'pgcrypto' | 'aes', Place>>;
}

/** As many connections as the vault takes to the server, unless its settings say otherwise. */
export const CONNECTIONS = 10;

/**
 * @param dir on the disk that is to be measured
 * @param standby whether every commit waits for a second server's disk too
 */
export async function startOnPostgres(dir: string, rows: number, standby: boolean): Promise<OnPostgres> {
  chmodSync(dir, 0o711);
  const cluster = await startCluster({
    parent: dir,
    settings: { shared_buffers: '256MB', max_connections: '100', max_wal_size: '4GB' },
  });
  if (standby) await cluster.standby({ name: 'standby', synchronous: true });
  const [own, beside] = [await cluster.database(), await cluster.database()];
  const passwordFile = join(dir, 'database-password');
  const url = new URL(own.migrationUrl);
  writeFileSync(passwordFile, decodeURIComponent(url.password), { mode: 0o600 });
  url.password = '';
  const vault = await startVault(join(dir, 'vault'), ['--store', url.href, '--password-file', passwordFile]);
  const replica = await startReplica(join(dir, 'vault'), vault);

  await cluster.query('create extension pgcrypto', beside.name);
  const table = (cipher: 'pgcrypto' | 'aes'): Place => ({
    kind: 'table',
    url: beside.migrationUrl,
    cipher,
    rows,
  });
  const tables = { pgcrypto: table('pgcrypto'), aes: table('aes') };
  for (const cipher of ['pgcrypto', 'aes'] as const) await makeTable(beside.migrationUrl, cipher, rows);
  return { cluster, vault, replica, tables };
}
