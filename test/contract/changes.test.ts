import { expect, it } from 'vitest';
import { LAST_REVISION, type Rows } from '../../src/vault/rows.ts';
import type { Ending, Replacement, StoredPrint, Update } from '../../src/vault/statement.ts';
import type { Store } from '../../src/vault/store.ts';
import { failedOf, scanned, told } from './conversation.ts';
import { overEveryEngine } from './engines.ts';
import { bytesOf, earlierOf, HEAD, leaseOf, ROW } from './rows.ts';

/** A token with its value, a fingerprint of each kind, and what was kept of an earlier version. */
async function issue(store: Store, numbers: readonly number[]): Promise<void> {
  await told(
    store,
    { do: 'insert', table: 'fingerprints', rows: numbers.map((n) => ROW.fingerprints(n)) },
    { do: 'insert', table: 'lookups', rows: numbers.map((n) => ROW.lookups(n)) },
    { do: 'insert', table: 'issued', rows: numbers.map((n) => ({ ...ROW.issued(n), ended: null })) },
    { do: 'insert', table: 'values', rows: numbers.map((n) => ROW.values(n)) },
  );
}

const print = (n: number): StoredPrint => ({ table: 'fingerprints', fingerprint: bytesOf(n) });
const lookup: StoredPrint = { table: 'lookups', fingerprint: bytesOf(1) };

const ending = (n: number, more: Partial<Ending> = {}): Ending => ({
  collection: 'col',
  hash: bytesOf(n, 32),
  row: bytesOf(n),
  version: 1,
  print: print(n),
  at: 77,
  ...more,
});

const replacement = (n: number, version: number, more: Partial<Replacement> = {}): Replacement => ({
  value: {
    ...ROW.values(n),
    version,
    cell: bytesOf(version, 90),
    keyId: 'next',
    metadata: bytesOf(5),
    expiresAt: 123,
  },
  gone: print(n),
  earlier: { ...earlierOf(n), version: version - 1 },
  ...more,
});

const client = (n: number, revision: number): Update => ({
  table: 'clients',
  row: { ...ROW.clients(n), revision, name: `at ${revision}` },
  was: ROW.clients(n).mac,
});

