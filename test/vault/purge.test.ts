import { expect, it } from 'vitest';
import { eventsOf, tamper } from '../attack/tamper.ts';
import { cardNumber } from '../cards.ts';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';
import { readFileSync, writeFileSync } from 'node:fs';

/** What has expired is destroyed, whatever stands in the way of it; and nothing else is. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  plain: { format: text, purposes: [settlement] }
  secrets: { format: text, overlap: 24h, purposes: [settlement] }
  cards: { format: pan, lengths: { min: 16, max: 16 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 16, max: 16 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
`;
const GRANTS = [
  ...['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`),
  'detokenise:*@settlement',
];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function start() {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const expiresAt = new Date(Date.now() + HOUR).toISOString();
  const tokenise = async (collection: string, values: readonly string[], more: object = { expiresAt }) => {
    const { items } = await client.vault.tokenise({
      items: values.map((value) => ({ collection, value, ...more })),
    });
    return items.map((item) => ('token' in item ? item.token : ''));
  };
  return { open, client, tokenise };
}

type Purged = { readonly rows: readonly string[]; readonly versions: readonly string[] };
const purgesOf = ({ storePath }: TestVault): Purged[] =>
  eventsOf(storePath)
    .filter(({ action }) => action === 'purge')
    .map(({ detail }) => detail as Purged);

/** What is stored of values, by their tokens. */
function storedIn({ storePath }: TestVault): Map<string, string> {
  const rows = new Map<string, string>();
  tamper(storePath, (db) => {
    const all = db.prepare<[], { token: string; row: Buffer }>('select token, "row" from "values"').all();
    for (const { token, row } of all) rows.set(token, row.toString('hex'));
  });
  return rows;
}

function countIn({ storePath }: TestVault, table: string): number {
  let count = -1;
  tamper(storePath, (db) => {
    count = db.prepare<[], number>(`select count(*) from "${table}"`).pluck().get() ?? -1;
  });
  return count;
}

