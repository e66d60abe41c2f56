import { setImmediate as breathe } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { BoundVault } from '../../src/vault/bound.ts';
import type { Store } from '../../src/vault/store.ts';
import { logOf } from '../attack/tamper.ts';
import { movedWith } from '../engine.ts';
import { newVault } from '../harness.ts';
import { openAround } from './wrapped.ts';

/** Values that are replaced or erased between two reads of one call: nobody is accused of it, and it is decided again. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  cards: { format: pan, lengths: { min: 15, max: 19 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
`;
const GRANTS = [
  ...['tokenise', 'replace', 'lookup', 'erase'].map((action) => `${action}:*`),
  'detokenise:*@settlement',
];
const PAN = '4111111111111111';
const OTHER = '5555555555554444';

type Overtaking = (vault: BoundVault, named: { collection: string; token: string }) => Promise<unknown>;
const replaced: Overtaking = (vault, named) => vault.replace({ items: [{ ...named, value: OTHER }] });
const erased: Overtaking = (vault, named) => vault.erase({ reason: 'asked', items: [named] });

/** A vault with one token, and one beside it in which something else happens once, before its values are read. */
async function overtaken(collection: string, by: Overtaking) {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const { items } = await client.vault.tokenise({ items: [{ collection, value: PAN }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  let overtake = (): Promise<unknown> => by(client.vault, { collection, token });
  const around = (store: Store): Store => ({
    ...store,
    located: async (rows) => {
      const now = overtake;
      overtake = () => Promise.resolve();
      await now();
      return store.located(rows);
    },
  });
  const beside = await openAround(open, around);
  return { open, token, vault: await beside.as(client.key), maintain: () => open.vault.maintain() };
}

const cases: [string, Overtaking][] = [
  ['replaced', replaced],
  ['erased', erased],
];

it.each(cases)('a lookup that meets a value as it is %s finds nothing', async (_, by) => {
  for (const collection of ['cards', 'cards-known']) {
    const { open, vault, maintain } = await overtaken(collection, by);
    const { items } = await vault.lookup({ items: [{ collection, value: PAN }] });
    expect(items).toEqual([{ tokens: [] }]);
    await maintain();
    expect((await logOf(open)).filter(({ action }) => action === 'integrity')).toEqual([]);
    expect(open.notices).toEqual([]);
  }
});

it.each(cases)('a value that is %s while it is tokenised again gets another token', async (_, by) => {
  const { open, vault, token, maintain } = await overtaken('cards-known', by);
  const { items } = await vault.tokenise({ items: [{ collection: 'cards-known', value: PAN }] });
  expect(items).toEqual([{ token: expect.stringMatching(/^411111\d{6}1111$/), created: true }]);
  expect(items).not.toMatchObject([{ token }]);
  await maintain();
  expect(open.notices).toEqual([]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('a replace that the same replace overtakes, between its value and its fingerprint, is done after it', async () => {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const { items } = await client.vault.tokenise({ items: [{ collection: 'cards-known', value: PAN }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  const named = { collection: 'cards-known', token };
  let overtake = (): Promise<unknown> => replaced(client.vault, named);
  const beside = await openAround(open, (store) => ({
    ...store,
    fingerprinted: async (...asked) => {
      const now = overtake;
      overtake = () => Promise.resolve();
      await now();
      return store.fingerprinted(...asked);
    },
  }));
  const vault = await beside.as(client.key);
  expect(await replaced(vault, named)).toMatchObject({ items: [{ version: 3 }] });
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('a tokenise that is repeated after its value was replaced answers its token again', async () => {
  const open = await newVault(POLICY);
  const { vault } = await open.add(GRANTS);
  for (const collection of ['cards', 'cards-known']) {
    const request = { items: [{ collection, value: PAN }] };
    const { items } = await vault.tokenise(request, collection);
    const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
    await vault.replace({ items: [{ collection, token, value: OTHER }] });
    expect((await vault.tokenise(request, collection)).items).toEqual([{ token, created: true }]);
    await vault.erase({ reason: 'asked', items: [{ collection, token }] });
    expect((await vault.tokenise(request, collection)).items).toMatchObject([
      { error: { code: 'token_not_found' } },
    ]);
  }
  await open.vault.maintain();
  expect(open.notices).toEqual([]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('what is answered beside an erasure stands before it in the log, also where it ends something itself', async () => {
  const open = await newVault(POLICY);
  const { vault } = await open.add(GRANTS);
  const known = (value: string, more: object = {}) => ({ collection: 'cards-known', value, ...more });
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const made = await vault.tokenise({ items: [known(PAN, { expiresAt }), known(OTHER)] });
  const [, token = ''] = made.items.map((item) => ('token' in item ? item.token : ''));
  open.clock.offset = 120_000;
  // While another process holds the store, both wait, and then are committed together.
  const release = await open.writer.hold();
  const waiting = [vault.lookup({ items: [known(PAN)] })];
  const wait = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn++) await breathe();
  };
  await wait();
  const erasing = vault.erase({ reason: 'asked', items: [{ collection: 'cards-known', token }] });
  await wait();
  const tokenising = vault.tokenise({ items: [known(PAN), known(OTHER)] });
  await wait();
  await release();
  await Promise.all(waiting);
  expect((await erasing).items).toEqual([{ erased: true }]);
  const { items } = await tokenising;
  const actions = (await logOf(open)).map(({ action }) => action);
  const isOld = items.some((item) => 'token' in item && item.token === token);
  // Either it had the token, and says so before its end, or it has another one.
  if (isOld) expect(actions.lastIndexOf('tokenise')).toBeLessThan(actions.lastIndexOf('erase'));
  expect(actions.filter((action) => action === 'expire')).toHaveLength(1);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

/** All of a space is taken as one process sees it, once another has tokenised the value at that point. */
async function full(collection: string, key: string | null, point: 'claim' | 'fingerprinted') {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const request = { items: [{ collection, value: PAN }] };
  let first: Awaited<ReturnType<BoundVault['tokenise']>> | null = null;
  const around = (store: Store): Store => ({
    ...store,
    [point]: async (owner: string, asked: never) => {
      const found = await store[point](owner, asked);
      first ??= await client.vault.tokenise(request, key);
      return found;
    },
    taken: async (_, hashes) => hashes.map(() => true),
  });
  const beside = await openAround(open, around);
  const second = await (await beside.as(client.key)).tokenise(request, key);
  return { open, first: Object(first).items as object[], second: second.items };
}

it('a request whose first one took the last token is answered what that was', async () => {
  const { open, first, second } = await full('cards', 'the-same', 'claim');
  expect(first).toMatchObject([{ token: expect.stringMatching(/^411111/) }]);
  expect(second).toEqual(first);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: 1 });
});

it('a value that got the last token meanwhile is answered it, and is not told that there is none', async () => {
  const { open, first, second } = await full('cards-known', null, 'fingerprinted');
  expect(first).toMatchObject([{ created: true }]);
  expect(second).toEqual([{ ...first[0], created: false }]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: 1 });
});

it('a space that is full is told to be full, whatever expired token a value met', async () => {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const item = { collection: 'cards-known', value: PAN };
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await client.vault.tokenise({ items: [{ ...item, expiresAt }] });
  open.clock.offset = 120_000;
  const beside = await openAround(open, (store) => ({
    ...movedWith(store, open.clock),
    taken: async (_, hashes) => hashes.map(() => true),
  }));
  const { items } = await (await beside.as(client.key)).tokenise({ items: [item] });
  expect(items).toMatchObject([{ error: { code: 'token_space_exhausted' } }]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

const twice: [
  string,
  (vault: BoundVault, named: { collection: string; token: string }) => Promise<unknown>,
][] = [
  [
    'replace',
    (vault, named) => vault.replace({ items: [{ ...named, value: OTHER, ifVersion: 1 }] }, 'the-same'),
  ],
  ['erase', (vault, named) => vault.erase({ reason: 'asked', items: [named] }, 'the-same')],
];

it.each(twice)('a %s that its first request overtakes is answered what that was', async (action, ask) => {
  const open = await newVault(POLICY);
  const client = await open.add(GRANTS);
  const { items } = await client.vault.tokenise({ items: [{ collection: 'cards', value: PAN }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  const named = { collection: 'cards', token };
  let first: unknown = null;
  // The first is done after the second has looked for its claim, and before it looks for its token.
  const around = (store: Store): Store => ({
    ...store,
    claim: async (owner, key) => {
      const found = await store.claim(owner, key);
      first ??= await ask(client.vault, named);
      return found;
    },
  });
  const beside = await openAround(open, around);
  const second = await ask(await beside.as(client.key), named);
  expect(first).toMatchObject({
    items: [{ [action === 'erase' ? 'erased' : 'version']: expect.anything() }],
  });
  expect(second).toMatchObject({ items: Object(first).items });
  const events = (await logOf(open)).filter((event) => event['action'] === action);
  expect(events).toMatchObject([{ outcome: 'done' }, { outcome: 'done', detail: { repeated: true } }]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});
