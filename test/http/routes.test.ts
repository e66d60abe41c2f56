import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/wire/routes.ts';
import { eventsOf } from '../attack/tamper.ts';
import { itemsOf, listening, tokenOf } from './listening.ts';

const PAN = '4111111111111111';
const good = { collection: 'cards', value: PAN, ref: 'a' };
const bad = { collection: 'cards', value: '4111111111111112', ref: 'b' };
const foreign = { collection: 'acme/cards', value: PAN, ref: ' {"}~' };

const asking = async () => {
  const served = await listening();
  return { served, ...(await served.asking(['tokenise:cards', 'detokenise:cards@settlement'])) };
};

it('answers a batch whole, in part, or as a problem, in order and with refs', async () => {
  const { ask } = await asking();
  const whole = await ask('/v1/tokenise', { body: { items: [good, { collection: 'cards', value: PAN }] } });
  expect(whole).toMatchObject({ status: 200, json: { items: [{ ref: 'a' }, {}] } });
  expect(itemsOf(whole)[1]).not.toHaveProperty('ref');

  const some = await ask('/v1/tokenise', { body: { items: [bad, good, foreign] } });
  expect(some).toMatchObject({
    status: 207,
    headers: { 'content-type': 'application/json' },
    json: {
      items: [
        { ref: 'b', error: { code: 'invalid_value' } },
        { ref: 'a' },
        { ref: foreign.ref, error: { code: 'collection_not_found' } },
      ],
    },
  });
  expect(itemsOf(some)[1]).toHaveProperty('token');

  const none = await ask('/v1/tokenise', { body: { items: [foreign, bad] } });
  expect(none).toMatchObject({
    status: 404,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    json: { code: 'collection_not_found', status: 404, items: [{ ref: foreign.ref }, { ref: 'b' }] },
  });
  expect(none.headers['x-request-id']).not.toBe(some.headers['x-request-id']);
});

it('takes 1 to 1,000 items and keeps their order', async () => {
  const { ask } = await asking();
  const items = Array.from({ length: 1000 }, (_, i) => ({ ...(i % 3 === 0 ? bad : good), ref: String(i) }));
  const answer = await ask('/v1/tokenise', { body: { items } });
  expect(answer.status).toBe(207);
  expect(itemsOf(answer).map(({ ref }) => ref)).toEqual(items.map(({ ref }) => ref));
  expect(itemsOf(answer).map((item) => 'error' in item)).toEqual(items.map((_, i) => i % 3 === 0));
  expect(await ask('/v1/tokenise', { body: { items: [...items, good] } })).toMatchObject({
    status: 400,
    json: { errors: [{ pointer: '/items', code: 'too_big' }] },
  });
});

it('refuses what is not a request, with pointers that stop at keys of the caller', async () => {
  const { ask } = await asking();
  const item = { collection: 'cards', value: PAN };
  const malformed = [{ pointer: '', code: 'malformed_json' }];
  const cases: [string | Uint8Array | object, { pointer: string; code: string }[]][] = [
    ['{"items":[', malformed],
    ['', malformed],
    [Buffer.from('7b2261223a22ff227d', 'hex'), malformed],
    ['[]', [{ pointer: '', code: 'invalid_type' }]],
    ['null', [{ pointer: '', code: 'invalid_type' }]],
    [{ items: [] }, [{ pointer: '/items', code: 'too_small' }]],
    [{ items: [item], [PAN]: 1 }, [{ pointer: '', code: 'unrecognized_keys' }]],
    [{ items: [item, { ...item, [PAN]: 1 }] }, [{ pointer: '/items/1', code: 'unrecognized_keys' }]],
    [{ items: [{ ...item, value: 4111 }] }, [{ pointer: '/items/0/value', code: 'invalid_type' }]],
    [{ items: [{ ...item, value: null }] }, [{ pointer: '/items/0/value', code: 'invalid_type' }]],
    [{ items: [{ ...item, value: 1 }] }, [{ pointer: '/items/0/value', code: 'invalid_type' }]],
    [{ items: [{ ...item, ref: 'r'.repeat(65) }] }, [{ pointer: '/items/0/ref', code: 'invalid_format' }]],
    [
      { items: [{ ...item, expiresAt: '2027-01-01' }] },
      [{ pointer: '/items/0/expiresAt', code: 'invalid_format' }],
    ],
    [
      { items: [{ ...item, metadata: { [`k${PAN}`]: [1] } }] },
      [{ pointer: '/items/0/metadata', code: 'invalid_union' }],
    ],
    [
      { items: [{ ...item, metadata: { 'not a key': PAN } }] },
      [{ pointer: '/items/0/metadata', code: 'invalid_key' }],
    ],
    [
      '{"items":[{"collection":"cards","value":"1","__proto__":{}}]}',
      [{ pointer: '/items/0', code: 'unrecognized_keys' }],
    ],
  ];
  for (const [body, errors] of cases) {
    const answer = await ask('/v1/tokenise', { body });
    expect(answer, JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { code: 'invalid_request', errors },
    });
    expect(answer.text).not.toContain(PAN);
  }
});

