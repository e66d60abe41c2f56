import { describe, expect, it } from 'vitest';
import { type Rows, type Table } from '../../src/vault/rows.ts';
import { StoreFailure, type Store } from '../../src/vault/store.ts';
import { everyRow, failedOf, scanned, told } from './conversation.ts';
import { overEveryEngine } from './engines.ts';
import { bytesOf, HEAD, ROW, TABLES_OF_ROWS } from './rows.ts';

const AUTHORITY = ['clients', 'grants', 'policies', 'collections', 'keys', 'restrictions'] as const;
const isAuthority = (table: Table): table is (typeof AUTHORITY)[number] =>
  (AUTHORITY as readonly string[]).includes(table);

/** What a table holds, however it is read. */
async function heldBy(store: Store, table: Table): Promise<readonly object[]> {
  if (!isAuthority(table)) return scanned(store, table);
  return (await store.authority())[table];
}

const insert = (store: Store, table: Table, rows: readonly Rows[Table][]) =>
  failedOf(store, { do: 'insert', table, rows });

const rowsOf = (table: Table, numbers: readonly number[]): Rows[Table][] => numbers.map((n) => ROW[table](n));

overEveryEngine((engine) => {
  const opened = async () => (await engine.empty()).open();

  describe.each(TABLES_OF_ROWS)('%s', (table) => {
    it('takes rows and gives them back as they were, nulls too', async () => {
      const store = await opened();
      expect(await insert(store, table, rowsOf(table, [1, 2, 3]))).toEqual([]);
      const found = await heldBy(store, table);
      expect(found).toHaveLength(3);
      expect(found).toEqual(expect.arrayContaining(rowsOf(table, [1, 2, 3])));
    });

    it('tells which keys were taken, in order, and leaves what has them', async () => {
      const store = await opened();
      await insert(store, table, rowsOf(table, [2, 4]));
      expect(await insert(store, table, rowsOf(table, [1, 2, 3, 4]))).toEqual([1, 3]);
      expect(await heldBy(store, table)).toHaveLength(4);
      expect(await insert(store, table, rowsOf(table, [4, 3, 2, 1]))).toEqual([0, 1, 2, 3]);
    });

    it('takes the first of two rows with one key', async () => {
      const store = await opened();
      expect(await insert(store, table, rowsOf(table, [5, 6, 5, 6, 5]))).toEqual([2, 3, 4]);
      expect(await heldBy(store, table)).toHaveLength(2);
      expect(await insert(store, table, rowsOf(table, [7, 5, 7]))).toEqual([1, 2]);
    });

    it('takes none', async () => {
      expect(await insert(await opened(), table, [])).toEqual([]);
    });
  });

  it('takes thousands of rows at once', async () => {
    const store = await opened();
    const numbers = Array.from({ length: 5000 }, (_, i) => i + 1);
    expect(await insert(store, 'issued', rowsOf('issued', numbers))).toEqual([]);
    const more = Array.from({ length: 5000 }, (_, i) => i + 2501);
    expect(await insert(store, 'issued', rowsOf('issued', more))).toEqual([...Array(2500).keys()]);
    expect(await scanned(store, 'issued')).toHaveLength(7500);
  });

  it('tells of a subject whose id is somebody else’s', async () => {
    const store = await opened();
    await insert(store, 'subjects', [ROW.subjects(1)]);
    const other = { ...ROW.subjects(2), id: ROW.subjects(1).id };
    expect(await insert(store, 'subjects', [ROW.subjects(3), other])).toEqual([1]);
  });

  it('keeps every byte', async () => {
    const store = await opened();
    const cell = Buffer.from([...Array(256).keys()]);
    const rows = [
      { ...ROW.values(1), cell, metadata: Buffer.alloc(0) },
      { ...ROW.values(3), cell: Buffer.alloc(70_000, 0xfe), metadata: Buffer.from('\\x00{},"NULL"') },
    ];
    await insert(store, 'values', rows);
    expect(await store.located(rows.map(({ row }) => row))).toEqual(rows);
  });

  it('takes bytes that are a view of more', async () => {
    const store = await opened();
    const around = Uint8Array.from([9, 9, 1, 2, 3, 9]);
    await insert(store, 'values', [{ ...ROW.values(1), cell: around.subarray(2, 5) }]);
    expect((await store.located([bytesOf(1)]))[0]?.cell).toEqual(Buffer.from([1, 2, 3]));
  });

  it.each([
    ['quotes', `'";--$$ \\ {a,"b"} NULL`],
    ['the empty text', ''],
    ['the word that means null elsewhere', 'NULL'],
    ['letters of everywhere', 'ÅßŁ漢字🏦\u{10ffff}\u0001\u007f\ufeff'],
    ['lines', 'a\r\nb\tc'],
    ['a long text', 'x€'.repeat(40_000)],
  ])('keeps text: %s', async (_, text) => {
    const store = await opened();
    const rows = [{ ...ROW.subjects(1), id: text }, ROW.subjects(2)];
    expect(await insert(store, 'subjects', rows)).toEqual([]);
    expect(await store.subjectsById([text, 'nobody'])).toEqual([rows[0], null]);
    expect(await store.subjects(rows.map(({ hash }) => hash))).toEqual(rows);
  });

  it('keeps text with NUL, or refuses it, and never shortens it', async () => {
    const store = await opened();
    const row = { ...ROW.uses(1), client: 'a\0b' };
    const refusal = await insert(store, 'uses', [row]).then(
      () => null,
      (error: unknown) => error,
    );
    if (refusal !== null) expect(refusal).toBeInstanceOf(StoreFailure);
    expect(await scanned(store, 'uses')).toEqual(refusal === null ? [row] : []);
    expect(await insert(store, 'uses', [ROW.uses(2)])).toEqual([]);
  });

  it('keeps integers up to the largest safe one', async () => {
    const store = await opened();
    const numbers = [0, 1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    const rows = numbers.map((at, n) => ({ ...ROW.uses(n), at }));
    await insert(store, 'uses', rows);
    expect(await store.uses(rows.map(({ keyId }) => keyId))).toEqual(rows);
  });

  it('answers in the order of keys, byte by byte, whatever order they came in', async () => {
    const store = await opened();
    const keys = ['00', '7f', '80', 'ff', '0000', '00ff', 'ff00'].map((hex) => Buffer.from(hex, 'hex'));
    await insert(
      store,
      'values',
      keys.map((row) => ({ ...ROW.values(1), row })),
    );
    const found = await scanned(store, 'values');
    expect(found.map((row) => ('row' in row ? Buffer.from(row.row).toString('hex') : ''))).toEqual(
      keys.toSorted((a, b) => Buffer.compare(a, b)).map((key) => key.toString('hex')),
    );
  });

  it('founds a vault once', async () => {
    const empty = await engine.empty();
    const [one, other] = [await empty.open(), await empty.open()];
    const keys = [1, 2].map((n) => ({ table: 'keys' as const, row: ROW.keys(n) }));
    expect(await one.found(HEAD, keys)).toBe(true);
    expect(await other.found({ ...HEAD, vault: 'vlt_2' }, keys)).toBe(false);
    const { head, keys: found } = await other.authority();
    expect(head).toMatchObject(HEAD);
    expect(found).toEqual(keys.map(({ row }) => row));
    expect(await one.epoch()).toBe(1);
  });

  it('founds a vault once of two that try at a time', async () => {
    const empty = await engine.empty();
    const [one, other] = [await empty.open(), await empty.open()];
    const tried = await Promise.all([one.found(HEAD, []), other.found({ ...HEAD, vault: 'vlt_2' }, [])]);
    expect(tried.toSorted()).toEqual([false, true]);
  });

  it('appends events, and tells which indexes are taken', async () => {
    const store = await opened();
    const events = [1, 2, 3].map((n) => bytesOf(n, 40));
    expect(await failedOf(store, { do: 'append', first: 5, events })).toEqual([]);
    expect(
      await failedOf(store, { do: 'append', first: 3, events: [...events, bytesOf(9), bytesOf(10)] }),
    ).toEqual([2, 3, 4]);
    expect(await failedOf(store, { do: 'append', first: 20, events: [] })).toEqual([]);
    const snapshot = await store.snapshot();
    const found = await everyRow(snapshot.events());
    await snapshot.close();
    expect(found.map(({ index }) => index)).toEqual([3, 4, 5, 6, 7]);
    expect(found.slice(2).map(({ bytes }) => bytes)).toEqual(events);
  });

  it('gives the head to whoever locks it, and takes the next one', async () => {
    const store = await opened();
    expect((await told(store, { do: 'lockHead' }))[0]).toEqual({ failed: [], head: null, clock: null });
    await store.found(HEAD, []);
    const next = {
      ...HEAD,
      size: 9,
      frontier: bytesOf(1, 64),
      epoch: 2,
      changes: 3,
      lastAt: 2 ** 41,
      digests: bytesOf(2, 192),
      mac: bytesOf(3, 33),
    };
    const [before, , after] = await told(
      store,
      { do: 'lockHead' },
      { do: 'writeHead', head: next },
      { do: 'lockHead' },
    );
    expect(before?.head).toMatchObject(HEAD);
    expect(after?.head).toMatchObject(next);
    expect((await store.authority()).head).toMatchObject(next);
  });
});
