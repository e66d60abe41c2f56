import { expect, it } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { ROUTES } from '../../src/wire/routes.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { VaultError } from '../../src/vault/error.ts';
import { newVault, type TestClient, type TestVault } from '../harness.ts';
import { listening } from './listening.ts';

/** One scenario over the bound vault and over HTTP: the same answers and the same errors. */

const PAN = '4111111111111111';
const expiresAt = '2099-01-01T00:00:00.000Z';
const soon = new Date(Date.now() + 3_600_000).toISOString();

interface Parties {
  readonly service: BoundVault;
  readonly custodian: BoundVault;
  readonly auditor: BoundVault;
}

/** Every verb, in every way it may end, with what each comes to. */
async function scenario({ service, custodian, auditor }: Parties): Promise<unknown[]> {
  const known = { collection: 'cards-known', value: PAN, subject: 'cus_1', ref: 'k' };
  const bad = { collection: 'cards-known', value: '1', ref: 'bad' };
  const secret = { collection: 'notes', value: 'ü\0😀', metadata: { a: 1 }, expiresAt };
  const tokens: string[] = [];
  const tokenise = async (items: Parameters<BoundVault['tokenise']>[0]['items'], key?: string) => {
    const answer = await service.tokenise({ items }, key);
    for (const item of answer.items) if ('token' in item) tokens.push(item.token);
    return answer;
  };
  const show = (purpose: string, collection: string, token = tokens[0] ?? '') =>
    service.detokenise({ purpose, ticket: 'CASE-1', items: [{ collection, token, ref: 'r' }] });
  const steps = [
    () => tokenise([known, bad, secret]),
    () => tokenise([known]),
    () => tokenise([bad]),
    () => tokenise([secret], 'key'),
    () => tokenise([secret], 'key'),
    () => tokenise([known], 'key'),
    () => tokenise([{ collection: 'nowhere', value: PAN }]),
    () => show('settlement', 'cards-known'),
    () => show('support', 'cards-known'),
    () => show('settlement', 'cards-known', '4111110000001112'),
    () => show('support', 'notes', tokens[1]),
    () =>
      service.detokenise({ purpose: 'support', ticket: PAN, items: [{ collection: 'notes', token: 'x' }] }),
    ...others(service, () => tokens),
    () => service.collections(),
    () => service.whoami(),
    () => service.explain({ action: 'detokenise', collection: 'notes', purpose: 'support' }),
    () => service.explain({ action: 'describe', collection: 'nowhere' }),
    () => service.explain({ action: 'open', collection: 'notes' }),
    () => service.policy.show(),
    () => custodian.policy.show(),
    () => custodian.policy.explain({ client: 'service', action: 'lookup', collection: 'notes' }),
    () => custodian.policy.explain({ client: 'nobody', action: 'lookup', collection: 'notes' }),
    () => custodian.policy.diff({ policy: { purposes: { support: { basis: 'consent' } } } }),
    () => custodian.policy.apply({ policy: { roles: { x: ['clients:*'] } }, expected: 7 }),
    () => custodian.policy.apply({ policy: { roles: { x: ['open:*'] } } }),
    () => service.clients.list(),
    () => service.audit.verify(),
    () => custodian.clients.add({ name: 'new', kind: 'service', grants: ['tokenise:cards'], expiresAt }),
    () =>
      custodian.clients.add({ name: 'new', kind: 'service', grants: ['tokenise:cards'], expiresAt: null }),
    () =>
      custodian.clients.add({ name: 'odd', kind: 'auditor', grants: ['tokenise:cards'], expiresAt: null }),
    () => custodian.clients.list(),
    () => custodian.clients.show({ client: 'new' }),
    () => custodian.clients.show({ client: 'nobody' }),
    () => custodian.clients.rotate({ client: 'new', priorKeyUntil: soon }),
    () => custodian.clients.rotate({ client: 'new', priorKeyUntil: soon }),
    () => custodian.clients.rotate({ client: 'new', priorKeyUntil: expiresAt }),
    () => custodian.clients.retire({ client: 'new' }),
    () => custodian.clients.retire({ client: 'new' }),
    () => custodian.clients.suspend({ client: 'new', until: expiresAt, reason: 'CASE-1' }),
    () => custodian.clients.resume({ client: 'new' }),
    () => custodian.clients.resume({ client: 'new' }),
    () => custodian.clients.restrict({ client: 'service', restriction: 'masked' }),
    () => custodian.clients.restrict({ client: 'auditor', restriction: 'masked' }),
    () => show('settlement', 'cards-known'),
    () => custodian.clients.lift({ client: 'service', restriction: 'masked' }),
    () => custodian.clients.lift({ client: 'service', restriction: 'masked' }),
    () => custodian.clients.expire({ client: 'new', expiresAt: null }),
    () => custodian.clients.expire({ client: 'new', expiresAt: '1960-01-01T00:00:00Z' }),
    () => custodian.clients.admit({ client: 'new', from: ['10.0.0.7'] }),
    () => custodian.clients.admit({ client: 'new', from: ['10.0.0.7/8'] }),
    () => custodian.clients.list(),
    () => custodian.clients.revoke({ client: 'new' }),
    () => custodian.clients.suspend({ client: 'new' }),
    () => custodian.clients.show({ client: 'new' }),
    () => custodian.clients.revoke({ client: 'nobody' }),
    () => custodian.tokenise({ items: [known] }),
    () => custodian.policy.apply({ policy: { collections: { notes: { format: 'text' } } }, expected: 1 }),
    () => custodian.policy.apply({ policy: { collections: { notes: { format: 'text' } } } }),
    () => auditor.audit.verify(),
    () => auditor.audit.key(),
    () => auditor.audit.rotateKey(),
    () => auditor.audit.checkpoint(),
    () => auditor.audit.prove({ index: 1 }),
    () => auditor.audit.events({ collection: 'nowhere', limit: 3, proofs: true }),
    () => auditor.audit.events({ collection: 'cards/' }),
    () => auditor.audit.prove({ index: 2 ** 40 }),
    () => auditor.clients.list(),
  ];
  const outcomes: unknown[] = [];
  for (const step of steps) {
    outcomes.push(
      await step().catch((error: unknown) => {
        if (!(error instanceof VaultError)) throw error;
        const { code, message, needed } = error;
        const errors: unknown = Reflect.get(error, 'errors') ?? [];
        return { raised: code, message, needed, errors };
      }),
    );
  }
  return JSON.parse(normal(JSON.stringify(outcomes))) as unknown[];
}

