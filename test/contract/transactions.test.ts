import { expect, it } from 'vitest';
import type { Statement, Told, Transaction } from '../../src/vault/statement.ts';
import { type Store, StoreFailure } from '../../src/vault/store.ts';
import { failedOf, scanned, told } from './conversation.ts';
import { overEveryEngine } from './engines.ts';
import { bytesOf, HEAD, ROW } from './rows.ts';

const insertUse = (n: number): Statement => ({ do: 'insert', table: 'uses', rows: [ROW.uses(n)] });

overEveryEngine((engine) => {
  const opened = async () => (await engine.empty()).open();

  it('leaves nothing of a transaction that is not kept, and answers its result', async () => {
    const store = await opened();
    await store.found(HEAD, []);
    const result = await store.transact(function* () {
      yield insertUse(1);
      yield { do: 'append', first: 0, events: [bytesOf(1)] };
      yield { do: 'lockHead' };
      yield { do: 'writeHead', head: { ...HEAD, epoch: 9 } };
      return { keep: false, result: 'undone' };
    });
    expect(result).toBe('undone');
    expect(await scanned(store, 'uses')).toEqual([]);
    expect(await store.epoch()).toBe(1);
    expect(await failedOf(store, insertUse(1))).toEqual([]);
  });

  it('leaves nothing of a transaction that raises, and passes on what it raised', async () => {
    const store = await opened();
    const raised = new RangeError('as the transaction says');
    const broken = store.transact(function* (): Transaction<never> {
      yield insertUse(1);
      throw raised;
    });
    await expect(broken).rejects.toBe(raised);
    expect(await scanned(store, 'uses')).toEqual([]);
    expect(await failedOf(store, insertUse(1))).toEqual([]);
  });

  it('leaves nothing of a transaction with a row that the store refuses, and goes on', async () => {
    const store = await opened();
    // What no column takes: the types forbid it, and the engine is the last to look.
    const spoilt = { ...ROW.uses(2), client: null } as unknown as ReturnType<typeof ROW.uses>;
    const refused = told(store, insertUse(1), { do: 'insert', table: 'uses', rows: [spoilt] });
    // On SQLite "do nothing" is of NOT NULL too: the row is not there, and told to be so.
    const answer = await refused.then(
      (all) => all[1]?.failed,
      (error: unknown) => error,
    );
    if (!Array.isArray(answer)) expect(answer).toBeInstanceOf(StoreFailure);
    expect(await scanned(store, 'uses')).toEqual(Array.isArray(answer) ? [ROW.uses(1)] : []);
    expect(await failedOf(store, insertUse(3))).toEqual([]);
  });

  it('runs transactions of two stores one after another at the head: no change is lost', async () => {
    const empty = await engine.empty();
    const stores = [await empty.open(), await empty.open()];
    await stores[0]?.found(HEAD, []);
    const raise = (store: Store, n: number) =>
      store.transact(function* () {
        yield insertUse(n);
        const { head } = yield { do: 'lockHead' };
        if (head === null) throw new Error('no head');
        yield { do: 'append', first: head.size, events: [bytesOf(n)] };
        yield { do: 'writeHead', head: { ...head, size: head.size + 1, epoch: head.epoch + 1 } };
        return { keep: true, result: head.size };
      });
    const walks = stores.map(async (store, which) => {
      const sizes: number[] = [];
      for (let i = 0; i < 25; i++) sizes.push(await raise(store, which * 100 + i));
      return sizes;
    });
    const sizes = (await Promise.all(walks)).flat();
    expect(sizes.toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect((await stores[1]?.authority())?.head).toMatchObject({ size: 50, epoch: 51 });
    const snapshot = await stores[0]?.snapshot();
    let next = 0;
    for await (const { index } of snapshot?.events() ?? []) expect(index).toBe(next++);
    expect(next).toBe(50);
    await snapshot?.close();
  });

  it('gives a key that two stores insert at a time to one of them', async () => {
    const empty = await engine.empty();
    const stores = [await empty.open(), await empty.open(), await empty.open()];
    for (let round = 0; round < 10; round++) {
      const rows = Array.from({ length: 40 }, (_, i) => ROW.fingerprints(round * 20 + i));
      const failed = await Promise.all(
        stores.map((store) => failedOf(store, { do: 'insert', table: 'fingerprints', rows })),
      );
      const taken = failed.reduce((sum, one) => sum + (rows.length - one.length), 0);
      expect(taken).toBe(round === 0 ? 40 : 20);
    }
  });

  it('lets one of two stores end a value, replace it, or take a lease', async () => {
    const empty = await engine.empty();
    const stores = [await empty.open(), await empty.open()];
    const numbers = Array.from({ length: 30 }, (_, i) => i + 1);
    await told(stores[0] as Store, {
      do: 'insert',
      table: 'values',
      rows: numbers.map((n) => ROW.values(n)),
    });
    const endings = numbers.map((n) => ({
      collection: 'col',
      hash: bytesOf(n, 32),
      row: bytesOf(n),
      version: 1,
      print: null,
      at: 9,
    }));
    const replacements = numbers.map((n) => ({
      value: { ...ROW.values(n), version: 2 },
      gone: null,
      earlier: null,
    }));
    const [ended, replaced] = await Promise.all([
      failedOf(stores[0] as Store, { do: 'end', endings: endings.toReversed() }),
      failedOf(stores[1] as Store, { do: 'replace', replacements }),
    ]);
    expect((ended ?? []).length + (replaced ?? []).length).toBe(30);
    const leases = [{ name: 'purge', holder: 'a', until: 9, revision: 1 }];
    const taken = await Promise.all(stores.map((store) => failedOf(store, { do: 'lease', leases })));
    expect(taken.flat()).toEqual([0]);
  });

  it('shows nothing of a transaction to others before it is kept', async () => {
    const empty = await engine.empty();
    const [store, other] = [await empty.open(), await empty.open()];
    const seen: Promise<unknown>[] = [];
    await store.transact(function* (): Transaction<Told> {
      const done = yield insertUse(1);
      // Asked on the other store's connection, while this transaction is open.
      seen.push(other.uses([ROW.uses(1).keyId]));
      yield insertUse(2);
      return { keep: false, result: done };
    });
    expect(await Promise.all(seen)).toEqual([[null]]);
  });

  it('fails closed once it is closed', async () => {
    const store = await opened();
    await store.found(HEAD, []);
    await store.close();
    const asked = [
      () => told(store, insertUse(1)),
      () => store.found(HEAD, []),
      () => store.authority(),
      () => store.epoch(),
      () => store.locate('col', [bytesOf(1)]),
      () => store.claim('a', bytesOf(1)),
    ];
    for (const ask of asked) await expect(ask()).rejects.toBeInstanceOf(StoreFailure);
  });
});
