import type { EarlierRow, HeadRow, LeaseRow, Rows, Table } from '../../src/vault/rows.ts';
import { PRIMARY_KEY } from '../../src/vault/rows.ts';

/** Rows that say which one they are: the same number gives the same row. */

/** 16 bytes that sort as their numbers do. */
export function bytesOf(n: number, length = 16): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32BE(n, length - 4);
  return bytes;
}

const word = (n: number): string => `w${String(n).padStart(8, '0')}`;

/** Rows with each of their columns set, but those that may be null for every other row. */
export const ROW = {
  claims: (n) => ({
    owner: word(n),
    key: bytesOf(n),
    body: bytesOf(n, 32),
    rows: bytesOf(n, 64),
    at: n,
    mac: bytesOf(n, 33),
  }),
  fingerprints: (n) => ({
    collection: 'col',
    fingerprint: bytesOf(n),
    row: bytesOf(n),
    keyId: word(n),
    mac: bytesOf(n, 33),
  }),
  lookups: (n) => ({
    collection: 'col',
    fingerprint: bytesOf(1),
    row: bytesOf(n),
    keyId: word(n),
    mac: bytesOf(n, 33),
  }),
  issued: (n) => ({
    collection: 'col',
    hash: bytesOf(n, 32),
    row: bytesOf(n),
    ended: n % 2 === 0 ? n : null,
    at: n,
  }),
  values: (n) => ({
    row: bytesOf(n),
    collection: 'col',
    token: word(n),
    cell: bytesOf(n, 80),
    metadata: n % 2 === 0 ? bytesOf(n, 40) : null,
    keyId: word(n),
    version: 1,
    subject: n % 2 === 0 ? word(n) : null,
    expiresAt: n % 2 === 0 ? n : null,
    creator: word(n),
  }),
  subjects: (n) => ({
    id: word(n),
    hash: bytesOf(n, 32),
    cell: bytesOf(n, 60),
    keyId: word(n),
    revision: 1,
    mac: bytesOf(n, 33),
  }),
  clients: (n) => ({
    id: word(n),
    name: word(n),
    kind: 'service',
    keyId: word(n),
    keyHash: bytesOf(n, 32),
    keyAt: n,
    priorKeyId: n % 2 === 0 ? word(n) : null,
    priorKeyHash: n % 2 === 0 ? bytesOf(n, 32) : null,
    priorKeyAt: n % 2 === 0 ? n : null,
    priorKeyUntil: n % 2 === 0 ? n : null,
    sources: '',
    state: 'active',
    createdAt: n,
    expiresAt: n % 2 === 0 ? n : null,
    revision: 1,
    mac: bytesOf(n, 33),
  }),
  grants: (n) => ({ client: 'cli', grant: word(n), revision: 1, mac: bytesOf(n, 33) }),
  policies: (n) => ({ number: n, text: word(n), at: n, revision: 1, mac: bytesOf(n, 33) }),
  collections: (n) => ({
    id: word(n),
    name: word(n),
    shape: word(n),
    createdAt: n,
    revision: 1,
    mac: bytesOf(n, 33),
  }),
  keys: (n) => ({
    id: word(n),
    collection: n % 2 === 0 ? word(n) : null,
    use: 'cells',
    version: n,
    state: 'active',
    masterKey: word(n),
    wrapped: bytesOf(n, 70),
    commitment: bytesOf(n, 32),
    createdAt: n,
    revision: 1,
    mac: bytesOf(n, 33),
  }),
  restrictions: (n) => ({
    client: 'cli',
    restriction: word(n),
    until: n % 2 === 0 ? n : null,
    reason: n % 2 === 0 ? word(n) : null,
    by: word(n),
    at: n,
    revision: 1,
    mac: bytesOf(n, 33),
  }),
  uses: (n) => ({ keyId: word(n), client: word(n), at: n, mac: bytesOf(n, 33) }),
  followers: (n) => ({
    name: word(n),
    holder: word(n),
    until: n,
    cursor: n,
    frontier: bytesOf(n, 32),
    state: bytesOf(n, 40),
    revision: 1,
    mac: bytesOf(n, 33),
  }),
  tiles: (n) => ({ level: n % 2, index: n, hashes: bytesOf(n, 64) }),
  checkpoints: (n) => ({ slot: n, size: n, at: n, note: word(n) }),
} satisfies { [T in Table]: (n: number) => Rows[T] };

export const TABLES_OF_ROWS = Object.keys(PRIMARY_KEY) as Table[];

export const earlierOf = (n: number): EarlierRow => ({
  row: bytesOf(n),
  version: 1,
  cell: bytesOf(n, 70),
  keyId: word(n),
  until: n,
});
export const leaseOf = (name: string, revision: number, holder = 'me'): LeaseRow => ({
  name,
  holder,
  until: 100,
  revision,
});

export const HEAD: HeadRow = {
  vault: 'vlt_1',
  environment: 'test',
  standing: 'open',
  size: 0,
  frontier: Buffer.alloc(0),
  epoch: 1,
  changes: 0,
  lastAt: 1,
  digests: bytesOf(7, 192),
  mac: bytesOf(8, 33),
};
