import { expect, it } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { type Answer, itemsOf, listening, tokenOf, withoutId } from './listening.ts';

/** Whether a token, a value or a collection exists is told to nobody who may not know. */

const PAN = '4111111111111111';
/** No token of it can be one of PAN's by chance: each shows the first six digits and the last four. */
const OTHER = '5555555555554444';
const YEAR = 365 * 24 * 60 * 60 * 1000;
const soon = () => new Date(Date.now() + YEAR).toISOString();

/** Everything of an answer but its id and its time. */
const seen = (answer: Answer) => {
  const { date: _date, 'x-request-id': _id, ...headers } = answer.headers;
  return { status: answer.status, headers, body: withoutId(answer) };
};

it('unknown, expired and misplaced tokens have one answer, to the byte', async () => {
  const served = await listening();
  const data = ['cards', 'acme/cards'].map((name) => `tokenise:${name}`);
  const owner = await served.asking(data);
  const reader = await served.asking(['detokenise:cards@settlement', 'detokenise:cards@marketing']);
  const make = async (item: object) => tokenOf(await owner.ask('/v1/tokenise', { body: { items: [item] } }));
  const expired = await make({ collection: 'cards', value: PAN, expiresAt: soon() });
  const elsewhere = await make({ collection: 'acme/cards', value: OTHER });
  served.open.clock.offset = 2 * YEAR;
  const live = await make({ collection: 'cards', value: PAN });
  const show = (token: string, purpose = 'settlement') =>
    reader.ask('/v1/detokenise', { body: { purpose, items: [{ collection: 'cards', token }] } });

  const unknown = await show('4111110000001112');
  expect(unknown).toMatchObject({ status: 404, json: { code: 'token_not_found' } });
  const before = eventsOf(served.open.storePath).length;
  const others = [expired, elsewhere, PAN, 'no token at all', 'ü'.repeat(512)];
  for (const token of others) expect(seen(await show(token)), token).toEqual(seen(unknown));
  // A purpose that waits for a consent is no way to learn of a live token either.
  expect(seen(await show(live, 'marketing'))).toEqual(seen(unknown));
  // The log does tell them apart, one event each.
  const events = eventsOf(served.open.storePath).slice(before);
  expect(events.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 6 }, () => 'denied'));
  expect(new Set(events.map(({ reason }) => reason)).size).toBe(3);
  expect(await show(live)).toMatchObject({ status: 200, json: { items: [{ value: PAN }] } });
});

it('no verb tells one token that is not there from another, to the byte', async () => {
  const served = await listening();
  const owner = await served.asking(
    ['cards', 'acme/cards'].flatMap((name) => [`tokenise:${name}`, `erase:${name}`]),
  );
  const { ask } = await served.asking([
    ...['detokenise', 'mask', 'verify'].map((action) => `${action}:cards@settlement`),
    ...['replace', 'erase'].map((action) => `${action}:cards`),
  ]);
  const make = async (collection: string, more: object = {}) =>
    tokenOf(await owner.ask('/v1/tokenise', { body: { items: [{ collection, value: PAN, ...more }] } }));
  const expired = await make('cards', { expiresAt: soon() });
  served.open.clock.offset = 2 * YEAR;
  const [erased, elsewhere, live] = [
    await make('cards'),
    await make('acme/cards', { value: OTHER }),
    await make('cards'),
  ];
  await owner.ask('/v1/erase', {
    body: { reason: 'asked', items: [{ collection: 'cards', token: erased }] },
  });
  const bodies = (token: string): [string, object][] => {
    const item = { collection: 'cards', token };
    const purpose = 'settlement';
    return [
      ['/v1/mask', { purpose, items: [item] }],
      ['/v1/mask', { purpose, items: [{ ...item, version: 2 }] }],
      ['/v1/detokenise', { purpose, items: [{ ...item, version: 2 }] }],
      ['/v1/verify', { purpose, items: [{ ...item, value: PAN }] }],
      ['/v1/replace', { items: [{ ...item, value: PAN, ifVersion: 2 }] }],
      ['/v1/erase', { reason: 'asked', items: [item] }],
    ];
  };
  for (const [i, [path, body]] of bodies('4111110000001112').entries()) {
    const unknown = await ask(path, { body });
    expect(unknown).toMatchObject({ status: 404, json: { code: 'token_not_found' } });
    for (const token of [expired, erased, elsewhere, PAN]) {
      const [, same = {}] = bodies(token)[i] ?? [];
      expect(seen(await ask(path, { body: same })), `${path} ${token}`).toEqual(seen(unknown));
    }
    // A version that a live token has not got is no way to learn of it.
    const [, other = {}] = bodies(live)[i] ?? [];
    if (JSON.stringify(other).includes('"version":2'))
      expect(seen(await ask(path, { body: other })), path).toEqual(seen(unknown));
  }
});