overEveryEngine((engine) => {
  const opened = async () => (await engine.empty()).open();

  it('ends tokens: value, fingerprint and earlier version go, what was issued stays', async () => {
    const store = await opened();
    await issue(store, [1, 2, 3]);
    await told(store, { do: 'replace', replacements: [replacement(2, 2, { gone: null })] });
    const endings = [ending(1), ending(2, { version: 2, print: lookup }), ending(3, { print: null })];
    expect(await failedOf(store, { do: 'end', endings })).toEqual([]);
    expect(await scanned(store, 'values')).toEqual([]);
    expect(await scanned(store, 'earlier')).toEqual([]);
    expect(await scanned(store, 'fingerprints')).toEqual([ROW.fingerprints(2), ROW.fingerprints(3)]);
    expect(await scanned(store, 'lookups')).toEqual([1, 3].map((n) => ROW.lookups(n)));
    expect(
      await store.locate(
        'col',
        [1, 2, 3].map((n) => bytesOf(n, 32)),
      ),
    ).toEqual([1, 2, 3].map((n) => ({ row: bytesOf(n), ended: 77, value: null })));
  });

  it('ends nothing of a value that is not at its version, and tells which', async () => {
    const store = await opened();
    await issue(store, [1, 2, 3, 4]);
    const endings = [ending(9), ending(1), ending(2, { version: 2 }), ending(3), ending(4, { version: 0 })];
    expect(await failedOf(store, { do: 'end', endings })).toEqual([0, 2, 4]);
    expect(await scanned(store, 'values')).toEqual([ROW.values(2), ROW.values(4)]);
    expect(await scanned(store, 'fingerprints')).toEqual([ROW.fingerprints(2), ROW.fingerprints(4)]);
  });

  it('ends a value although its fingerprint, or what was issued, is gone; and once only', async () => {
    const store = await opened();
    await issue(store, [1, 2]);
    const endings = [
      ending(2, { print: print(99) }),
      ending(1, { hash: bytesOf(99, 32), print: { table: 'fingerprints', fingerprint: bytesOf(2) } }),
      ending(2),
    ];
    expect(await failedOf(store, { do: 'end', endings })).toEqual([2]);
    expect(await scanned(store, 'values')).toEqual([]);
    // A fingerprint goes only with the row that it points at.
    expect(await scanned(store, 'fingerprints')).toEqual([ROW.fingerprints(1), ROW.fingerprints(2)]);
    expect(await failedOf(store, { do: 'end', endings: [] })).toEqual([]);
  });

  it('does not end a second time what was issued and ended', async () => {
    const store = await opened();
    await issue(store, [1]);
    await told(
      store,
      { do: 'end', endings: [ending(1)] },
      { do: 'insert', table: 'values', rows: [ROW.values(1)] },
    );
    expect(await failedOf(store, { do: 'end', endings: [ending(1, { at: 99 })] })).toEqual([]);
    expect((await store.locate('col', [bytesOf(1, 32)]))[0]?.ended).toBe(77);
  });

  it('replaces values: the version before is kept as told, those before it go', async () => {
    const store = await opened();
    await issue(store, [1, 2, 3]);
    const first = [
      replacement(1, 2),
      replacement(2, 2, { gone: lookup }),
      replacement(3, 2, { gone: null, earlier: null }),
    ];
    expect(await failedOf(store, { do: 'replace', replacements: first })).toEqual([]);
    expect(await store.located([1, 2, 3].map((n) => bytesOf(n)))).toEqual(first.map(({ value }) => value));
    expect(await store.earlier([1, 2, 3].map((n) => bytesOf(n)))).toEqual(
      first.map(({ earlier }) => earlier),
    );
    expect(await scanned(store, 'fingerprints')).toEqual([ROW.fingerprints(2), ROW.fingerprints(3)]);
    expect(await scanned(store, 'lookups')).toEqual([ROW.lookups(1), ROW.lookups(3)]);

    const second = [replacement(2, 3, { earlier: null }), replacement(1, 3)];
    expect(await failedOf(store, { do: 'replace', replacements: second })).toEqual([]);
    expect(await store.earlier([1, 2].map((n) => bytesOf(n)))).toEqual([second[1]?.earlier, null]);
  });

  it('changes of a value what a replacement changes, and nothing else', async () => {
    const store = await opened();
    await issue(store, [2]);
    const { value, ...rest } = replacement(2, 2);
    const other = { ...value, token: 'other', collection: 'other', subject: 'other', creator: 'other' };
    await told(store, { do: 'replace', replacements: [{ ...rest, value: other }] });
    expect(await store.located([bytesOf(2)])).toEqual([value]);
  });

  it('replaces nothing that is not at the version before, and tells which; one after another', async () => {
    const store = await opened();
    await issue(store, [1, 2]);
    const replacements = [
      replacement(1, 3),
      replacement(9, 2),
      replacement(2, 2),
      replacement(2, 3),
      replacement(2, 3),
    ];
    expect(await failedOf(store, { do: 'replace', replacements })).toEqual([0, 1, 4]);
    expect((await store.located([bytesOf(1), bytesOf(2)])).map((row) => row?.version)).toEqual([1, 3]);
    expect(await scanned(store, 'earlier')).toEqual([{ ...earlierOf(2), version: 2 }]);
  });

  it('forgets earlier versions that are there', async () => {
    const store = await opened();
    await issue(store, [1, 2, 3]);
    await told(store, { do: 'replace', replacements: [1, 2, 3].map((n) => replacement(n, 2)) });
    const versions = [
      { row: bytesOf(3), version: 1 },
      { row: bytesOf(2), version: 2 },
      { row: bytesOf(9), version: 1 },
      { row: bytesOf(3), version: 1 },
      { row: bytesOf(1), version: 1 },
    ];
    expect(await failedOf(store, { do: 'forgetEarlier', versions })).toEqual([1, 2, 3]);
    expect(await scanned(store, 'earlier')).toEqual([earlierOf(2)]);
  });

  it('puts the next revision of an authority row in the place of the one before', async () => {
    const store = await opened();
    const rows = [1, 2, 3, 4].map((n) => ROW.clients(n));
    await told(store, { do: 'insert', table: 'clients', rows });
    const updates = [client(2, 2), client(1, 3), client(9, 2), client(2, 3), client(4, 2), client(4, 2)];
    expect(await failedOf(store, { do: 'update', updates })).toEqual([1, 2, 5]);
    const { clients } = await store.authority();
    expect(clients.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      rows[0],
      client(2, 3).row,
      rows[2],
      client(4, 2).row,
    ]);
  });

  it('updates rows of several tables, each by its whole key', async () => {
    const store = await opened();
    await told(
      store,
      { do: 'insert', table: 'clients', rows: [ROW.clients(1)] },
      { do: 'insert', table: 'collections', rows: [ROW.collections(1)] },
      { do: 'insert', table: 'restrictions', rows: [ROW.restrictions(1), ROW.restrictions(2)] },
      { do: 'insert', table: 'keys', rows: [ROW.keys(1), ROW.keys(2)] },
    );
    const was = bytesOf(0);
    const destroyed: Rows['keys'] = {
      ...ROW.keys(2),
      state: 'destroyed',
      wrapped: Buffer.alloc(0),
      revision: 2,
      mac: bytesOf(7, 33),
    };
    const lifted: Rows['restrictions'] = { ...ROW.restrictions(2), until: 5, reason: null, revision: 2 };
    const renamed: Rows['collections'] = { ...ROW.collections(1), name: 'renamed', revision: 2 };
    const updates: Update[] = [
      { table: 'restrictions', row: { ...lifted, client: 'other' }, was },
      { table: 'collections', row: renamed, was },
      { table: 'restrictions', row: lifted, was },
      { table: 'collections', row: { ...renamed, id: 'other' }, was },
      client(1, 2),
      { table: 'keys', row: destroyed, was },
      { table: 'keys', row: { ...ROW.keys(1), revision: 3 }, was },
    ];
    expect(await failedOf(store, { do: 'update', updates })).toEqual([0, 3, 6]);
    const { clients, collections, restrictions, keys } = await store.authority();
    expect(keys).toHaveLength(2);
    expect(keys).toEqual(expect.arrayContaining([ROW.keys(1), destroyed]));
    expect(clients).toEqual([client(1, 2).row]);
    expect(collections).toEqual([renamed]);
    expect(restrictions).toHaveLength(2);
    expect(restrictions).toEqual(expect.arrayContaining([ROW.restrictions(1), lifted]));
  });

  it('gives a lease to whoever comes first, and to whoever names the revision before', async () => {
    const store = await opened();
    const lease = (revision: number, holder?: string) =>
      failedOf(store, { do: 'lease', leases: [leaseOf('purge', revision, holder)] });
    expect(await store.lease('purge')).toBeNull();
    expect(await lease(1)).toEqual([]);
    expect(await lease(1, 'other')).toEqual([0]);
    expect(await lease(3, 'other')).toEqual([0]);
    expect(await lease(2, 'other')).toEqual([]);
    expect(await store.lease('purge')).toEqual(leaseOf('purge', 2, 'other'));
    const leases = [
      leaseOf('a', 1),
      leaseOf('purge', 2),
      leaseOf('purge', 3),
      leaseOf('a', 2),
      leaseOf('b', 1),
    ];
    expect(await failedOf(store, { do: 'lease', leases })).toEqual([1]);
    expect(await store.lease('a')).toEqual(leaseOf('a', 2));
  });

  it.each([-1, LAST_REVISION + 1])('takes a lease at revision %d for none', async (revision) => {
    const empty = await engine.empty();
    const store = await empty.open();
    await empty.sql(
      `insert into leases (name, holder, "until", revision) values ('purge', 'nobody', 9, ${revision})`,
    );
    expect(await failedOf(store, { do: 'lease', leases: [leaseOf('purge', 2)] })).toEqual([0]);
    expect(await failedOf(store, { do: 'lease', leases: [leaseOf('purge', 1)] })).toEqual([]);
    expect(await store.lease('purge')).toEqual(leaseOf('purge', 1));
  });

  it('forgets claims that were made before a time', async () => {
    const store = await opened();
    await told(store, { do: 'insert', table: 'claims', rows: [1, 2, 3, 4].map((n) => ROW.claims(n)) });
    expect(await store.hasClaims(1)).toBe(false);
    expect(await store.hasClaims(2)).toBe(true);
    await told(store, { do: 'forgetClaims', before: 3 });
    expect(await scanned(store, 'claims')).toHaveLength(2);
    expect(await store.hasClaims(3)).toBe(false);
    expect(await store.claim(ROW.claims(3).owner, ROW.claims(3).key)).toEqual(ROW.claims(3));
    expect(await store.claim(ROW.claims(2).owner, ROW.claims(2).key)).toBeNull();
  });

  it('keeps the later of two uses', async () => {
    const store = await opened();
    const use = (n: number, at: number): Rows['uses'] => ({
      ...ROW.uses(n),
      at,
      client: `at ${at}`,
      mac: bytesOf(at, 33),
    });
    await told(store, { do: 'noteUses', uses: [use(1, 10), use(2, 10)] });
    await told(store, { do: 'noteUses', uses: [use(1, 9), use(2, 11), use(3, 5), use(3, 7), use(3, 6)] });
    expect(await store.uses([1, 2, 3].map((n) => ROW.uses(n).keyId))).toEqual([
      use(1, 10),
      use(2, 11),
      use(3, 7),
    ]);
    await told(store, { do: 'noteUses', uses: [] });
  });

  it('tells which values are no longer live at their version', async () => {
    const store = await opened();
    await issue(store, [1, 2]);
    const relied = [
      { row: bytesOf(9), version: 1 },
      { row: bytesOf(2), version: 1 },
      { row: bytesOf(1), version: 2 },
      { row: bytesOf(2), version: 1 },
      { row: bytesOf(1), version: 1 },
    ];
    expect(await failedOf(store, { do: 'checkLive', relied })).toEqual([0, 2]);
    expect(await failedOf(store, { do: 'checkLive', relied: [] })).toEqual([]);
  });

  it('tells which collections have tokens', async () => {
    const store = await opened();
    await issue(store, [1, 2]);
    expect(await failedOf(store, { do: 'checkEmpty', collections: ['a', 'col', 'b', 'col'] })).toEqual([
      1, 3,
    ]);
    expect(await failedOf(store, { do: 'checkEmpty', collections: [] })).toEqual([]);
    expect(await store.isEmpty('col')).toBe(false);
    expect(await store.isEmpty('a')).toBe(true);
  });

  it('changes thousands at once', async () => {
    const store = await opened();
    const numbers = Array.from({ length: 3000 }, (_, i) => i + 1);
    await issue(store, numbers);
    await told(store, { do: 'replace', replacements: numbers.map((n) => replacement(n, 2)) });
    const endings = numbers.map((n) => ending(n, { version: n % 2 === 0 ? 2 : 1 }));
    expect(await failedOf(store, { do: 'end', endings })).toEqual(
      [...numbers.keys()].filter((i) => i % 2 === 0),
    );
    expect(await scanned(store, 'values')).toHaveLength(1500);
    expect(await scanned(store, 'earlier')).toHaveLength(1500);
  });

  it('sees within a transaction what it did before', async () => {
    const store = await opened();
    await store.found(HEAD, []);
    const [, , live, taken] = await told(
      store,
      { do: 'insert', table: 'values', rows: [ROW.values(1), ROW.values(2)] },
      { do: 'end', endings: [ending(1)] },
      {
        do: 'checkLive',
        relied: [
          { row: bytesOf(1), version: 1 },
          { row: bytesOf(2), version: 1 },
        ],
      },
      { do: 'insert', table: 'values', rows: [ROW.values(1), ROW.values(2)] },
    );
    expect(live?.failed).toEqual([0]);
    expect(taken?.failed).toEqual([1]);
  });
});
