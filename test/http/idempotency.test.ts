import { expect, it } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { type Answer, itemsOf, listening } from './listening.ts';

const PAN = '4111111111111111';
const body = {
  items: [
    { collection: 'cards', value: PAN, ref: 'a' },
    { collection: 'cards', value: '4111111111111112', ref: 'bad' },
    { collection: 'notes', value: 'x', ref: 'b' },
  ],
};
const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });
const tokensOf = (answer: Answer) => itemsOf(answer).map(({ token }) => token);

const grants = ['tokenise:cards', 'tokenise:notes'];

it('the same key and body has the same answer, decided and audited afresh', async () => {
  const served = await listening();
  const { ask } = await served.asking(grants);
  const first = await ask('/v1/tokenise', { body, ...keyed('one') });
  expect(first.status).toBe(207);
  const before = eventsOf(served.open.storePath).length;
  const again = await ask('/v1/tokenise', { body, ...keyed('one') });
  expect(again.status).toBe(207);
  expect(itemsOf(again)).toEqual(itemsOf(first));
  expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
  expect(eventsOf(served.open.storePath).length).toBeGreaterThan(before);
  // The order of keys in an object is no other body.
  const turned = { items: body.items.map(({ collection, value, ref }) => ({ ref, value, collection })) };
  expect(tokensOf(await ask('/v1/tokenise', { body: turned, ...keyed('one') }))).toEqual(tokensOf(first));
  // Without a key, and with another, it is a request of its own.
  for (const other of [{}, keyed('two')]) {
    expect(tokensOf(await ask('/v1/tokenise', { body, ...other }))[0]).not.toBe(tokensOf(first)[0]);
  }
  expect(await served.open.host.audit.verify()).toMatchObject({ ok: true, rows: 6 });
});

it('another body under a key that was used is refused, whatever differs', async () => {
  const { ask } = await (await listening()).asking(grants);
  await ask('/v1/tokenise', { body, ...keyed('one') });
  const [first, ...rest] = body.items;
  const others = [
    { items: rest },
    { items: [...rest, first] },
    { items: [{ ...first, ref: 'c' }, ...rest] },
    { items: [{ ...first, value: '4111 1111 1111 1111' }, ...rest] },
    { items: [{ ...first, metadata: { a: 1 } }, ...rest] },
  ];
  for (const other of others) {
    expect(await ask('/v1/tokenise', { body: other, ...keyed('one') })).toMatchObject({
      status: 422,
      json: { code: 'idempotency_mismatch' },
    });
  }
});

it('duplicates at once make one set of rows', async () => {
  const served = await listening();
  const { ask } = await served.asking(grants);
  const answers = await Promise.all(
    Array.from({ length: 16 }, () => ask('/v1/tokenise', { body, ...keyed('one') })),
  );
  expect(new Set(answers.map((answer) => JSON.stringify(tokensOf(answer)))).size).toBe(1);
  expect(await served.open.host.audit.verify()).toMatchObject({ ok: true, rows: 2 });
});

it("another client's same key is its own, and a lost grant is not kept alive by a key", async () => {
  const served = await listening();
  const one = await served.asking(grants);
  const two = await served.asking(grants);
  const first = await one.ask('/v1/tokenise', { body, ...keyed('same') });
  const second = await two.ask('/v1/tokenise', { body, ...keyed('same') });
  expect(second.status).toBe(207);
  expect(tokensOf(second)[0]).not.toBe(tokensOf(first)[0]);
  await served.open.host.clients.revoke({ client: one.client.id });
  expect(await one.ask('/v1/tokenise', { body, ...keyed('same') })).toMatchObject({ status: 401 });
});

it('a key has a bounded alphabet and length, and is no place for a card number', async () => {
  const { ask } = await (await listening()).asking(grants);
  for (const key of ['', 'a b', 'x'.repeat(129), 'schlüssel']) {
    expect(await ask('/v1/tokenise', { body, ...keyed(key) }), key).toMatchObject({
      status: 400,
      json: { code: 'invalid_request' },
    });
  }
  expect(await ask('/v1/tokenise', { body, ...keyed('x'.repeat(128)) })).toMatchObject({ status: 207 });
  expect(await ask('/v1/tokenise', { body, ...keyed(PAN) })).toMatchObject({
    status: 422,
    json: { code: 'value_in_clear' },
  });
});

it('a key is forgotten after a day', async () => {
  const served = await listening();
  const { ask } = await served.asking(grants);
  const first = await ask('/v1/tokenise', { body, ...keyed('one') });
  served.open.clock.offset = 23 * 60 * 60 * 1000;
  await served.open.vault.maintain();
  expect(tokensOf(await ask('/v1/tokenise', { body, ...keyed('one') }))).toEqual(tokensOf(first));
  served.open.clock.offset = 25 * 60 * 60 * 1000;
  await served.open.vault.maintain();
  expect(tokensOf(await ask('/v1/tokenise', { body, ...keyed('one') }))[0]).not.toBe(tokensOf(first)[0]);
});

it('makes a change of a client once, and tells its API key once', async () => {
  const served = await listening();
  const { ask } = await served.asking(['clients:*', 'policy:*'], { kind: 'custodian' });
  const headers = { 'idempotency-key': 'custodian-1' };
  const adding = { body: { name: 'once', grants: ['tokenise:cards'] }, headers };
  const [first, second] = [await ask('/v1/clients/add', adding), await ask('/v1/clients/add', adding)];
  expect(first).toMatchObject({
    status: 200,
    json: { name: 'once', key: expect.stringMatching(/^strongroom_/) },
  });
  const { requestId: _first, ...told } = Object(first.json);
  const { requestId: _second, ...again } = Object(second.json);
  expect(again).toEqual({ ...told, key: null });
  const rotate = { body: { client: 'once' }, headers: { 'idempotency-key': 'custodian-2' } };
  const keys = await Promise.all([1, 2, 3].map(() => ask('/v1/clients/rotate', rotate)));
  expect(keys.filter(({ json }) => Reflect.get(Object(json), 'key') !== null)).toHaveLength(1);
  const other = await ask('/v1/clients/revoke', { body: { client: 'once' }, headers });
  expect(other).toMatchObject({ status: 422, json: { code: 'idempotency_mismatch' } });
  const suspend = {
    body: { client: 'once', reason: 'CASE-1' },
    headers: { 'idempotency-key': 'custodian-3' },
  };
  await ask('/v1/clients/suspend', suspend);
  await ask('/v1/clients/resume', { body: { client: 'once' } });
  // A repeated request is not a second suspension.
  expect(await ask('/v1/clients/suspend', suspend)).toMatchObject({ json: { state: 'suspended' } });
  const shown = await ask('/v1/clients/show', { body: { client: 'once' } });
  expect(shown.json).toMatchObject({ client: { state: 'active' } });
  const apply = {
    body: { policy: { purposes: { x: { basis: 'contract' } } } },
    headers: { 'idempotency-key': 'p' },
  };
  const applied = [await ask('/v1/policy/apply', apply), await ask('/v1/policy/apply', apply)];
  expect(applied.map(({ json }) => Reflect.get(Object(json), 'number'))).toEqual([2, 2]);
  expect(applied.map(({ json }) => Reflect.get(Object(json), 'applied'))).toEqual([true, true]);
  expect(await served.open.host.audit.verify()).toMatchObject({ ok: true, findings: [] });
});