/** The verbs on tokens that are live, each once well and once not. */
function others(service: BoundVault, tokens: () => readonly string[]): (() => Promise<unknown>)[] {
  const card = () => ({ collection: 'cards-known', token: tokens()[0] ?? '' });
  const why = { purpose: 'settlement' };
  return [
    () => service.mask({ ...why, items: [card(), { ...card(), version: 7 }] }),
    () =>
      service.verify({
        ...why,
        items: [
          { ...card(), value: PAN },
          { ...card(), value: '1' },
        ],
      }),
    () => service.describe({ items: [card(), { collection: 'notes', token: 'x' }] }),
    () => service.lookup({ items: [{ collection: 'cards-known', value: PAN, subject: 'cus_1' }] }),
    () => service.replace({ items: [{ ...card(), value: '5555555555554444', ifVersion: 1 }] }, 'replace'),
    () => service.replace({ items: [{ ...card(), value: '5555555555554444', ifVersion: 1 }] }, 'replace'),
    () => service.replace({ items: [{ ...card(), value: PAN, ifVersion: 1, ref: 'late' }] }),
    () => service.erase({ reason: 'asked', items: [card()] }, 'erase'),
    () => service.erase({ reason: 'asked', items: [card()] }, 'erase'),
    () => service.erase({ reason: PAN, items: [card()] }),
  ];
}

/** Without what no two vaults share: ids, keys, drawn tokens, times of making, roots. */
const normal = (text: string): string =>
  text
    .replaceAll(/"requestId":"[^"]*"/g, '"requestId":"…"')
    .replaceAll(
      /"(id|key|token|created|creator|createdAt|lastUsedAt|by|at|client|root)":"[^"]*"/g,
      '"$1":"…"',
    )
    .replaceAll(/"size":\d+,"(checkpoint|proof)":"[^"]*"/g, '"$1":"…"')
    .replaceAll(/"next":\d+,"size":\d+/g, '"next":"…"')
    .replaceAll(/"size":\d+,"keys"/g, '"keys"')
    .replaceAll(/"tokens":\["[^\]]*\]/g, '"tokens":["…"]');

async function parties(open: TestVault, over: (client: TestClient) => BoundVault): Promise<Parties> {
  const grants = ['cards-known', 'notes', 'cards'].map((name) => `tokenise:${name}`);
  const reveal = ['detokenise:cards-known@settlement', 'detokenise:notes@support', 'lookup:notes'];
  const changing = ['lookup', 'describe', 'replace', 'erase'].map((action) => `${action}:cards-known`);
  const showing = ['mask', 'verify'].map((action) => `${action}:cards-known@settlement`);
  const service = await open.add([...grants, ...reveal, ...changing, ...showing], { name: 'service' });
  const custodian = await open.add(['clients:*', 'policy:*'], { kind: 'custodian', name: 'custodian' });
  const auditor = await open.add(['audit:*'], { kind: 'auditor', name: 'auditor' });
  await open.vault.follow();
  return { service: over(service), custodian: over(custodian), auditor: over(auditor) };
}

it('answers and raises over HTTP what the bound vault does', async () => {
  const bound = await scenario(await parties(await newVault(), ({ vault }) => vault));
  const served = await listening();
  const overHttp = await parties(served.open, ({ key }) => connect({ url: served.url, apiKey: key }));
  expect(await scenario(overHttp)).toEqual(bound);
  // The scenario went through every route.
  expect(new Set(served.lines.map(({ route }) => route))).toEqual(
    new Set(Object.values(ROUTES).map(({ path }) => path)),
  );
});

it('carries an Idempotency-Key, and the whole of a batch that failed', async () => {
  const served = await listening();
  const { service } = await parties(served.open, ({ key }) => connect({ url: served.url, apiKey: key }));
  const request = { items: [{ collection: 'cards', value: PAN }] };
  const [one, two] = [await service.tokenise(request, 'k'), await service.tokenise(request, 'k')];
  expect(two.items).toEqual(one.items);
  const failed = await service.tokenise({ items: [{ collection: 'cards', value: '1', ref: 'a' }] });
  expect(failed.items).toMatchObject([{ ref: 'a', error: { code: 'invalid_value' } }]);
});

it('sends its key in clear to nobody, and a vault that is gone is unavailable', async () => {
  const served = await listening();
  const client = await served.open.add(['tokenise:cards']);
  for (const url of ['http://203.0.113.7:7420', 'ftp://127.0.0.1', 'http://127.0.0.1.example.com']) {
    expect(() => connect({ url, apiKey: client.key }), url).toThrow(/^url is https:/);
  }
  const vault = connect({ url: served.url, apiKey: client.key });
  await expect(vault.whoami()).resolves.toMatchObject({ name: client.name });
  await served.stop();
  await expect(vault.whoami()).rejects.toMatchObject({ code: 'unavailable' });
});
