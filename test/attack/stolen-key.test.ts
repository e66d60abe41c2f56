import Database from 'better-sqlite3';
import { setImmediate as breathe } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { BoundVault } from '../../src/vault/bound.ts';
import { newVault, openVaultDir, type TestClient, type TestVault, toldKey } from '../harness.ts';
import { eventsOf } from './tamper.ts';

/** Somebody has a service's key. What a custodian does about it holds on every process, and the auditor is told. */

const PAN = '4111111111111111';
const MINUTE = 60_000;

interface Stolen {
  readonly one: TestVault;
  readonly other: TestVault;
  readonly client: TestClient;
  readonly token: string;
}

/** Two processes on one store and one clock, and a service that may do what services do. */
async function stolen(): Promise<Stolen> {
  const one = await newVault();
  const other = await openVaultDir(one.dir, one.clock);
  const client = await one.add(['tokenise:cards', 'describe:cards', 'detokenise:cards@settlement']);
  const { items } = await client.vault.tokenise({ items: [{ collection: 'cards', value: PAN }] });
  return { one, other, client, token: items[0] !== undefined && 'token' in items[0] ? items[0].token : '' };
}

/** What showing the value comes to: the value, or the code of whatever refused it. */
async function show(vault: BoundVault, token: string): Promise<string> {
  const request = { purpose: 'settlement', items: [{ collection: 'cards', token }] };
  const { items } = await vault.detokenise(request).catch((error: { code: string }) => ({
    items: [{ error: { code: error.code } }],
  }));
  const [item] = items;
  return item !== undefined && 'value' in item ? item.value : (item?.error.code ?? '');
}

const refusedKeys = ({ storePath }: TestVault) =>
  eventsOf(storePath).filter(({ action }) => action === 'key_refused');