it('says where a request of the right shape says what cannot be', async () => {
  const served = await listening();
  const { ask } = await served.asking(['clients:*'], { kind: 'custodian', name: 'keeper' });
  const { client } = await served.asking(['tokenise:cards'], { name: 'service' });
  const past = '2001-01-01T00:00:00.000Z';
  const add = (more: object) => ({ name: 'new', grants: ['tokenise:cards'], ...more });
  const cases: [string, object, string, string][] = [
    ['add', add({ grants: ['tokenise:cards', 'clients:*'] }), '/grants/1', 'invalid_grant'],
    ['add', add({ grants: ['role:nobody'] }), '/grants/0', 'invalid_grant'],
    ['add', add({ expiresAt: past }), '/expiresAt', 'past_time'],
    ['add', add({ from: ['10.0.0.0/8', PAN] }), '/from/1', 'invalid_subnet'],
    ['expire', { expiresAt: past }, '/expiresAt', 'past_time'],
    ['admit', { from: ['10.0.0.7/8'] }, '/from/0', 'invalid_subnet'],
    ['rotate', { priorKeyUntil: past }, '/priorKeyUntil', 'past_time'],
    ['rotate', { priorKeyUntil: '2999-01-01T00:00:00.000Z' }, '/priorKeyUntil', 'too_far_ahead'],
    ['suspend', { until: past }, '/until', 'past_time'],
    ['restrict', { restriction: 'masked', until: past }, '/until', 'past_time'],
    ['restrict', { client: 'keeper', restriction: 'masked' }, '/client', 'wrong_kind'],
  ];
  for (const [verb, body, pointer, code] of cases) {
    const named = verb === 'add' ? body : { client: client.name, ...body };
    const answer = await ask(`/v1/clients/${verb}`, { body: named });
    expect(answer, pointer).toMatchObject({
      status: 400,
      json: { code: 'invalid_request', errors: [{ pointer, code }] },
    });
    expect(answer.text).not.toContain(PAN);
    // A known caller was told something: that is an event, as before.
    expect(eventsOf(served.open.storePath).at(-1)).toMatchObject({
      action: `clients.${verb}`,
      outcome: 'denied',
      reason: 'invalid_request',
    });
  }
  expect(await ask('/v1/explain', { body: { action: 'open', collection: 'cards' } })).toMatchObject({
    status: 400,
    json: { errors: [{ pointer: '/action', code: 'unknown_action' }] },
  });
});

it('has one problem for each door that is shut', async () => {
  const { served, client, ask } = await asking();
  const body = { items: [good] };
  for (const authorization of [
    'Bearer nobody',
    `Bearer ${client.key.slice(0, -1)}${client.key.endsWith('z') ? 'y' : 'z'}`,
    `Bearer  ${client.key}`,
    `Basic ${client.key}`,
    client.key,
    '',
  ]) {
    const stranger = await ask('/v1/tokenise', { body, headers: { authorization } });
    expect(stranger, authorization.slice(0, 8)).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      json: { code: 'unauthenticated' },
    });
  }
  for (const { method, path } of Object.values(ROUTES)) {
    const other = method === 'get' ? 'POST' : 'GET';
    const answer = await ask(path, { method: other });
    expect(answer).toMatchObject({ status: 405, json: { code: 'method_not_allowed' } });
    expect(answer.headers['allow']).toBe(method.toUpperCase());
  }
  for (const path of [
    '/v1/nowhere',
    '/v1/tokenise/',
    '//v1/tokenise',
    '/V1/tokenise',
    '/',
    '/v1/tokenise%2f',
  ]) {
    expect(await ask(path, { body }), path).toMatchObject({ status: 404, json: { code: 'not_found' } });
  }
  const needed = { action: 'clients' };
  expect(await ask('/v1/clients/list', { body: {} })).toMatchObject({
    status: 403,
    json: { code: 'insufficient_grant', needed },
  });
  // Whoever stands before the door is counted in the log, all together.
  await served.open.vault.maintain();
  const counted: Record<string, number> = {};
  const from = new Set<string>();
  for (const { action, detail } of eventsOf(served.open.storePath))
    if (action === 'refusals')
      for (const [code, told] of Object.entries(detail as Record<string, number | string[]>))
        if (typeof told === 'number') counted[code] = (counted[code] ?? 0) + told;
        else for (const address of told) from.add(address);
  expect([...from]).toEqual(['127.0.0.1']);
  expect(counted).toEqual({
    unauthenticated: 6,
    method_not_allowed: Object.keys(ROUTES).length,
    not_found: 6,
  });
});

