import { expect, it } from 'vitest';
import { newVault, type TestVault } from '../harness.ts';
import { eventsOf, tamper } from './tamper.ts';

/** Values whose cells do not open any more: whoever may erase ends them, and nobody has the log vouch for more than was known. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  plain: { format: text, purposes: [settlement] }
  cards: { format: pan, lengths: { min: 15, max: 19 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
`;
const GRANTS = [...['tokenise', 'erase', 'lookup'].map((action) => `${action}:*`), 'detokenise:*@settlement'];
const CARDS = ['4111111111111111', '5555555555554444'] as const;

async function two(collection: string) {
  const open = await newVault(POLICY);
  const { vault } = await open.add(GRANTS);
  const tokens: string[] = [];
  for (const value of CARDS) {
    const { items } = await vault.tokenise({ items: [{ collection, value }] });
    tokens.push(items[0] !== undefined && 'token' in items[0] ? items[0].token : '');
    // Rows sort by the millisecond of their request: the first is always the lower one.
    open.clock.offset += 1;
  }
  const erase = async (n: number) =>
    (await vault.erase({ reason: 'asked', items: [{ collection, token: tokens[n] ?? '' }] })).items[0];
  return { open, vault, tokens, erase };
}

const countIn = ({ storePath }: TestVault, table: string): number => {
  let count = -1;
  tamper(storePath, (db) => {
    count = db.prepare<[], number>(`select count(*) from "${table}"`).pluck().get() ?? -1;
  });
  return count;
};

it.each(['plain', 'cards', 'cards-known'])(
  'a damaged value of %s is destroyed with its fingerprint, and its event says that it could not be read',
  async (collection) => {
    const { open, vault, tokens, erase } = await two(collection);
    tamper(open.storePath, (db) =>
      db.prepare('update "values" set cell = zeroblob(60) where token = ?').run(tokens[0]),
    );
    expect(await erase(0)).toEqual({ erased: true });
    expect(eventsOf(open.storePath).at(-1)).toMatchObject({
      action: 'erase',
      outcome: 'done',
      row: expect.stringMatching(/^[0-9a-f]{32}$/),
      detail: { reason: 'asked', unreadable: true, issued: expect.stringMatching(/^[\w-]{22}$/) },
    });
    expect(countIn(open, 'values')).toBe(1);
    for (const table of ['fingerprints', 'lookups']) expect(countIn(open, table)).toBeLessThan(2);
    expect(await open.host.audit.verify()).toMatchObject({ ok: true, findings: [] });
    // Nothing stands in the way of the value any more, and the other is as it was.
    const { items } = await vault.tokenise({ items: [{ collection, value: CARDS[0] }] });
    expect(items).toMatchObject([{ token: expect.any(String) }]);
    expect(items).not.toMatchObject([{ token: tokens[0] }]);
    const asked = { purpose: 'settlement', items: [{ collection, token: tokens[1] ?? '' }] };
    expect((await vault.detokenise(asked)).items).toEqual([{ value: CARDS[1] }]);
    await open.vault.maintain();
    expect(eventsOf(open.storePath)).toContainEqual(
      expect.objectContaining({ action: 'integrity', outcome: 'failed' }),
    );
  },
);

/** A token is made to point at another's row, as only somebody can who writes the database. */
const aim = (open: TestVault): void =>
  tamper(open.storePath, (db) => {
    const [low, high] = db.prepare<[], Buffer>('select "row" from issued order by "row"').pluck().all();
    db.prepare('update issued set "row" = ? where "row" = ?').run(Buffer.alloc(16, 7), low);
    db.prepare('update issued set "row" = ? where "row" = ?').run(low, high);
  });

it('a token that was made to point at a value of another destroys nothing that is whole', async () => {
  const { open, vault, tokens, erase } = await two('plain');
  aim(open);
  expect(await erase(1)).toMatchObject({ error: { code: 'integrity' } });
  expect(countIn(open, 'values')).toBe(2);
  expect(
    eventsOf(open.storePath).some(({ outcome, action }) => action === 'erase' && outcome === 'done'),
  ).toBe(false);
  expect(
    await vault.detokenise({
      purpose: 'settlement',
      items: [{ collection: 'plain', token: tokens[1] ?? '' }],
    }),
  ).toMatchObject({ items: [{ error: { code: 'internal' } }] });
});

it('one that points at a damaged value of another ends that, and audit verify says so, also when all is put back', async () => {
  const { open, erase } = await two('plain');
  let issued: { collection: string; hash: Buffer; row: Buffer; ended: null; at: number }[] = [];
  tamper(open.storePath, (db) => {
    issued = db.prepare<[], (typeof issued)[number]>('select * from issued order by "row"').all();
    db.exec('update "values" set cell = zeroblob(60) where "row" = (select min("row") from "values")');
  });
  aim(open);
  expect(await erase(1)).toEqual({ erased: true });
  expect(await open.host.audit.verify()).toMatchObject({ ok: false });
  const ended = eventsOf(open.storePath).find(({ action }) => action === 'erase')?.['detail'];
  tamper(open.storePath, (db) => {
    db.exec('delete from issued');
    for (const [i, { collection, hash, row, at }] of issued.entries())
      db.prepare('insert into issued (collection, hash, "row", ended, at) values (?, ?, ?, ?, ?)').run(
        collection,
        hash,
        row,
        i === 0 ? Number(Object(ended).ended) : null,
        at,
      );
  });
  const { findings } = await open.host.audit.verify();
  expect(findings).toMatchObject([
    { table: 'issued', problem: expect.stringContaining('by a token that it was not issued with') },
  ]);
});
