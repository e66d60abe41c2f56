import { readFileSync } from 'node:fs';
import { Client, type ClientConfig } from 'pg';
import { TILE_WIDTH } from '../log/tile.ts';
import { HASH_BYTES } from '../log/tree.ts';
import {
  type LogSource,
  MOST_EARLIER,
  MOST_ENTRY,
  MOST_ROWS,
  MOST_STORED_NOTE,
  SourceRefused,
  TOO_MANY,
} from './source.ts';

/** Where a PostgreSQL is. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly passwordFile: string | null;
  /** Then never without; the certificate is held against authority and name. */
  readonly tls: boolean;
  readonly ca: string | null;
}

const NOTES = `select case when octet_length("note") <= ${MOST_STORED_NOTE} then "note" end as "note" from public."checkpoints" order by "slot" desc`;
const ENTRIES = `select "index", case when octet_length("bytes") <= ${MOST_ENTRY} then "bytes" end as "bytes" from public."events"
  where "index" >= $1 and "index" < $2 order by "index" limit ${MOST_ROWS}`;
const TILE = `select "hashes" from public."tiles" where "level" = $1 and "index" = $2 and octet_length("hashes") <= ${TILE_WIDTH * HASH_BYTES}`;
const UNSIGNED = 'select count(*) as "count" from public."events" where "index" >= $1';

/**
 * The log in a vault's database, as a role that may read it: `events`, `tiles` and `checkpoints`.
 * @throws SourceRefused
 */
export async function postgresSource(place: ServerPlace): Promise<LogSource> {
  const client = new Client(configOf(place));
  // What a lost connection means, the statement in hand is told.
  client.on('error', () => undefined);
  await atTheDoor(place, () => client.connect());
  const rows = async (text: string, values: readonly number[]): Promise<readonly Row[]> =>
    (await atTheDoor(place, () => client.query<Row>(text, [...values]))).rows;
  return {
    keeps: 'full tiles',
    checkpoint: async () => noteOf((await rows(`${NOTES} limit 1`, []))[0]),
    earlier: async () => {
      const found = await rows(`${NOTES} offset 1 limit ${MOST_EARLIER + 1}`, []);
      if (found.length > MOST_EARLIER) throw new SourceRefused(TOO_MANY);
      return found.map((row) => noteOf(row) ?? NO_BYTES);
    },
    entries: async (index, width) => {
      const found = await rows(ENTRIES, [index * TILE_WIDTH, index * TILE_WIDTH + width]);
      const entries = found.map((row) => ({ index: Number(row['index']), bytes: bytesOf(row['bytes']) }));
      return { entries, isExact: true };
    },
    tile: async (level, index, width) => {
      const [row] = await rows(TILE, [level, index]);
      const hashes = bytesOf(row?.['hashes']);
      return hashes.length === width * HASH_BYTES ? hashes : null;
    },
    unsigned: async (size) => Number((await rows(UNSIGNED, [size]))[0]?.['count'] ?? 0),
    surplus: async () => null,
    close: () => client.end(),
  };
}

type Row = Readonly<Record<string, unknown>>;

const NO_BYTES = new Uint8Array(0);
const bytesOf = (column: unknown): Uint8Array => (column instanceof Uint8Array ? column : NO_BYTES);
const noteOf = (row: Row | undefined): Uint8Array | null =>
  row === undefined ? null : typeof row['note'] === 'string' ? Buffer.from(row['note']) : NO_BYTES;

/**
 * Everything is said that the driver would otherwise take from the environment. Names are looked for among the server's own alone:
 * what somebody planted in `public` is not run by whoever reads there.
 */
const configOf = ({ host, port, user, database, passwordFile, tls, ca }: ServerPlace): ClientConfig => ({
  host,
  port,
  user,
  database,
  password: () => (passwordFile === null ? '' : (read(passwordFile).split(/\r?\n/, 1)[0] ?? '')),
  ssl: tls
    ? { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca === null ? {} : { ca: read(ca) }) }
    : false,
  application_name: 'strongroom audit',
  options:
    '-c client_encoding=UTF8 -c search_path=pg_catalog,pg_temp -c bytea_output=hex -c default_transaction_read_only=on',
  connectionTimeoutMillis: 5000,
  query_timeout: 60_000,
});

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new SourceRefused(`the file ${path} does not read`);
  }
}

/** The server's and the driver's own messages may quote anything. */
async function atTheDoor<T>({ host, port }: ServerPlace, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SourceRefused) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
    const word = /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'no answer';
    throw new SourceRefused(`the store on ${host} port ${port} cannot be read (${word})`);
  }
}