it('a value and the version before it that end at the same time are both destroyed', async () => {
  const { open, client, tokenise } = await start();
  // The version before is kept no longer than the value, whose expiry comes before the overlap ends.
  const [token = ''] = await tokenise('secrets', ['first']);
  await client.vault.replace({ items: [{ collection: 'secrets', token, value: 'second' }] });
  open.clock.offset = 2 * HOUR;
  await open.vault.maintain();
  expect(purgesOf(open)).toMatchObject([{ rows: [expect.any(String)], versions: [] }]);
  expect([countIn(open, 'values'), countIn(open, 'earlier')]).toEqual([0, 0]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

const BROKEN: [string, string][] = [
  ['a version', 'version = 7'],
  ['a version that is none', `version = 'x'`],
  ['a token', `token = 'tok_test_1111111111111111111111'`],
  ['a cell', 'cell = zeroblob(40)'],
  ['an expiry, brought forward', 'expires_at = 1'],
  ['a collection that is not there', `collection = 'col_1111111111111'`],
];
it.each(BROKEN)('%s that somebody wrote keeps its own row alone, and is noted', async (_, change) => {
  for (const collection of ['plain', 'cards-known']) {
    const { open, tokenise } = await start();
    const values = [cardNumber(1), cardNumber(2), cardNumber(3)];
    const [broken = '', ...others] = await tokenise(collection, values);
    const row = storedIn(open).get(broken);
    tamper(open.storePath, (db) => db.prepare(`update "values" set ${change} where token = ?`).run(broken));
    open.clock.offset = 2 * HOUR;
    await open.vault.maintain();
    await open.vault.maintain();
    // What it may be is for somebody to see: it is not destroyed, and the log does not say so.
    expect([...storedIn(open).values()]).toEqual([row]);
    expect(purgesOf(open).flatMap(({ rows }) => rows)).toHaveLength(others.length);
    expect(eventsOf(open.storePath)).toContainEqual(
      expect.objectContaining({
        action: 'integrity',
        detail: { table: 'values', record: row, problem: 'a row is not as the vault wrote it' },
      }),
    );
    expect(await open.host.audit.verify()).toMatchObject({ ok: false });
  }
});

it.each([
  ['its end, brought forward', '"until" = 1'],
  ['a version', '"version" = 5'],
  ['a version that is none', `"version" = 'x', "until" = 1`],
  ['a row that is none', `"row" = 'x', "until" = 1`],
  ['a row that was never issued', '"row" = zeroblob(16), "until" = 1'],
])('a version before, with %s, stays, and is noted; others go', async (_, change) => {
  const { open, client, tokenise } = await start();
  const tokens = await tokenise('secrets', ['a', 'b'], {});
  for (const token of tokens)
    await client.vault.replace({ items: [{ collection: 'secrets', token, value: `${token}!` }] });
  tamper(open.storePath, (db) =>
    db.exec(`update earlier set ${change} where "row" = (select min("row") from earlier)`),
  );
  await open.vault.maintain();
  expect(countIn(open, 'earlier')).toBe(2);
  open.clock.offset = 25 * HOUR;
  await open.vault.maintain();
  await open.vault.maintain();
  expect(countIn(open, 'earlier')).toBe(1);
  expect(purgesOf(open)).toMatchObject([{ rows: [], versions: { length: 1 } }]);
  expect(open.notices).toContainEqual(expect.objectContaining({ kind: 'integrity', table: 'earlier' }));
  expect(await open.host.audit.verify()).toMatchObject({ ok: false });
});

it.each([
  ['its fingerprint', 'delete from fingerprints; delete from lookups'],
  ['its issued token', 'delete from issued'],
  ['the time that it ended', 'update issued set ended = 5'],
])('a value is destroyed though somebody took or wrote %s', async (_, change) => {
  const { open, tokenise } = await start();
  await tokenise('cards', [cardNumber(1)]);
  await tokenise('cards-known', [cardNumber(2)]);
  tamper(open.storePath, (db) => db.exec(change));
  open.clock.offset = 2 * HOUR;
  await open.vault.maintain();
  expect(countIn(open, 'values')).toBe(0);
  expect(purgesOf(open)).toMatchObject([{ rows: { length: 2 } }]);
});

it.each([
  ['held for ever', `insert into leases values ('purge', 'nobody', 9007199254740991, 1)`],
  ['of the last revision', `insert into leases values ('purge', 'nobody', 1, 9007199254740991)`],
  ['of a revision beyond it', `insert into leases values ('purge', 'nobody', 1, 9223372036854775807)`],
  ['of a revision that is none', `insert into leases values ('purge', 'nobody', 'x', 'y')`],
  ['of a revision below it', `insert into leases values ('purge', x'00', -1, -5)`],
])('a lease that somebody wrote, %s, holds up nothing', async (_, insert) => {
  const { open, tokenise } = await start();
  for (const value of ['a', 'b']) {
    tamper(open.storePath, (db) => db.exec(`delete from leases; ${insert}`));
    const expiresAt = new Date(Date.now() + open.clock.offset + HOUR).toISOString();
    await tokenise('plain', [value], { expiresAt });
    open.clock.offset += 2 * HOUR;
    await open.vault.maintain();
    expect(countIn(open, 'values')).toBe(0);
  }
  // And it is a lease again: it holds up another process, and not for longer than a minute.
  const other = await openVaultDir(open.dir, open.clock);
  await tokenise('plain', ['c'], {
    expiresAt: new Date(Date.now() + open.clock.offset + MINUTE / 2).toISOString(),
  });
  open.clock.offset += MINUTE / 2;
  await other.vault.maintain();
  expect(countIn(open, 'values')).toBe(1);
  open.clock.offset += MINUTE;
  await other.vault.maintain();
  expect(countIn(open, 'values')).toBe(0);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('a lease that somebody writes again and again holds up nothing for long', async () => {
  const { open, client, tokenise } = await start();
  const [secret = ''] = await tokenise('secrets', ['a'], {});
  await client.vault.replace({ items: [{ collection: 'secrets', token: secret, value: 'b' }] });
  await tokenise('plain', ['c'], { expiresAt: new Date(Date.now() + 24 * HOUR).toISOString() });
  const seen: number[] = [];
  for (let minute = 0; minute <= 12; minute++) {
    open.clock.offset = 24 * HOUR + minute * MINUTE;
    const until = Date.now() + open.clock.offset + MINUTE / 2;
    tamper(open.storePath, (db) =>
      db.exec(`insert or replace into leases values ('purge', 'nobody', ${until}, ${minute})`),
    );
    await open.vault.maintain();
    seen.push(countIn(open, 'values') + countIn(open, 'earlier'));
  }
  // A secret, and until they are late: the version before it, and what has expired.
  expect(seen[5]).toBe(3);
  expect(seen.at(-1)).toBe(1);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('values of a collection that the policy has closed expire as ever', async () => {
  const { open, tokenise } = await start();
  await tokenise('plain', ['a']);
  await tokenise('cards', [cardNumber(1)]);
  await open.close();
  const text = readFileSync(open.configPath, 'utf8');
  writeFileSync(open.configPath, text.replace(/^ {2}(?:plain|cards):.*\n/gm, ''));
  const again = await openVaultDir(open.dir, { offset: 2 * HOUR });
  await again.vault.maintain();
  expect(countIn(again, 'values')).toBe(0);
  expect(countIn(again, 'lookups')).toBe(0);
  expect(await again.host.audit.verify()).toMatchObject({ ok: true });
});

it('purging goes by the time of events: a clock that was put back stops nothing', async () => {
  const { open, client, tokenise } = await start();
  await tokenise('plain', ['a']);
  open.clock.offset = 2 * HOUR;
  await client.vault.whoami();
  open.clock.offset = 0;
  await open.vault.maintain();
  expect(countIn(open, 'values')).toBe(0);
});

it('the event of the largest run is within its bound, and thousands hold up nobody', async () => {
  const { open, client, tokenise } = await start();
  for (let n = 0; n < 3; n++)
    await tokenise(
      'cards',
      Array.from({ length: 1000 }, (_, i) => cardNumber(n * 1000 + i)),
    );
  const secrets = await tokenise(
    'secrets',
    Array.from({ length: 400 }, (_, i) => `secret ${i}`),
    {},
  );
  const request = { items: secrets.map((token) => ({ collection: 'secrets', token, value: 'new' })) };
  await client.vault.replace(request);
  const [kept = ''] = await tokenise('plain', ['kept'], {});
  open.clock.offset = 25 * HOUR;
  const state = { purged: false };
  const purging = open.vault.maintain().finally(() => {
    state.purged = true;
  });
  let shown = 0;
  while (!state.purged) {
    const { items } = await client.vault.detokenise({
      purpose: 'settlement',
      items: [{ collection: 'plain', token: kept }],
    });
    expect(items).toEqual([{ value: 'kept' }]);
    shown++;
  }
  await purging;
  const events = eventsOf(open.storePath);
  const largest = Math.max(
    ...events
      .filter(({ action }) => action === 'purge')
      .map((event) => Buffer.byteLength(JSON.stringify(event))),
  );
  expect(largest).toBeGreaterThan(11_000);
  expect(largest).toBeLessThan(16 * 1024);
  expect(purgesOf(open).flatMap(({ rows }) => rows)).toHaveLength(3000);
  expect(purgesOf(open).flatMap(({ versions }) => versions)).toHaveLength(400);
  // Callers were answered between one run and the next, again and again.
  const turns = events.filter(
    ({ action }, i) => action === 'detokenise' && events[i + 1]?.['action'] === 'purge',
  );
  expect(turns.length).toBeGreaterThan(5);
  expect(shown).toBeGreaterThan(5);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});