it('whoever may describe is told that a token has ended', async () => {
  const served = await listening();
  const grants = ['tokenise:cards', 'detokenise:cards@settlement', 'detokenise:cards@marketing'];
  const { ask } = await served.asking([...grants, 'describe:cards']);
  const body = { items: [{ collection: 'cards', value: PAN, expiresAt: soon() }] };
  const token = tokenOf(await ask('/v1/tokenise', { body }));
  const show = (purpose: string) =>
    ask('/v1/detokenise', { body: { purpose, items: [{ collection: 'cards', token }] } });
  expect(await show('marketing')).toMatchObject({ status: 403, json: { code: 'consent_required' } });
  served.open.clock.offset = 2 * YEAR;
  expect(await show('settlement')).toMatchObject({ status: 410, json: { code: 'token_ended' } });
});

it('a collection without a grant on it does not exist', async () => {
  const { ask } = await (await listening()).asking(['tokenise:cards', 'detokenise:cards@settlement']);
  for (const path of ['/v1/tokenise', '/v1/detokenise']) {
    const purpose = path === '/v1/detokenise' ? { purpose: 'settlement' } : {};
    const inside = path === '/v1/detokenise' ? { token: PAN } : { value: PAN };
    const name = (collection: string) =>
      ask(path, { body: { ...purpose, items: [{ collection, ...inside }] } });
    const unknown = await name('nowhere');
    expect(unknown).toMatchObject({ status: 404, json: { code: 'collection_not_found' } });
    expect(unknown.json).not.toHaveProperty('needed');
    for (const foreign of ['notes', 'acme/cards', 'Not A Name', 'cards/', '__proto__', 'constructor']) {
      expect(seen(await name(foreign)), foreign).toEqual(seen(unknown));
    }
  }
  const { json } = await ask('/v1/collections');
  expect(json).toMatchObject({
    collections: [
      {
        name: 'cards',
        format: 'pan',
        tokens: 'random',
        purposes: ['settlement'],
        actions: ['detokenise', 'tokenise'],
      },
    ],
  });
});

it('whether a value was known, and until when it is kept, is told to those who may look it up', async () => {
  const served = await listening();
  const known = { collection: 'cards-known', value: PAN };
  const first = { items: [{ ...known, expiresAt: soon() }] };
  const again = { items: [known] };
  const plain = await served.asking(['tokenise:cards-known']);
  const looking = await served.asking(['tokenise:cards-known', 'lookup:cards-known']);
  const tokenised = async (who: typeof plain, body: object) =>
    itemsOf(await who.ask('/v1/tokenise', { body }))[0];

  const item = await tokenised(plain, first);
  expect(Object.keys(item ?? {})).toEqual(['token']);
  expect(await tokenised(plain, again)).toEqual(item);
  const expiresAt = first.items[0]?.expiresAt;
  expect(await tokenised(looking, again)).toEqual({ ...item, created: false, expiresAt });
  // A grant on another collection is not one on this.
  const beside = await served.asking(['tokenise:cards-known', 'lookup:cards']);
  expect(await tokenised(beside, again)).toEqual(item);
});

it('an API key that is pasted into the reason of an erasure, or a ticket, stays out of the log', async () => {
  const served = await listening();
  const { ask, client } = await served.asking(['erase:cards', 'detokenise:cards@settlement']);
  const items = [{ collection: 'cards', token: '4111110000001112' }];
  for (const text of [client.key, `asked by ${client.key}`])
    for (const [path, body] of [
      ['/v1/erase', { reason: text, items }],
      ['/v1/erase', { reason: 'asked', ticket: text, items }],
      ['/v1/detokenise', { purpose: 'settlement', ticket: text, items }],
    ] as const)
      expect(await ask(path, { body }), path).toMatchObject({ status: 400 });
  expect(await ask('/v1/erase', { body: { reason: 'GDPR_17', items } })).toMatchObject({ status: 404 });
  expect(JSON.stringify(eventsOf(served.open.storePath))).not.toContain(client.key);
});
