import { expect, it } from 'vitest';
import { newVault } from '../harness.ts';
import { eventsOf, tamper } from './tamper.ts';

/** A row that somebody wrote spoils its own item alone, under an Idempotency-Key too, and is named. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  plain: { format: pan, lengths: { min: 15, max: 19 }, purposes: [settlement] }
  cards: { format: pan, lengths: { min: 15, max: 19 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
`;
const GRANTS = ['tokenise', 'replace', 'describe', 'erase'].map((action) => `${action}:*`);
const VALUES = ['4111111111111111', '5555555555554444', '378282246310005'];
const NEXT = ['4012888888881881', '5105105105105100', '371449635398431'];

const WRITTEN = [
  'version = 4294967295',
  'version = 9007199254740991',
  "version = 'x'",
  'cell = zeroblob(60)',
  "key_id = 'key_1111111111111'",
  'creator = 5',
];

const NO_VERSION = new Set(['version = 9007199254740991', "version = 'x'"]);

it.each(WRITTEN)('of a batch that is replaced or erased, after: %s', async (change) => {
  for (const collection of ['plain', 'cards', 'cards-known'])
    for (const verb of ['replace', 'erase'] as const) {
      const open = await newVault(POLICY);
      const { vault } = await open.add(GRANTS);
      const made = await vault.tokenise({ items: VALUES.map((value) => ({ collection, value })) });
      const tokens = made.items.map((item) => ('token' in item ? item.token : ''));
      tamper(open.storePath, (db) =>
        db.prepare(`update "values" set ${change} where token = ?`).run(tokens[1]),
      );
      const items = tokens.map((token, i) => ({ collection, token, value: NEXT[i] ?? '' }));
      const erasing = { reason: 'asked', items: items.map(({ token }) => ({ collection, token })) };
      const answer = await (verb === 'replace'
        ? vault.replace({ items }, 'key')
        : vault.erase(erasing, 'key'));
      const done = verb === 'replace' ? { version: 2 } : { erased: true };
      // What is damaged can be destroyed, and not replaced; at a version that is none, neither.
      const isEnded = verb === 'erase' && !NO_VERSION.has(change);
      const refused = { error: expect.objectContaining({ code: 'integrity' }) };
      expect(answer.items).toEqual([done, isEnded ? done : refused, done]);
      await open.vault.maintain();
      const named = eventsOf(open.storePath).filter(({ action }) => action === 'integrity');
      expect(named).toMatchObject([{ detail: { table: 'values' } }]);
    }
});

it('a token that somebody wrote is nothing to go by: the one that was issued is replaced and erased', async () => {
  const open = await newVault(POLICY);
  const { vault } = await open.add(GRANTS);
  const { items } = await vault.tokenise({ items: [{ collection: 'cards-known', value: VALUES[0] ?? '' }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  tamper(open.storePath, (db) => db.exec(`update "values" set token = '4111119999991112'`));
  const named = { collection: 'cards-known', token };
  const replaced = await vault.replace({ items: [{ ...named, value: VALUES[1] ?? '' }] });
  expect(replaced.items).toEqual([{ version: 2 }]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: false });
  expect((await vault.erase({ reason: 'asked', items: [named] })).items).toEqual([{ erased: true }]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it.each(['fingerprints', 'lookups'])(
  'a value whose row of %s was taken away is replaced and erased as ever',
  async (table) => {
    const open = await newVault(POLICY);
    const { vault } = await open.add(GRANTS);
    const collection = table === 'lookups' ? 'cards' : 'cards-known';
    const made = await vault.tokenise({ items: VALUES.map((value) => ({ collection, value })) });
    const named = made.items.map((item) => ({ collection, token: 'token' in item ? item.token : '' }));
    tamper(open.storePath, (db) => db.exec(`delete from ${table}`));
    const { items } = await vault.replace({
      items: named.map((one, i) => ({ ...one, value: NEXT[i] ?? '' })),
    });
    expect(items).toEqual(named.map(() => ({ version: 2 })));
    expect(await open.host.audit.verify()).toMatchObject({ ok: true });
    tamper(open.storePath, (db) => db.exec(`delete from ${table}`));
    expect((await vault.erase({ reason: 'asked', items: named })).items).toEqual(
      named.map(() => ({ erased: true })),
    );
    expect(await open.host.audit.verify()).toMatchObject({ ok: true });
  },
);
