import type { Secret } from '../../crypto/key.ts';
import { mac, macMatches } from '../../crypto/mac.ts';
import type { Rows } from '../rows.ts';

/** The columns under each table's MAC, in order: every column but the MAC itself. A change is a release decision. */
const COLUMNS = {
  clients: [
    'id',
    'name',
    'kind',
    'keyId',
    'keyHash',
    'keyAt',
    'priorKeyId',
    'priorKeyHash',
    'priorKeyAt',
    'priorKeyUntil',
    'sources',
    'state',
    'createdAt',
    'expiresAt',
    'revision',
  ],
  grants: ['client', 'grant', 'revision'],
  policies: ['number', 'text', 'at', 'revision'],
  collections: ['id', 'name', 'shape', 'createdAt', 'revision'],
  keys: [
    'id',
    'collection',
    'use',
    'version',
    'state',
    'masterKey',
    'wrapped',
    'commitment',
    'createdAt',
    'revision',
  ],
  subjects: ['id', 'hash', 'cell', 'keyId', 'revision'],
  fingerprints: ['collection', 'fingerprint', 'row', 'keyId'],
  lookups: ['collection', 'fingerprint', 'row', 'keyId'],
  claims: ['owner', 'key', 'body', 'rows', 'at'],
  restrictions: ['client', 'restriction', 'until', 'reason', 'by', 'at', 'revision'],
  uses: ['keyId', 'client', 'at'],
  followers: ['name', 'holder', 'until', 'cursor', 'frontier', 'state', 'revision'],
} as const satisfies { [T in keyof Rows]?: readonly (keyof Omit<Rows[T], 'mac'>)[] };

export type AuthenticTable = keyof typeof COLUMNS;
type Bare<T extends AuthenticTable> = Omit<Rows[T], 'mac'>;

const DOMAIN = 'strongroom/row/v1';

/** The row with its MAC over table, key, every column and revision. */
export function signRow<T extends AuthenticTable>(key: Secret, table: T, row: Bare<T>): Rows[T] {
  const signed: unknown = { ...row, mac: mac(key, DOMAIN, table, ...fields(table, row)) };
  // The bare row plus its MAC is the row: TypeScript cannot add a property back to an Omit over a type parameter.
  return signed as Rows[T];
}

/** Whether the row is one that the vault wrote. */
export function isAuthentic<T extends AuthenticTable>(key: Secret, table: T, row: Rows[T]): boolean {
  return macMatches(key, row.mac, DOMAIN, table, ...fields(table, row));
}

function fields<T extends AuthenticTable>(table: T, row: Bare<T> | Rows[T]): Field[] {
  // Every column of these tables is text, bytes, an integer or null: see Rows.
  return COLUMNS[table].map((column) => (row as Record<string, unknown>)[column] as Field);
}

type Field = Uint8Array | string | number | null;