it('a true key from elsewhere is nobody, on every process, and an event says so', async () => {
  const { one, other, client, token } = await stolen();
  const [home, away] = ['10.1.2.3', '192.0.2.9'];
  const bound = [await one.as(client.key, 'req', away), await other.as(client.key, 'req', away)];
  for (const vault of bound) expect(await show(vault, token)).toBe(PAN);
  await one.host.clients.admit({ client: client.id, from: ['2001:db8::/32', '10.0.0.0/8'] });

  // Neither a caller that is bound already, nor one that presents the key anew.
  for (const vault of bound.toReversed()) expect(await show(vault, token)).toBe('unauthenticated');
  for (const { as, vault } of [one, other]) {
    expect(await show(await as(client.key, 'req', home), token)).toBe(PAN);
    expect(await show(await as(client.key, 'req', '2001:db8::7'), token)).toBe(PAN);
    for (let i = 0; i < 20; i++)
      await expect(as(client.key, 'req', away)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(vault.authenticate(client.key, null)).rejects.toMatchObject({ code: 'unauthenticated' });
  }
  // What is no key, though it has the id of one, tells the auditor nothing.
  const wrong = client.key.replace(/.{6}$/, '111111');
  await expect(one.as(wrong, 'req', away)).rejects.toMatchObject({ code: 'unauthenticated' });

  expect(refusedKeys(one)).toEqual([]);
  for (const { vault } of [one, other]) {
    await vault.maintain();
    await vault.maintain();
  }
  const { keys } = (await one.host.clients.show({ client: client.id })).client;
  // One event a process, however often it was tried.
  expect(refusedKeys(one)).toHaveLength(2);
  for (const event of refusedKeys(one)) {
    expect(event).toMatchObject({
      outcome: 'denied',
      reason: 'address',
      actor: { id: 'system:door' },
      detail: { client: client.id, key: keys[0]?.id, from: [away], count: 22 },
    });
  }
  expect(await one.host.audit.verify()).toMatchObject({ ok: true });
});

it('a key that was rotated out ends at its time on every process, to the commit', async () => {
  const { one, other, client, token } = await stolen();
  const until = new Date(Date.now() + MINUTE).toISOString();
  const { key: told, priorKeyUntil } = await one.host.clients.rotate({
    client: client.id,
    priorKeyUntil: until,
  });
  const key = toldKey(told);
  expect(priorKeyUntil).toBe(until);
  for (const { as } of [other, one])
    for (const held of [client.key, key]) expect(await show(await as(held), token)).toBe(PAN);

  const [before, after] = [await other.as(client.key), await other.as(key)];
  const db = new Database(one.storePath);
  db.exec('begin immediate');
  const asked = show(before, token);
  // It is decided, and tries to commit, before the time comes.
  for (let turn = 0; turn < 500; turn++) await breathe();
  one.clock.offset = 2 * MINUTE;
  db.exec('rollback');
  db.close();
  expect(await asked).toBe('unauthenticated');
  expect(await show(after, token)).toBe(PAN);
  for (const { as, vault } of [one, other]) {
    await expect(as(client.key)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await show(await as(key), token)).toBe(PAN);
    await vault.maintain();
  }
  expect(refusedKeys(one).map(({ reason }) => reason)).toEqual(['key ended', 'key ended']);
});

it('a rotation without an overlap ends each key before it at once', async () => {
  const { one, other, client, token } = await stolen();
  const bound = await other.as(client.key);
  // A process whose clock is late takes the time from the log.
  const late = await openVaultDir(one.dir, { offset: -10 * MINUTE });
  const boundLate = await late.as(client.key);
  expect(await show(boundLate, token)).toBe(PAN);
  const until = new Date(Date.now() + MINUTE).toISOString();
  const second = toldKey((await one.host.clients.rotate({ client: client.id, priorKeyUntil: until })).key);
  const third = toldKey((await one.host.clients.rotate({ client: client.id })).key);
  expect(await show(bound, token)).toBe('unauthenticated');
  expect(await show(boundLate, token)).toBe('unauthenticated');
  for (const ended of [client.key, second]) {
    await expect(one.as(ended)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(other.as(ended)).rejects.toMatchObject({ code: 'unauthenticated' });
  }
  expect(await show(await other.as(third), token)).toBe(PAN);
});

it('an earlier key that is retired ends at once, and the one after it goes on', async () => {
  const { one, other, client, token } = await stolen();
  const until = new Date(Date.now() + MINUTE).toISOString();
  const key = toldKey((await one.host.clients.rotate({ client: client.id, priorKeyUntil: until })).key);
  const [before, after] = [await other.as(client.key), await other.as(key)];
  expect([await show(before, token), await show(after, token)]).toEqual([PAN, PAN]);
  await one.host.clients.retire({ client: client.id });
  expect([await show(before, token), await show(after, token)]).toEqual(['unauthenticated', PAN]);
  await expect(one.as(client.key)).rejects.toMatchObject({ code: 'unauthenticated' });
  // Now that one key is taken, there may be another overlap.
  await one.host.clients.rotate({ client: client.id, priorKeyUntil: until });
  expect(await show(after, token)).toBe(PAN);
  expect(await one.host.audit.verify()).toMatchObject({ ok: true });
});

const restrictions: [
  'suspended' | 'masked' | 'approval' | 'throttled',
  { readonly code: string; readonly reason: string },
][] = [
  ['suspended', { code: 'restricted', reason: 'suspended' }],
  ['masked', { code: 'restricted', reason: 'masked' }],
  ['approval', { code: 'approval_required', reason: 'approval' }],
];

it.each(restrictions)(
  'a restriction holds on every process once it is answered: %s',
  async (restriction, { code, reason }) => {
    const { one, other, client, token } = await stolen();
    const { clients } = one.host;
    const bound = await other.as(client.key);
    const restrict = (more: object) =>
      restriction === 'suspended'
        ? clients.suspend({ client: client.id, ...more })
        : clients.restrict({ client: client.id, restriction, ...more });
    const tokenise = (vault: BoundVault) =>
      vault.tokenise({ items: [{ collection: 'cards', value: PAN }] }).then(
        ({ items }) => (items[0] !== undefined && 'token' in items[0] ? 'token' : 'error'),
        (error: { code: string }) => error.code,
      );

    await restrict({ reason: 'CASE-7' });
    for (const vault of [bound, await other.as(client.key), client.vault]) {
      expect(await show(vault, token)).toBe(code);
      expect(eventsOf(one.storePath).at(-1)).toMatchObject({
        action: 'detokenise',
        outcome: 'denied',
        reason,
        actor: { id: client.id },
      });
      // A token that nobody has is refused no otherwise: nothing was looked for.
      expect(await show(vault, '4111110000001112')).toBe(code);
      expect(await tokenise(vault)).toBe(restriction === 'suspended' ? 'restricted' : 'token');
    }

    await (restriction === 'suspended'
      ? clients.resume({ client: client.id })
      : clients.lift({ client: client.id, restriction }));
    expect(await show(bound, token)).toBe(PAN);

    await restrict({ until: new Date(Date.now() + MINUTE).toISOString() });
    expect(await show(bound, token)).toBe(code);
    one.clock.offset = 2 * MINUTE;
    expect(await show(bound, token)).toBe(PAN);
    expect(await one.host.audit.verify()).toMatchObject({ ok: true });
  },
);

it('a throttled caller is shown sixty items a minute, found or not, and goes on with the rest', async () => {
  const { one, client, token } = await stolen();
  await one.host.clients.restrict({ client: client.id, restriction: 'throttled' });
  // A whole minute of the clock lies ahead.
  one.clock.offset = MINUTE - (Date.now() % MINUTE);
  const asked = (count: number) => ({
    purpose: 'settlement',
    items: Array.from({ length: count }, (_, i) => ({ collection: 'cards', token: i % 2 ? token : 'x' })),
  });
  const codes = async (count: number) =>
    (await client.vault.detokenise(asked(count))).items.map((item) =>
      'value' in item ? item.value : item.error.code,
    );
  expect(await codes(50)).toEqual(asked(50).items.map((_, i) => (i % 2 ? PAN : 'token_not_found')));
  const second = await codes(20);
  expect(second.slice(0, 10)).not.toContain('rate_limited');
  expect(new Set(second.slice(10))).toEqual(new Set(['rate_limited']));
  const reasons = eventsOf(one.storePath).map(({ reason }) => reason);
  expect(reasons.slice(-20).filter((reason) => reason === 'throttled')).toHaveLength(10);
  expect((await client.vault.tokenise({ items: [{ collection: 'cards', value: PAN }] })).items).toMatchObject(
    [{ token: expect.any(String) as unknown }],
  );
  one.clock.offset += MINUTE;
  expect(await codes(2)).toEqual(['token_not_found', PAN]);
});

describe('while it reads', () => {
  const ends: [string, (host: BoundVault, client: string) => Promise<unknown>][] = [
    ['suspend', ({ clients }, client) => clients.suspend({ client })],
    ['rotate', ({ clients }, client) => clients.rotate({ client })],
    ['admit', ({ clients }, client) => clients.admit({ client, from: ['10.0.0.0/8'] })],
    ['restrict', ({ clients }, client) => clients.restrict({ client, restriction: 'masked' })],
  ];
  it.each(ends)('nothing is shown after %s, as the log orders them', async (verb, end) => {
    const { one, other, client, token } = await stolen();
    const readers = [client.vault, await other.as(client.key)];
    const reading = Array.from({ length: 40 }, (_, i) => show(readers[i % 2] ?? client.vault, token));
    const [, ...shown] = await Promise.all([end(one.host, client.id), ...reading]);
    const events = eventsOf(one.storePath);
    const ended = events.findIndex(({ action }) => action === `clients.${verb}`);
    const reveals = events.flatMap(({ action, outcome }, i) =>
      action === 'detokenise' && outcome === 'done' ? [i] : [],
    );
    expect(ended).toBeGreaterThan(0);
    expect(reveals.filter((i) => i > ended)).toEqual([]);
    expect(shown.filter((code) => code === PAN)).toHaveLength(reveals.length);
    for (const reader of readers) expect(await show(reader, token)).not.toBe(PAN);
  });
});

it('a caller without the grant is told nothing of its restrictions', async () => {
  const { one, token } = await stolen();
  const describer = await one.add(['describe:cards']);
  for (const restriction of ['masked', 'approval', 'throttled'] as const)
    await one.host.clients.restrict({ client: describer.id, restriction });
  for (const asked of [token, 'x']) expect(await show(describer.vault, asked)).toBe('insufficient_grant');
});

it('a suspended caller may ask nothing at all, and a custodian cannot resume itself', async () => {
  const { one, other, client } = await stolen();
  const custodian = await one.add(['clients:*'], { kind: 'custodian' });
  const auditor = await one.add(['audit:*'], { kind: 'auditor' });
  for (const { id } of [client, custodian, auditor]) await one.host.clients.suspend({ client: id });
  const keeper = await other.as(custodian.key);
  const watcher = await other.as(auditor.key);
  const tried: [string, () => Promise<unknown>][] = [
    ['whoami', () => client.vault.whoami()],
    ['collections', () => client.vault.collections()],
    ['clients.list', () => keeper.clients.list()],
    ['clients.resume', () => keeper.clients.resume({ client: custodian.id })],
    ['clients.resume', () => keeper.clients.resume({ client: 'nobody' })],
    ['audit.verify', () => watcher.audit.verify()],
  ];
  for (const [action, attempt] of tried) {
    await expect(attempt(), action).rejects.toMatchObject({ code: 'restricted' });
    expect(eventsOf(one.storePath).at(-1)).toMatchObject({ action, outcome: 'denied', reason: 'suspended' });
  }
  await one.host.clients.resume({ client: custodian.id });
  expect(await keeper.clients.resume({ client: client.id })).toMatchObject({ state: 'active' });
  expect(await client.vault.whoami()).toMatchObject({ id: client.id });
});
