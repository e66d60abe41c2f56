import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { PostgresFailure } from './postgres-door.ts';
import { PATH } from './postgres-durability.ts';
import { PARSERS } from './postgres-wire.ts';

/** Where a PostgreSQL is, and how it is reached: what settings say of it. */
export interface PostgresPlace {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Read at each new connection, so that a password changes without a restart; null where the server asks for none. */
  readonly passwordFile: string | null;
  /** With TLS, and then never without: the certificate is held against authority and name. */
  readonly tls: boolean;
  /** A PEM file of the authorities that may vouch for the server; null for those that Node knows. */
  readonly ca: string | null;
  /** At most so many at a time. */
  readonly connections: number;
}

/** How long a connection may take to come about, in milliseconds. */
export const CONNECT_PATIENCE = 5000;
/** Longer than the server's own limits: this one is for a server that no longer answers. */
const READ_PATIENCE = 12_000;

/**
 * What the driver is told. Everything that it would otherwise take from the environment is said.
 * @throws PostgresFailure where a file does not read
 */
export function clientConfig({
  host,
  port,
  user,
  database,
  passwordFile,
  tls,
  ca,
}: PostgresPlace): ClientConfig {
  return {
    host,
    port,
    user,
    database,
    password: () => (passwordFile === null ? '' : lineOf(passwordFile)),
    ssl: tls
      ? { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca === null ? {} : { ca: read(ca) }) }
      : false,
    application_name: 'strongroom',
    // Said, so that PGOPTIONS is not asked, and for connections that are told no more than this.
    options: `-c client_encoding=UTF8 -c search_path=${PATH.replaceAll(' ', '')}`,
    connectionTimeoutMillis: CONNECT_PATIENCE,
    query_timeout: READ_PATIENCE,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: PARSERS,
  };
}

/** The first line: editors end a file with a line feed. */
const lineOf = (path: string): string => read(path).split(/\r?\n/, 1)[0] ?? '';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new PostgresFailure('other', 'refused', `the file ${path} does not read`);
  }
}
