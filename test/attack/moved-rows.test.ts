import { expect, it } from 'vitest';
import { type Clock, newVault, openVaultDir, type TestVault } from '../harness.ts';
import { eventsOf, tamper } from './tamper.ts';

/** Somebody who writes the database moves whole rows, so that each is true in itself, and edits what has ended. */

const CARDS = ['4111111111111111', '5555555555554444'] as const;
const GRANTS = ['cards', 'cards-known'].flatMap((name) => [
  `tokenise:${name}`,
  `detokenise:${name}@settlement`,
]);

const tokensOf = (items: readonly object[]): string[] =>
  items.map((item) => ('token' in item ? String(item.token) : JSON.stringify(item)));

/** A vault whose client has tokenised both cards, each by a request of its own. */
async function withTwo(collection: string, clock?: Clock) {
  const open = await newVault(undefined, clock);
  const client = await open.add(GRANTS);
  const tokens: string[] = [];
  for (const value of CARDS) {
    const { items } = await client.vault.tokenise({ items: [{ collection, value }] });
    tokens.push(...tokensOf(items));
  }
  return { open, client, tokens };
}

async function reopened({ open, client }: Awaited<ReturnType<typeof withTwo>>) {
  const again = await openVaultDir(open.dir, open.clock);
  return { again, vault: await again.as(client.key) };
}

const show = async (vault: TestVault['host'], collection: string, tokens: readonly string[]) =>
  (await vault.detokenise({ purpose: 'settlement', items: tokens.map((token) => ({ collection, token })) }))
    .items;

it('two values that trade row ids, and with them their history in the log, open no more and are found', async () => {
  const made = await withTwo('cards');
  await made.open.close();
  tamper(made.open.storePath, (db) => {
    const rows = db
      .prepare<[], { collection: string; hash: Buffer; row: Buffer; at: number }>(
        'select * from issued order by "row"',
      )
      .all();
    const [x, y] = rows;
    if (x === undefined || y === undefined) throw new Error('two rows are there');
    const move = db.prepare('update "values" set "row" = ? where "row" = ?');
    const spare = Buffer.alloc(16, 9);
    move.run(spare, x.row);
    move.run(x.row, y.row);
    move.run(y.row, spare);
    const reissue = db.prepare('update issued set "row" = ?, at = ? where collection = ? and hash = ?');
    reissue.run(y.row, y.at, x.collection, x.hash);
    reissue.run(x.row, x.at, y.collection, y.hash);
  });
  const { again, vault } = await reopened(made);
  expect(await show(vault, 'cards', made.tokens)).toMatchObject([
    { error: { code: 'internal' } },
    { error: { code: 'internal' } },
  ]);
  const { ok, findings } = await again.host.audit.verify();
  expect(ok).toBe(false);
  // The events of both requests name rows with other tokens than those that they made.
  expect(findings.filter(({ table }) => table === 'issued')).toHaveLength(2);
});

it.each([
  ['its hash, so that its token could be issued again', 'hash = randomblob(16)'],
  ['the time that it ended', 'ended = ended + 1'],
])('a token that has ended is held against the log: %s', async (_, change) => {
  const clock = { offset: 0 };
  const open = await newVault(undefined, clock);
  const client = await open.add(GRANTS);
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const item = { collection: 'cards-known', value: CARDS[0] };
  await client.vault.tokenise({ items: [{ ...item, expiresAt }] });
  clock.offset = 120_000;
  await client.vault.tokenise({ items: [item] });
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
  tamper(open.storePath, (db) => {
    expect(db.prepare(`update issued set ${change} where ended is not null`).run().changes).toBe(1);
  });
  expect(await open.host.audit.verify()).toMatchObject({ ok: false });
});

it('a repeated Idempotency-Key does not answer a token that was written into the row', async () => {
  const open = await newVault();
  const client = await open.add(GRANTS);
  const request = { items: [{ collection: 'cards', value: CARDS[0] }] };
  const [token] = tokensOf((await client.vault.tokenise(request, 'one')).items);
  expect(tokensOf((await client.vault.tokenise(request, 'one')).items)).toEqual([token]);
  tamper(open.storePath, (db) => db.exec(`update "values" set token = '4111119999991112'`));
  const { items } = await client.vault.tokenise(request, 'one');
  expect(items).toMatchObject([{ error: { code: 'integrity' } }]);
  await open.vault.maintain();
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({ action: 'integrity', detail: { table: 'values' } });
});

it('a fingerprint whose value was taken away is found at once, and spoils no other item', async () => {
  const { open, client, tokens } = await withTwo('cards-known');
  tamper(open.storePath, (db) => db.prepare('delete from "values" where token = ?').run(tokens[0]));
  const { items } = await client.vault.tokenise({
    items: CARDS.map((value) => ({ collection: 'cards-known', value })),
  });
  expect(items).toMatchObject([{ error: { code: 'integrity' } }, { token: tokens[1] }]);
  await open.vault.maintain();
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({
    action: 'integrity',
    detail: { table: 'fingerprints' },
  });
});

it.each([
  'version = -1',
  'version = 9223372036854775807',
  'expires_at = 9223372036854775807',
  "key_id = x'00'",
  'creator = 5.5',
])('a column that no cell was sealed with spoils its own item alone: %s', async (change) => {
  const { open, client, tokens } = await withTwo('cards');
  tamper(open.storePath, (db) => db.prepare(`update "values" set ${change} where token = ?`).run(tokens[0]));
  const items = await show(client.vault, 'cards', tokens);
  expect(items).toMatchObject([{ error: { code: 'internal' } }, { value: CARDS[1] }]);
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({
    action: 'reveal_failed',
    outcome: 'failed',
    item: 0,
  });
});
