import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { fileMasterKey } from '../../src/masterkey/file.ts';
import { HEAD, insertion, TABLES } from '../../src/store/columns.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { digestRows } from '../../src/vault/commit/digest.ts';
import { signRow } from '../../src/vault/custody/authentic.ts';
import { openRowsKey } from '../../src/vault/open.ts';
import {
  AUTHORITY,
  type AuthorityTable,
  type ClientRow,
  type GrantRow,
  type RestrictionRow,
} from '../../src/vault/rows.ts';
import type { AuthoritySnapshot } from '../../src/vault/store.ts';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';
import { tamper } from './tamper.ts';

/**
 * Somebody who writes the database: with older rows of the vault's own, and then with the key that authenticates rows,
 * whom only the log can contradict.
 */

const DAY = 24 * 60 * 60 * 1000;
const inFuture = (time: number): string => new Date(Date.now() + time).toISOString();

type Row = Record<string, unknown>;
const rowsOf = (path: string, table: string): Row[] => {
  const rows: Row[] = [];
  tamper(path, (db) => rows.push(...(db.prepare(`select * from "${table}"`).all() as Row[])));
  return rows;
};

/** The table as it was, with everything that has come since. */
function putBack(path: string, table: string, rows: readonly Row[]): void {
  tamper(path, (db) => {
    db.exec(`delete from "${table}"`);
    for (const row of rows) {
      const names = Object.keys(row).map((name) => `"${name}"`);
      db.prepare(
        `insert into "${table}" (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
      ).run(...Object.values(row));
    }
  });
}

type Clients = TestVault['host']['clients'];
const changes: [string, AuthorityTable, (clients: Clients, client: string) => Promise<unknown>][] = [
  ['key before a rotation', 'clients', (clients, client) => clients.rotate({ client })],
  [
    'longer overlap',
    'clients',
    async (clients, client) => {
      await clients.rotate({ client, priorKeyUntil: inFuture(DAY) });
      await clients.rotate({ client });
    },
  ],
  ['later expiry', 'clients', (clients, client) => clients.expire({ client, expiresAt: inFuture(DAY) })],
  ['wider subnets', 'clients', (clients, client) => clients.admit({ client, from: ['127.0.0.1'] })],
  ['time without a suspension', 'restrictions', (clients, client) => clients.suspend({ client })],
  [
    'end of a restriction',
    'restrictions',
    async (clients, client) => {
      await clients.restrict({ client, restriction: 'masked' });
      await clients.restrict({ client, restriction: 'masked', until: inFuture(DAY) });
      await clients.restrict({ client, restriction: 'masked' });
    },
  ],
];

it.each(changes)(
  'an authentic %s that was put back closes the vault, and is named',
  async (_, table, change) => {
    const open = await newVault();
    const client = await open.add(['tokenise:cards']);
    const older = rowsOf(open.storePath, table);
    await change(open.host.clients, client.id);
    putBack(open.storePath, table, older);
    await open.vault.recheck();
    await expect(open.as(client.key)).rejects.toMatchObject({ code: 'integrity' });
    const { findings } = await open.host.audit.verify();
    expect(findings).toContainEqual({
      index: null,
      table,
      problem: 'rows were changed, deleted or put back',
    });
    expect(open.notices).toContainEqual(expect.objectContaining({ kind: 'integrity', table }));
  },
);

/** Rewrites authority with the vault's own key for rows, digests and head included. */
async function forge(
  { dir, storePath }: TestVault,
  edit: (authority: AuthoritySnapshot) => Partial<AuthoritySnapshot>,
): Promise<void> {
  const store = openSqlite(storePath);
  const masterKey = fileMasterKey(`${dir}/keys`, { groups: [process.getegid?.() ?? -1] }, randomBytes);
  const { key, seal } = await openRowsKey(store, masterKey, 'test');
  const before = await store.authority();
  await store.close();
  const { head } = before;
  if (head === null) throw new Error('there is no head');
  const after = { ...before, ...edit(before) };
  const signed = {
    ...after,
    clients: after.clients.map((row) => signRow(key.secret, 'clients', row)),
    grants: after.grants.map((row) => signRow(key.secret, 'grants', row)),
    restrictions: after.restrictions.map((row) => signRow(key.secret, 'restrictions', row)),
  };
  const digests = Buffer.concat(AUTHORITY.map((table) => digestRows(signed[table])));
  tamper(storePath, (db) => {
    for (const table of ['clients', 'grants', 'restrictions'] as const) {
      db.exec(`delete from "${table}"`);
      const { sql, properties } = insertion(table, TABLES[table]);
      for (const row of signed[table])
        db.prepare(sql).run(...properties.map((name): unknown => Reflect.get(row, name)));
    }
    db.exec('delete from head');
    const { sql, properties } = insertion('head', HEAD);
    const sealed = seal.sign({ ...head, digests });
    db.prepare(sql).run(
      ...properties.map((name): unknown => (name === 'only' ? 1 : Reflect.get(sealed, name))),
    );
  });
}

const client = (change: Partial<ClientRow>) => (authority: AuthoritySnapshot) => ({
  clients: authority.clients.map((row) => ({ ...row, ...change })),
});
const grant = (change: (rows: readonly GrantRow[]) => readonly GrantRow[]) => (all: AuthoritySnapshot) => ({
  grants: change(all.grants),
});
const restriction = (change: Partial<RestrictionRow>) => (authority: AuthoritySnapshot) => ({
  restrictions: authority.restrictions.map((row) => ({ ...row, ...change })),
});

const forgeries: [string, AuthorityTable, (authority: AuthoritySnapshot) => Partial<AuthoritySnapshot>][] = [
  ['name', 'clients', client({ name: 'another' })],
  ['kind', 'clients', client({ kind: 'auditor' })],
  ['key', 'clients', client({ keyHash: new Uint8Array(32) })],
  ['key', 'clients', client({ keyId: '111111111111' })],
  ['prior key', 'clients', client({ priorKeyHash: new Uint8Array(32) })],
  ['prior key', 'clients', client({ priorKeyUntil: Date.now() + 99 * DAY })],
  ['prior key', 'clients', client({ priorKeyId: null, priorKeyHash: null, priorKeyUntil: null })],
  ['expiry', 'clients', client({ expiresAt: null })],
  ['subnets', 'clients', client({ sources: '' })],
  ['state', 'clients', client({ state: 'revoked' })],
  ['grants', 'grants', grant((rows) => rows.slice(1))],
  ['grants', 'grants', grant((rows) => rows.map((row) => ({ ...row, grant: 'tokenise:*' })).slice(1))],
  ['restrictions', 'restrictions', restriction({ until: 1 })],
  ['restrictions', 'restrictions', restriction({ restriction: 'throttled' })],
  ['restrictions', 'restrictions', restriction({ reason: 'another' })],
  ['restrictions', 'restrictions', restriction({ by: 'cli_1111111111111' })],
  ['restrictions', 'restrictions', () => ({ restrictions: [] })],
];

it('a grant or a restriction of a client that is not there is found', async () => {
  const open = await newVault();
  const { id } = await open.add(['tokenise:cards']);
  await open.host.clients.restrict({ client: id, restriction: 'masked' });
  await open.close();
  await forge(open, () => ({ clients: [] }));
  const { findings } = await (await openVaultDir(open.dir)).host.audit.verify();
  expect(findings.map(({ table, problem }) => `${table}: ${problem}`)).toEqual([
    'grants: a row of a client that is not there',
    'restrictions: a row of a client that is not there',
    `clients: ${id} is gone`,
  ]);
});

it.each(forgeries)('the log contradicts a forged %s in %s', async (what, table, edit) => {
  const open = await newVault();
  const { id } = await open.add(['tokenise:cards', 'detokenise:cards@settlement'], {
    expiresAt: inFuture(DAY),
    from: ['127.0.0.1'],
  });
  const { clients } = open.host;
  await clients.rotate({ client: id, priorKeyUntil: inFuture(DAY) });
  await clients.restrict({ client: id, restriction: 'masked', reason: 'CASE-7' });
  await open.close();
  // Rewritten as it was, nothing is found: what is found below is what was changed.
  await forge(open, () => ({}));
  const same = await openVaultDir(open.dir);
  expect(await same.host.audit.verify()).toMatchObject({ ok: true });
  await same.close();
  await forge(open, edit);
  const { findings } = await (await openVaultDir(open.dir)).host.audit.verify();
  expect(findings).toEqual([{ index: null, table, problem: `${what} of ${id}: not as the log says` }]);
});