it('a 403 says what the caller lacks, and nothing of the token', async () => {
  const { ask } = await asking();
  const token = tokenOf(await ask('/v1/tokenise', { body: { items: [good] } }));
  const lacking = (purpose: string, asked: string) =>
    ask('/v1/detokenise', { body: { purpose, items: [{ collection: 'cards', token: asked }] } });
  // A purpose that the policy does not know is text of the caller's: it is not repeated.
  const cases = [
    ['support', { action: 'detokenise', collection: 'cards', purpose: 'support' }],
    ['no-such-purpose', { action: 'detokenise', collection: 'cards' }],
  ] as const;
  for (const [purpose, needed] of cases) {
    const answer = await lacking(purpose, token);
    expect(answer.status).toBe(403);
    expect(answer.json).toHaveProperty('needed', needed);
    expect(itemsOf(answer)).toEqual(itemsOf(await lacking(purpose, '4111110000001112')));
  }
});

describe('every answer', () => {
  it('has a request id of its own and is not to be stored', async () => {
    const { ask } = await asking();
    const paths = [...Object.values(ROUTES).map(({ path }) => path), '/livez', '/readyz', '/docs', '/no'];
    const answers = await Promise.all([
      ...paths.flatMap((path) => [ask(path), ask(path, { body: {} })]),
      ask('/v1/tokenise', { body: { items: [good] } }),
      ask('/openapi.json', { headers: { 'x-request-id': 'req_mine' } }),
    ]);
    const ids = answers.map(({ headers }) => headers['x-request-id']);
    for (const id of ids) expect(id).toMatch(/^req_[\w-]{16}$/);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });

  it('is what its route declares, with no key beyond it', async () => {
    const served = await listening();
    const reading = ['detokenise', 'mask', 'verify'].map((action) => `${action}:cards@settlement`);
    const known = ['tokenise:cards-known', 'lookup:cards-known'];
    const changing = ['tokenise', 'lookup', 'replace', 'describe', 'erase'].map(
      (action) => `${action}:cards`,
    );
    const service = await served.asking([...changing, ...reading, ...known]);
    const custodian = await served.asking(['clients:*'], { kind: 'custodian' });
    const auditor = await served.asking(['audit:*'], { kind: 'auditor' });
    const keeper = await served.asking(['policy:*', 'keys:*'], { kind: 'custodian' });
    const token = tokenOf(await service.ask('/v1/tokenise', { body: { items: [good] } }));
    const expiresAt = '2099-01-01T00:00:00.000Z';
    const card = { collection: 'cards', token };
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const asked = {
      tokenise: () => service.ask('/v1/tokenise', { body: { items: [{ ...good, expiresAt }, bad] } }),
      detokenise: () =>
        service.ask('/v1/detokenise', {
          body: { purpose: 'settlement', items: [{ collection: 'cards', token }, foreignToken] },
        }),
      mask: () => service.ask('/v1/mask', { body: { purpose: 'settlement', items: [card, foreignToken] } }),
      verify: () =>
        service.ask('/v1/verify', {
          body: {
            purpose: 'settlement',
            items: [
              { ...card, value: PAN },
              { ...foreignToken, value: PAN },
            ],
          },
        }),
      replace: () =>
        service.ask('/v1/replace', {
          body: {
            items: [
              { ...card, value: PAN, ifVersion: 1, expiresAt, metadata: { n: 1 } },
              { ...card, value: PAN, ifVersion: 9 },
            ],
          },
        }),
      lookup: async () => {
        const values = { items: [{ ...good, collection: 'cards-known' }] };
        await service.ask('/v1/tokenise', { body: values });
        return service.ask('/v1/lookup', { body: { items: [...values.items, good] } });
      },
      describe: () => service.ask('/v1/describe', { body: { items: [card, foreignToken] } }),
      erase: () => service.ask('/v1/erase', { body: { reason: 'asked', items: [card, foreignToken] } }),
      collections: () => service.ask('/v1/collections'),
      whoami: () => service.ask('/v1/whoami'),
      addClient: () =>
        custodian.ask('/v1/clients/add', { body: { name: 'new', grants: ['tokenise:cards'], expiresAt } }),
      listClients: () => custodian.ask('/v1/clients/list', { body: {} }),
      showClient: () => custodian.ask('/v1/clients/show', { body: { client: 'new' } }),
      rotateClient: () =>
        custodian.ask('/v1/clients/rotate', { body: { client: 'new', priorKeyUntil: soon } }),
      retireClient: () => custodian.ask('/v1/clients/retire', { body: { client: 'new' } }),
      suspendClient: () =>
        custodian.ask('/v1/clients/suspend', { body: { client: 'new', until: expiresAt, reason: 'CASE-1' } }),
      resumeClient: () => custodian.ask('/v1/clients/resume', { body: { client: 'new' } }),
      restrictClient: () =>
        custodian.ask('/v1/clients/restrict', { body: { client: 'new', restriction: 'masked' } }),
      liftClient: () => custodian.ask('/v1/clients/lift', { body: { client: 'new', restriction: 'masked' } }),
      expireClient: () => custodian.ask('/v1/clients/expire', { body: { client: 'new', expiresAt } }),
      admitClient: () =>
        custodian.ask('/v1/clients/admit', { body: { client: 'new', from: ['10.0.0.0/8'] } }),
      revokeClient: () => custodian.ask('/v1/clients/revoke', { body: { client: 'new' } }),
      explain: () => service.ask('/v1/explain', { body: { action: 'tokenise', collection: 'cards' } }),
      showPolicy: () => keeper.ask('/v1/policy/show', { body: {} }),
      diffPolicy: () => keeper.ask('/v1/policy/diff', { body: { policy: {} } }),
      applyPolicy: () => keeper.ask('/v1/policy/apply', { body: { policy: {}, expected: 1 } }),
      explainClient: () =>
        keeper.ask('/v1/policy/explain', {
          body: { client: service.client.name, action: 'mask', collection: 'cards', purpose: 'settlement' },
        }),
      verifyLog: () => auditor.ask('/v1/audit/verify', { body: {} }),
      logKey: () => auditor.ask('/v1/audit/key', { body: {} }),
      rotateLogKey: () => keeper.ask('/v1/audit/rotate-key', { body: {} }),
      newestCheckpoint: async () => {
        await served.open.vault.follow();
        return auditor.ask('/v1/audit/checkpoint', { body: {} });
      },
      readEvents: () => auditor.ask('/v1/audit/events', { body: { limit: 2, proofs: true } }),
      proveEvent: () => auditor.ask('/v1/audit/prove', { body: { index: 0 } }),
    } satisfies Record<keyof typeof ROUTES, () => unknown>;
    for (const [name, { answer }] of Object.entries(ROUTES)) {
      const { status, json } = await asked[name as keyof typeof ROUTES]();
      expect(status, name).toBeLessThan(300);
      expect(answer.parse(json), name).toEqual(json);
    }
  });
});

