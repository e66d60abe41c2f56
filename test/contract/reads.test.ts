import { expect, it } from 'vitest';
import { everyRow, failedOf, scanned, told } from './conversation.ts';
import { overEveryEngine } from './engines.ts';
import { bytesOf, earlierOf, HEAD, ROW } from './rows.ts';

const hash = (n: number) => bytesOf(n, 32);

overEveryEngine((engine) => {
  const opened = async () => (await engine.empty()).open();

  it('locates tokens in the order that they were asked for, live, ended and unknown', async () => {
    const store = await opened();
    await told(
      store,
      { do: 'insert', table: 'issued', rows: [1, 2, 3].map((n) => ROW.issued(n)) },
      { do: 'insert', table: 'values', rows: [ROW.values(1), ROW.values(3)] },
    );
    expect(await store.locate('col', [hash(3), hash(9), hash(2), hash(1), hash(3)])).toEqual([
      { row: bytesOf(3), ended: null, value: ROW.values(3) },
      null,
      { row: bytesOf(2), ended: 2, value: null },
      { row: bytesOf(1), ended: null, value: ROW.values(1) },
      { row: bytesOf(3), ended: null, value: ROW.values(3) },
    ]);
    expect(await store.locate('other', [hash(1)])).toEqual([null]);
    expect(await store.locate('col', [])).toEqual([]);
    expect(await store.taken('col', [hash(9), hash(2), hash(1)])).toEqual([false, true, true]);
    expect(await store.taken('other', [hash(1)])).toEqual([false]);
    expect(await store.taken('col', [])).toEqual([]);
  });

  it('finds each kind of row by its key, in the order of the keys asked for', async () => {
    const store = await opened();
    await told(
      store,
      { do: 'insert', table: 'values', rows: [ROW.values(2), ROW.values(4)] },
      { do: 'insert', table: 'fingerprints', rows: [ROW.fingerprints(2), ROW.fingerprints(4)] },
      { do: 'insert', table: 'subjects', rows: [ROW.subjects(2), ROW.subjects(4)] },
      { do: 'insert', table: 'uses', rows: [ROW.uses(2), ROW.uses(4)] },
      { do: 'insert', table: 'claims', rows: [ROW.claims(2), ROW.claims(4)] },
    );
    const asked = [4, 3, 2, 4];
    const bytes = asked.map((n) => bytesOf(n));
    expect(await store.located(bytes)).toEqual([ROW.values(4), null, ROW.values(2), ROW.values(4)]);
    const prints = [ROW.fingerprints(4), null, ROW.fingerprints(2), ROW.fingerprints(4)];
    expect(await store.fingerprinted('col', bytes)).toEqual(prints);
    expect(await store.fingerprinted('other', bytes)).toEqual([null, null, null, null]);
    const subjects = [ROW.subjects(4), null, ROW.subjects(2), ROW.subjects(4)];
    expect(await store.subjects(asked.map(hash))).toEqual(subjects);
    expect(await store.subjectsById(asked.map((n) => ROW.subjects(n).id))).toEqual(subjects);
    expect(await store.uses(asked.map((n) => ROW.uses(n).keyId))).toEqual([
      ROW.uses(4),
      null,
      ROW.uses(2),
      ROW.uses(4),
    ]);
    expect(await store.claim(ROW.claims(4).owner, bytesOf(4))).toEqual(ROW.claims(4));
    expect(await store.claim(ROW.claims(4).owner, bytesOf(2))).toBeNull();
    expect(await store.located([])).toEqual([]);
    expect(await store.fingerprinted('col', [])).toEqual([]);
    expect(await store.subjects([])).toEqual([]);
    expect(await store.subjectsById([])).toEqual([]);
    expect(await store.earlier([])).toEqual([]);
    expect(await store.uses([])).toEqual([]);
  });

  it('looks values up by fingerprint: at most so many, in the order of rows', async () => {
    const store = await opened();
    const other = (n: number) => ({ ...ROW.lookups(n), fingerprint: bytesOf(2) });
    const rows = [5, 1, 3, 2].map((n) => ROW.lookups(n));
    await told(store, {
      do: 'insert',
      table: 'lookups',
      rows: [...rows, other(3), { ...ROW.lookups(9), collection: 'other' }],
    });
    expect(await store.lookedUp('col', [bytesOf(2), bytesOf(9), bytesOf(1)], 3)).toEqual([
      [other(3)],
      [],
      [ROW.lookups(1), ROW.lookups(2), ROW.lookups(3)],
    ]);
    expect(await store.lookedUp('col', [bytesOf(1)], 100)).toHaveLength(1);
    expect(await store.lookedUp('col', [], 3)).toEqual([]);
  });

  it('answers what has expired, the earliest first, a part at a time', async () => {
    const store = await opened();
    const value = (n: number, expiresAt: number | null) => ({ ...ROW.values(n), expiresAt });
    const rows = [value(1, 30), value(2, 10), value(3, null), value(4, 20), value(5, 40)];
    await told(store, { do: 'insert', table: 'values', rows });
    expect(await store.expired(30, 0, 10)).toEqual([rows[1], rows[3], rows[0]]);
    expect(await store.expired(30, 1, 1)).toEqual([rows[3]]);
    expect(await store.expired(9, 0, 10)).toEqual([]);
    expect(await store.expired(2 ** 52, 4, 10)).toEqual([]);
  });

  it('answers earlier versions whose time has ended, the first ones first', async () => {
    const store = await opened();
    await told(store, { do: 'insert', table: 'values', rows: [1, 2, 3].map((n) => ROW.values(n)) });
    const until = [20, 10, 30];
    const replacements = until.map((at, i) => ({
      value: { ...ROW.values(i + 1), version: 2 },
      gone: null,
      earlier: { ...earlierOf(i + 1), until: at },
    }));
    await told(store, { do: 'replace', replacements });
    const kept = replacements.map(({ earlier }) => earlier);
    expect(await store.outlived(20, 0, 10)).toEqual([kept[1], kept[0]]);
    expect(await store.outlived(30, 1, 1)).toEqual([kept[0]]);
    expect(await store.earlier([3, 9, 1].map((n) => bytesOf(n)))).toEqual([kept[2], null, kept[0]]);
  });

  it('answers events from an index on, tiles by their places, and the newest checkpoint', async () => {
    const store = await opened();
    expect(await store.eventsFrom(0, 9)).toEqual([]);
    expect(await store.lastCheckpoint()).toBeNull();
    expect(await store.head()).toBeNull();
    const events = [1, 2, 3, 4].map((n) => bytesOf(n, 20));
    const checkpoints = [4, 9, 6].map((n) => ROW.checkpoints(n));
    await told(
      store,
      { do: 'append', first: 0, events },
      { do: 'insert', table: 'tiles', rows: [1, 2, 3].map((n) => ROW.tiles(n)) },
      { do: 'noteCheckpoints', checkpoints },
      { do: 'noteCheckpoints', checkpoints: [{ ...ROW.checkpoints(9), size: 77, note: 'next' }] },
    );
    const stored = events.map((bytes, index) => ({ index, bytes }));
    expect(await store.eventsFrom(0, 9)).toEqual(stored);
    expect(await store.eventsFrom(1, 2)).toEqual(stored.slice(1, 3));
    expect(await store.eventsFrom(4, 2)).toEqual([]);
    const places = [ROW.tiles(3), { level: 1, index: 2 }, ROW.tiles(1), ROW.tiles(3)];
    expect(await store.tiles(places)).toEqual([ROW.tiles(3), null, ROW.tiles(1), ROW.tiles(3)]);
    expect(await store.tiles([])).toEqual([]);
    expect(await store.lastCheckpoint()).toEqual({ ...ROW.checkpoints(9), size: 77, note: 'next' });
    expect(await scanned(store, 'checkpoints')).toHaveLength(3);
    expect(await scanned(store, 'tiles')).toHaveLength(3);
    expect(await store.found(HEAD, [])).toBe(true);
    expect(await store.head()).toMatchObject(HEAD);
  });

  it("takes the next number of a follower's row alone, whoever comes first", async () => {
    const store = await opened();
    const row = (revision: number, holder: string) => ({ ...ROW.followers(1), revision, holder });
    const follow = (revision: number, holder: string) =>
      failedOf(store, { do: 'follow', followers: [row(revision, holder)] });
    const { name } = ROW.followers(1);
    expect(await store.follower(name)).toBeNull();
    expect(await follow(1, 'one')).toEqual([]);
    expect(await follow(1, 'other')).toEqual([0]);
    expect(await follow(3, 'other')).toEqual([0]);
    expect(await store.follower(name)).toEqual(row(1, 'one'));
    expect(await follow(2, 'other')).toEqual([]);
    expect(await store.follower(name)).toEqual(row(2, 'other'));
    expect(await scanned(store, 'followers')).toEqual([row(2, 'other')]);
  });

  it('reads thousands in the order that they were asked for', async () => {
    const store = await opened();
    const numbers = Array.from({ length: 4000 }, (_, i) => i + 1);
    await told(
      store,
      { do: 'insert', table: 'issued', rows: numbers.map((n) => ROW.issued(n)) },
      { do: 'insert', table: 'values', rows: numbers.map((n) => ROW.values(n)) },
    );
    const asked = numbers.map((n) => (n * 1777) % 6007);
    const found = await store.locate('col', asked.map(hash));
    expect(found.map((one) => one?.value ?? null)).toEqual(
      asked.map((n) => (n > 0 && n <= 4000 ? ROW.values(n) : null)),
    );
  });

  it('reads everything that decisions rest on at once', async () => {
    const store = await opened();
    const tables = ['clients', 'grants', 'policies', 'collections', 'keys', 'restrictions'] as const;
    await store.found(HEAD, []);
    for (const table of tables)
      await told(store, { do: 'insert', table, rows: [ROW[table](1), ROW[table](2)] });
    const authority = await store.authority();
    expect(authority.head).toMatchObject(HEAD);
    for (const table of tables) {
      expect(authority[table]).toHaveLength(2);
      expect(authority[table]).toEqual(expect.arrayContaining([ROW[table](1), ROW[table](2)]));
    }
  });

  it('answers of an empty store that nothing is there', async () => {
    const store = await opened();
    const authority = await store.authority();
    expect(authority.head).toBeNull();
    expect(authority.keys).toEqual([]);
    expect(await store.epoch()).toBe(0);
    expect(await store.expired(9, 0, 9)).toEqual([]);
    expect(await store.hasClaims(9)).toBe(false);
    const snapshot = await store.snapshot();
    expect(await everyRow(snapshot.events())).toEqual([]);
    await snapshot.close();
  });

  it('walks every table of a snapshot, those that hang off a row in the order of rows', async () => {
    const store = await opened();
    const numbers = Array.from({ length: 1203 }, (_, i) => i);
    const tables = ['issued', 'values', 'fingerprints', 'lookups', 'subjects', 'claims', 'uses'] as const;
    for (const table of tables)
      await told(store, { do: 'insert', table, rows: numbers.map((n) => ROW[table](n)).toReversed() });
    await told(store, { do: 'append', first: 0, events: numbers.map((n) => bytesOf(n)) });
    const snapshot = await store.snapshot();
    for (const table of ['issued', 'values', 'fingerprints', 'lookups'] as const)
      expect(await everyRow(snapshot.scan(table))).toEqual(numbers.map((n) => ROW[table](n)));
    for (const table of ['subjects', 'claims', 'uses'] as const)
      expect(await everyRow(snapshot.scan(table))).toHaveLength(1203);
    expect(await everyRow(snapshot.scan('earlier'))).toEqual([]);
    expect(await everyRow(snapshot.events())).toEqual(numbers.map((n) => ({ index: n, bytes: bytesOf(n) })));
    await snapshot.close();
  });

  it('keeps a snapshot still while others write, and walks two tables of it side by side', async () => {
    const empty = await engine.empty();
    const [store, other] = [await empty.open(), await empty.open()];
    await store.found(HEAD, []);
    await told(
      store,
      { do: 'insert', table: 'issued', rows: [1, 2, 3].map((n) => ROW.issued(n)) },
      { do: 'insert', table: 'values', rows: [1, 2, 3].map((n) => ROW.values(n)) },
    );
    const snapshot = await store.snapshot();
    const issued = snapshot.scan('issued')[Symbol.asyncIterator]();
    const values = snapshot.scan('values')[Symbol.asyncIterator]();
    expect((await issued.next()).value).toEqual(ROW.issued(1));
    await told(
      other,
      { do: 'insert', table: 'issued', rows: [ROW.issued(4)] },
      { do: 'insert', table: 'values', rows: [ROW.values(4)] },
      {
        do: 'end',
        endings: [{ collection: 'col', hash: hash(2), row: bytesOf(2), version: 1, print: null, at: 9 }],
      },
      { do: 'writeHead', head: { ...HEAD, epoch: 2 } },
    );
    for (const n of [1, 2, 3]) {
      expect((await values.next()).value).toEqual(ROW.values(n));
      if (n > 1) expect((await issued.next()).value).toEqual(ROW.issued(n));
    }
    expect([(await issued.next()).done, (await values.next()).done]).toEqual([true, true]);
    expect(snapshot.authority.head?.epoch).toBe(1);
    await snapshot.close();
    expect((await store.authority()).head?.epoch).toBe(2);
  });

  it('ends a walk that nobody goes on with, and a snapshot with one open', async () => {
    const store = await opened();
    await told(store, {
      do: 'insert',
      table: 'uses',
      rows: Array.from({ length: 2000 }, (_, n) => ROW.uses(n)),
    });
    const snapshot = await store.snapshot();
    for await (const row of snapshot.scan('uses')) if (row.at >= 0) break;
    const left = snapshot.scan('uses')[Symbol.asyncIterator]();
    await left.next();
    expect(await everyRow(snapshot.scan('uses'))).toHaveLength(2000);
    await left.return?.();
    await snapshot.close();
    expect(await told(store, { do: 'forgetClaims', before: 1 })).toHaveLength(1);
  });

  it('reads what somebody else wrote as what cannot be true, and never as what it is not', async () => {
    const empty = await engine.empty();
    const store = await empty.open();
    const { keyId } = ROW.uses(1);
    await told(
      store,
      { do: 'insert', table: 'uses', rows: [ROW.uses(1)] },
      { do: 'insert', table: 'values', rows: [ROW.values(2)] },
    );
    for (const at of ['-1', '9007199254740993']) {
      await empty.sql(`update uses set at = ${at}`);
      expect((await store.uses([keyId]))[0]?.at).toBe(Number.MAX_SAFE_INTEGER);
    }
    await empty.sql(`update "values" set expires_at = -5`);
    expect((await store.located([bytesOf(2)]))[0]?.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
    const snapshot = await store.snapshot();
    expect((await everyRow(snapshot.scan('values')))[0]?.expiresAt).toBe(Number.MAX_SAFE_INTEGER);
    expect((await everyRow(snapshot.scan('uses')))[0]?.at).toBe(Number.MAX_SAFE_INTEGER);
    await snapshot.close();
  });
});
