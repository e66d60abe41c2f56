import Database from 'better-sqlite3';
import { randomBytes } from 'node:crypto';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { fileMasterKey } from '../../src/masterkey/file.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { NOTHING } from '../../src/vault/commit/commit.ts';
import { CommitQueue } from '../../src/vault/commit/queue.ts';
import { UNOBSERVED } from '../../src/vault/observer.ts';
import { openRowsKey } from '../../src/vault/open.ts';
import { type Store, StoreFailure } from '../../src/vault/store.ts';
import { makeVaultDir, newVault } from '../harness.ts';

const PAN = '4111111111111111';

/** A real store whose transactions fail as told, in order; null lets one through. */
function failing(store: Store, failures: (StoreFailure | null)[]): Store {
  return {
    ...store,
    transact: (transaction) => {
      const failure = failures.shift() ?? null;
      return failure === null ? store.transact(transaction) : Promise.reject(failure);
    },
  };
}

it('acknowledges nothing after an I/O error, in whatever order a group was repeated', async () => {
  const dir = await makeVaultDir();
  const store = openSqlite(`${dir}/data/vault.db`);
  const masterKey = fileMasterKey(`${dir}/keys`, { groups: [] }, randomBytes);
  const { key, seal } = await openRowsKey(store, masterKey, 'test');
  const fatal: string[] = [];
  const failures = [
    new StoreFailure('other', 'a statement was refused'),
    null,
    new StoreFailure('io', 'a sync failed'),
  ];
  const queue = new CommitQueue({
    store: failing(store, failures),
    seal,
    rowsKey: key.secret,
    now: () => Date.now(),
    breathe: () => breathe(),
    pause: (milliseconds) => pause(milliseconds),
    observer: UNOBSERVED,
    onHead: () => undefined,
    onFailure: () => undefined,
    onFatal: ({ message }) => fatal.push(message),
  });
  const settled = await Promise.allSettled(Array.from({ length: 5 }, () => queue.submit(NOTHING)));
  expect(settled.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
    'rejected',
  ]);
  expect(fatal).toEqual(['a sync failed']);
  await expect(queue.submit(NOTHING)).rejects.toThrow('a sync failed');
  await store.close();
});

it.each([1, 70])('what expires while its commit of %i waits for a lock is not revealed', async (count) => {
  const open = await newVault();
  const client = await open.add(['tokenise:cards', 'detokenise:cards@settlement']);
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const items = Array.from({ length: count }, () => ({ collection: 'cards', value: PAN, expiresAt }));
  const made = await client.vault.tokenise({ items });
  const tokens = made.items.map((item) => ('token' in item ? item.token : ''));
  const other = new Database(open.storePath);
  other.exec('begin immediate');
  const asked = client.vault.detokenise({
    purpose: 'settlement',
    items: tokens.map((token) => ({ collection: 'cards', token })),
  });
  // It is decided, and tries to commit, before the time comes.
  for (let turn = 0; turn < 500; turn++) await breathe();
  open.clock.offset = 120_000;
  other.exec('rollback');
  other.close();
  const answered = await asked;
  const codes = new Set(answered.items.map((item) => ('error' in item ? item.error.code : 'revealed')));
  expect([...codes]).toEqual(['token_not_found']);
});
