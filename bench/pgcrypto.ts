import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { cardNumber } from './requests.ts';

/** Values kept by pgcrypto in a table of their own: `pgcrypto` is its PGP message, `aes` its raw cipher. */
export type Cipher = 'pgcrypto' | 'aes';

const KEY = 'a key of thirty-two characters..';

const WORDS = {
  pgcrypto: { seal: 'pgp_sym_encrypt(v, $3::text)', open: 'pgp_sym_decrypt(sealed, $2::text)' },
  aes: {
    seal: `encrypt(convert_to(v, 'UTF8'), convert_to($3::text, 'UTF8'), 'aes')`,
    open: `convert_from(decrypt(sealed, convert_to($2::text, 'UTF8'), 'aes'), 'UTF8')`,
  },
} satisfies Record<Cipher, unknown>;

/** What stands for the `index`-th card number there: as random to an index as a token is. */
const nameOf = (index: number): string => createHash('md5').update(String(index)).digest('hex');

/** @param url of the database's owner */
export async function makeTable(url: string, cipher: Cipher, rows: number): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`create table "${cipher}" (name text primary key, sealed bytea not null)`);
  for (let from = 0; from < rows; from += 1000)
    await client.query(insertion(cipher), parametersOf(from, Math.min(1000, rows - from)));
  await client.query(`analyze "${cipher}"`);
  await client.end();
}

/** One connection with at most one statement under way; `ask` names the first card number and how many. */
export interface Asking {
  insert(from: number, items: number): Promise<void>;
  read(from: number, items: number): Promise<void>;
  close(): Promise<void>;
}

export async function openPgcrypto(url: string, cipher: Cipher): Promise<Asking> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const insert = { name: 'insert', text: insertion(cipher) };
  const read = {
    name: 'read',
    text: `select name, ${WORDS[cipher].open} as value from "${cipher}" where name = any($1::text[])`,
  };
  return {
    insert: async (from, items) => {
      const { rowCount } = await client.query({ ...insert, values: parametersOf(from, items) });
      if (rowCount !== items) throw new Error(`${rowCount} of ${items} rows were inserted`);
    },
    read: async (from, items) => {
      const names = Array.from({ length: items }, (_, i) => nameOf(from + i));
      const { rows } = await client.query<{ value: string }>({ ...read, values: [names, KEY] });
      if (rows.length !== items) throw new Error(`${rows.length} of ${items} rows were read`);
    },
    close: () => client.end(),
  };
}

const insertion = (cipher: Cipher): string =>
  `insert into "${cipher}" (name, sealed) select n, ${WORDS[cipher].seal} from unnest($1::text[], $2::text[]) as given (n, v)`;

function parametersOf(from: number, items: number): unknown[] {
  const indexes = Array.from({ length: items }, (_, i) => from + i);
  return [indexes.map(nameOf), indexes.map(cardNumber), KEY];
}