const foreignToken = { collection: 'acme/cards', token: PAN };

it('keeps the trace of a traceparent in the event, and nothing of a wrong one', async () => {
  const { served, ask } = await asking();
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traced = await ask('/v1/whoami', { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
  expect(eventsOf(served.open.storePath).at(-1)).toMatchObject({
    request: traced.headers['x-request-id'],
    trace,
    via: 'http',
  });
  await ask('/v1/whoami', { headers: { traceparent: `00-${PAN}` } });
  expect(eventsOf(served.open.storePath).at(-1)).not.toHaveProperty('trace');
});

it('documents every route, without a script', async () => {
  const { ask } = await listening();
  const { json } = await ask('/openapi.json');
  const { paths } = json as { paths: Record<string, object> };
  for (const { path, method } of Object.values(ROUTES)) expect(paths[path]).toHaveProperty(method);
  const docs = await ask('/docs');
  expect(docs.text).not.toContain('<script');
  expect(docs.headers['content-security-policy']).toContain("default-src 'none'");
  for (const { path } of Object.values(ROUTES)) expect(docs.text).toContain(path);
  expect(await ask('/livez')).toMatchObject({ status: 200, json: { status: 'live' } });
  expect(await ask('/readyz')).toMatchObject({ status: 200, json: { status: 'ready' } });
});
