import { expect, it } from 'vitest';
import { openSqlite } from '../../src/store/sqlite.ts';
import { parseApiKey } from '../../src/vault/access/api-key.ts';
import { Clients } from '../../src/vault/access/clients.ts';
import { eventsOf, tamper } from '../attack/tamper.ts';
import { newVault, openVaultDir, type TestVault, toldKey } from '../harness.ts';
import { itemsOf, listening, withoutId } from '../http/listening.ts';

/** The life of a client: keys, expiry, subnets, restrictions, last use. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CARDS = ['tokenise:cards'];
const inFuture = (time: number): string => new Date(Date.now() + time).toISOString();

const shown = async ({ host }: TestVault, client: string) => (await host.clients.show({ client })).client;

it('a client is shown with all that it is, and never a key', async () => {
  const open = await newVault();
  const expiresAt = inFuture(DAY);
  const { id, key } = await open.add(CARDS, {
    name: 'billing',
    expiresAt,
    from: ['127.0.0.1', '10.0.0.0/8'],
  });
  expect(await shown(open, 'billing')).toEqual({
    id,
    name: 'billing',
    kind: 'service',
    state: 'active',
    grants: CARDS,
    createdAt: expect.any(String) as unknown,
    expiresAt,
    from: ['10.0.0.0/8', '127.0.0.1/32'],
    keys: [
      {
        id: parseApiKey(key, 'test')?.keyId,
        createdAt: expect.any(String) as unknown,
        until: null,
        lastUsedAt: expect.any(String) as unknown,
      },
    ],
    restrictions: [],
  });
  const until = inFuture(DAY);
  const rotated = await open.host.clients.rotate({ client: id, priorKeyUntil: until });
  await open.host.clients.restrict({
    client: id,
    restriction: 'masked',
    until,
    reason: 'CASE-7, (see mail)',
  });
  await open.host.clients.suspend({ client: id });
  const now = await shown(open, id);
  expect(now.keys.map((one) => [one.id, one.until])).toEqual([
    [parseApiKey(toldKey(rotated.key), 'test')?.keyId, null],
    [parseApiKey(key, 'test')?.keyId, until],
  ]);
  expect(now).toMatchObject({
    state: 'suspended',
    restrictions: [
      { restriction: 'suspended', until: null, reason: null, by: 'host:tester' },
      { restriction: 'masked', until, reason: 'CASE-7, (see mail)', by: 'host:tester' },
    ],
  });
  const told = JSON.stringify([now, await open.host.clients.list(), eventsOf(open.storePath)]);
  for (const secret of [key, toldKey(rotated.key)]) {
    expect(told).not.toContain(secret.slice(-50));
    const hash = parseApiKey(secret, 'test')?.hash ?? new Uint8Array(0);
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(told).not.toContain(Buffer.from(hash).toString(encoding));
  }
  open.clock.offset = 2 * DAY;
  expect(await shown(open, id)).toMatchObject({ state: 'expired', keys: [{ until: null }] });
  await open.host.clients.revoke({ client: id });
  expect(await shown(open, id)).toMatchObject({ state: 'revoked', keys: [] });
});

it('each key is taken up to the millisecond of its end, and no longer', async () => {
  const open = await newVault();
  const { id, key: old } = await open.add(CARDS);
  const until = inFuture(DAY);
  const key = toldKey((await open.host.clients.rotate({ client: id, priorKeyUntil: until })).key);
  const store = openSqlite(open.storePath);
  const { clients, grants, restrictions } = await store.authority();
  await store.close();
  const loaded = new Clients(clients, grants, restrictions, new Map());
  const admit = (text: string, now: number) => {
    const presented = parseApiKey(text, 'test');
    return presented === null ? null : loaded.admit(presented, null, now);
  };
  const end = Date.parse(until);
  // Its commits hold until then, and no longer.
  expect(admit(old, end - 1)).toMatchObject({ actor: { stamp: { id }, expiresAt: end } });
  expect(admit(old, end)).toMatchObject({ refused: 'key ended' });
  expect(admit(key, end)).toMatchObject({ actor: { stamp: { id }, expiresAt: null } });
  expect(admit(key.replace(/.{6}$/, '111111'), end)).toMatchObject({ refused: 'secret' });
});

it('says when each key was last used, to the minute, in every process, and writes a row a minute at most', async () => {
  const one = await newVault();
  const other = await openVaultDir(one.dir, one.clock);
  const { id, key: old } = await one.add(CARDS);
  const key = toldKey((await one.host.clients.rotate({ client: id, priorKeyUntil: inFuture(DAY) })).key);
  const lastUses = async () => (await shown(other, id)).keys.map(({ lastUsedAt }) => lastUsedAt);
  // `add` has presented the old key to one process, which has not written it yet.
  expect(await lastUses()).toEqual([null, null]);
  await one.vault.maintain();
  const [none, first] = await lastUses();
  expect(none).toBeNull();
  expect(first).toMatch(/:00\.000Z$/);
  expect(Date.now() - Date.parse(first ?? '')).toBeLessThan(3 * MINUTE);

  one.clock.offset = 5 * MINUTE;
  for (let i = 0; i < 20; i++) await one.as(key);
  await one.vault.maintain();
  const moved = await lastUses();
  expect(moved[1]).toBe(first);
  expect(Date.parse(moved[0] ?? '')).toBeGreaterThan(Date.parse(first ?? ''));
  // An earlier use that another process writes later takes nothing back.
  one.clock.offset = MINUTE;
  await other.as(key);
  await other.vault.maintain();
  expect(await lastUses()).toEqual(moved);
  const sizes = await other.host.audit.verify();
  expect(sizes).toMatchObject({ ok: true });

  // Nothing to write, nothing written: the head stands still.
  const headOf = () => {
    const found: unknown[] = [];
    tamper(one.storePath, (db) => found.push(db.prepare('select * from head').get()));
    return found[0];
  };
  const before = headOf();
  await one.vault.maintain();
  await other.vault.maintain();
  expect(headOf()).toEqual(before);

  // What somebody else wrote is no hint, and is found.
  tamper(one.storePath, (db) => db.exec('update uses set at = 9007199254740991'));
  await one.close();
  expect(await lastUses()).toEqual([moved[0] === null ? null : expect.any(String), null]);
  const { findings } = await other.host.audit.verify();
  expect(findings.map(({ table }) => table)).toContain('uses');
  await expect(other.as(old)).resolves.toBeDefined();
});

it('refuses what cannot be, and records it', async () => {
  const open = await newVault();
  const { clients } = open.host;
  const { id } = await open.add(CARDS);
  const { id: gone } = await open.add(CARDS);
  const { id: keeper } = await open.add(['clients:*'], { kind: 'custodian' });
  await clients.revoke({ client: gone });
  const [past, later, far] = [inFuture(-DAY), inFuture(DAY), inFuture(31 * DAY)];
  await clients.rotate({ client: id, priorKeyUntil: later });
  const pan = '4111 1111 1111 1111';
  const refused: [string, string, () => Promise<unknown>][] = [
    ['clients.rotate', 'conflict', () => clients.rotate({ client: id, priorKeyUntil: later })],
    ['clients.rotate', 'invalid_request', () => clients.rotate({ client: id, priorKeyUntil: far })],
    ['clients.rotate', 'invalid_request', () => clients.rotate({ client: id, priorKeyUntil: past })],
    ['clients.resume', 'conflict', () => clients.resume({ client: id })],
    ['clients.lift', 'conflict', () => clients.lift({ client: id, restriction: 'masked' })],
    ['clients.suspend', 'invalid_request', () => clients.suspend({ client: id, until: past })],
    ['clients.suspend', 'value_in_clear', () => clients.suspend({ client: id, reason: pan })],
    [
      'clients.restrict',
      'invalid_request',
      () => clients.restrict({ client: keeper, restriction: 'throttled' }),
    ],
    ['clients.expire', 'invalid_request', () => clients.expire({ client: id, expiresAt: past })],
    ['clients.admit', 'invalid_request', () => clients.admit({ client: id, from: ['0.0.0.0/0'] })],
    ['clients.rotate', 'conflict', () => clients.rotate({ client: gone })],
    ['clients.retire', 'conflict', () => clients.retire({ client: gone })],
    ['clients.retire', 'conflict', () => clients.retire({ client: keeper })],
    ['clients.suspend', 'conflict', () => clients.suspend({ client: gone })],
    ['clients.resume', 'conflict', () => clients.resume({ client: gone })],
    ['clients.restrict', 'conflict', () => clients.restrict({ client: gone, restriction: 'masked' })],
    ['clients.lift', 'conflict', () => clients.lift({ client: gone, restriction: 'masked' })],
    ['clients.expire', 'conflict', () => clients.expire({ client: gone, expiresAt: null })],
    ['clients.admit', 'conflict', () => clients.admit({ client: gone, from: [] })],
    ...(['show', 'rotate', 'suspend', 'resume'] as const).map(
      (verb): [string, string, () => Promise<unknown>] => [
        `clients.${verb}`,
        'not_found',
        () => clients[verb]({ client: 'nobody' }),
      ],
    ),
  ];
  for (const [action, code, attempt] of refused) {
    await expect(attempt(), `${action} ${code}`).rejects.toMatchObject({ code });
    expect(eventsOf(open.storePath).at(-1)).toMatchObject({ action, outcome: 'denied', reason: code });
  }
  expect(JSON.stringify(eventsOf(open.storePath))).not.toContain(pan);
  // Whoever hurries to end a client for good is not told that it failed.
  await expect(clients.revoke({ client: gone })).resolves.toMatchObject({ state: 'revoked' });
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('an expiry that is moved brings a client back, in a caller that is bound already too', async () => {
  const open = await newVault();
  const { id, vault } = await open.add(CARDS, { expiresAt: inFuture(MINUTE) });
  open.clock.offset = 2 * MINUTE;
  await expect(vault.whoami()).rejects.toMatchObject({ code: 'unauthenticated' });
  expect(await open.host.clients.expire({ client: id, expiresAt: inFuture(DAY) })).toMatchObject({
    state: 'active',
  });
  await expect(vault.whoami()).resolves.toMatchObject({ id });
  await open.host.clients.expire({ client: id, expiresAt: null });
  open.clock.offset = 100 * DAY;
  await expect(vault.whoami()).resolves.toMatchObject({ id, expiresAt: null });
});

it('no route tells a stranger whether a client exists', async () => {
  const served = await listening();
  const service = await served.asking(CARDS, { name: 'known' });
  const auditor = await served.asking(['audit:*'], { kind: 'auditor' });
  const gone = await served.open.add(CARDS, { name: 'gone' });
  await served.open.host.clients.revoke({ client: gone.id });
  const verbs: Record<string, object> = {
    show: {},
    rotate: {},
    retire: {},
    suspend: {},
    resume: {},
    restrict: { restriction: 'masked' },
    lift: { restriction: 'masked' },
    expire: { expiresAt: null },
    admit: { from: [] },
    revoke: {},
  };
  for (const [verb, more] of Object.entries(verbs)) {
    const answers = new Set<string>();
    for (const { ask } of [service, auditor]) {
      for (const client of ['known', service.client.id, 'gone', gone.id, 'nobody']) {
        const answer = await ask(`/v1/clients/${verb}`, { body: { client, ...more } });
        expect(answer.status, verb).toBe(403);
        expect(itemsOf(answer)).toEqual([]);
        answers.add(withoutId(answer));
      }
    }
    expect(answers.size, verb).toBe(1);
  }
});
