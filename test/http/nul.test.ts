import { expect, it } from 'vitest';
import { ROUTES } from '../../src/wire/routes.ts';
import { type Answer, type Asking, itemsOf, listening, tokenOf } from './listening.ts';

/** U+0000, which no text of PostgreSQL can hold, and half a surrogate pair, which no UTF-8 can: in every string of every route. */

const STRINGS = ['\0', 'a\0', '\0a', '\ud800'];
const PAN = '4111111111111111';

const GRANTS = [
  ...['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`),
  ...['detokenise', 'mask', 'verify'].flatMap((action) => [`${action}:*@support`, `${action}:*@settlement`]),
];

type Body = Readonly<Record<string, unknown>>;

/** What each route takes as it is, but for the strings that are spoilt. */
const bodiesOf = (token: string): Record<keyof typeof ROUTES, readonly Body[]> => {
  const named = { collection: 'notes', token, ref: 'r' };
  const why = { purpose: 'support', ticket: 'T-1' };
  const more = { subject: 'cus_1', metadata: { note: 'x' }, expiresAt: '2999-01-01T00:00:00Z' };
  const client = { client: 'held' };
  return {
    tokenise: ['cards', 'notes', 'notes-known', 'cards-known'].map((collection) => ({
      items: [{ collection, value: PAN, ref: 'r', ...more }],
    })),
    detokenise: [{ ...why, items: [named] }],
    mask: [{ ...why, items: [named] }],
    verify: [{ ...why, items: [{ ...named, value: PAN }] }],
    replace: [{ items: [{ ...named, value: PAN, metadata: { note: 'x' }, expiresAt: more.expiresAt }] }],
    lookup: [{ items: [{ collection: 'notes-known', value: PAN, subject: 'cus_1', ref: 'r' }] }],
    describe: [{ items: [named] }],
    erase: [{ reason: 'asked', ticket: 'T-1', items: [named] }],
    collections: [],
    whoami: [],
    explain: [{ action: 'detokenise', collection: 'cards', purpose: 'settlement' }],
    showPolicy: [{}],
    diffPolicy: [{ policy: POLICY }],
    applyPolicy: [{ policy: POLICY }],
    explainClient: [{ ...client, action: 'detokenise', collection: 'cards', purpose: 'settlement' }],
    addClient: [
      {
        name: 'other',
        kind: 'service',
        grants: ['tokenise:cards'],
        from: ['10.0.0.0/8'],
        expiresAt: more.expiresAt,
      },
    ],
    listClients: [{}],
    showClient: [client],
    rotateClient: [{ ...client, priorKeyUntil: more.expiresAt }],
    suspendClient: [{ ...client, until: more.expiresAt, reason: 'why' }],
    resumeClient: [client],
    restrictClient: [{ ...client, restriction: 'masked', until: more.expiresAt, reason: 'why' }],
    liftClient: [{ ...client, restriction: 'masked' }],
    expireClient: [{ ...client, expiresAt: more.expiresAt }],
    admitClient: [{ ...client, from: ['10.0.0.0/8'] }],
    retireClient: [client],
    revokeClient: [client],
    verifyLog: [{}],
    logKey: [{}],
    newestCheckpoint: [{}],
    rotateLogKey: [{}],
    proveEvent: [{ index: 0 }],
    readEvents: [{ collection: 'cards', from: 0, limit: 1, proofs: true }],
  };
};

const POLICY = {
  purposes: { settlement: { basis: 'contract' } },
  collections: {
    cards: { format: 'pan', tokens: 'random', purposes: ['settlement'], overlap: '24h', formerly: ['old'] },
  },
  roles: { settler: ['tokenise:cards'] },
};

/** A body once for each of its strings and its keys, with that one spoilt, and where that is. */
function* spoiling(
  body: unknown,
  string: string,
  path = '',
): Generator<readonly [place: string, body: unknown]> {
  if (typeof body === 'string') yield [path, string];
  else if (Array.isArray(body)) {
    for (const [i, one] of body.entries())
      for (const [at, bad] of spoiling(one, string, `${path}/${i}`)) yield [at, body.with(i, bad)];
  } else if (typeof body === 'object' && body !== null) {
    for (const [key, one] of Object.entries(body)) {
      const rest = Object.fromEntries(Object.entries(body).filter(([name]) => name !== key));
      yield [`${path}/{${key}}`, { ...rest, [string]: one as unknown }];
      for (const [at, bad] of spoiling(one, string, `${path}/${key}`)) yield [at, { ...body, [key]: bad }];
    }
  }
}

/** Where a spoilt string is taken, or is refused for more than its shape: every other one is no request. */
const TOLD: readonly (readonly [place: RegExp, answers: readonly string[]])[] = [
  [/^(?:tokenise|verify|replace|lookup) \/items\/0\/value$/, ['200 ok', '422 invalid_value']],
  [/^(?:tokenise|replace) \/items\/0\/metadata\/note$/, ['200 ok']],
  [/\/items\/0\/collection$/, ['404 collection_not_found']],
  [/\/items\/0\/token$/, ['404 token_not_found']],
  [/^(?:detokenise|mask|verify) \/purpose$/, ['403 purpose_not_allowed']],
  [/^explain(?:Client)? \/collection$/, ['200 collection_not_found']],
  [/^explain(?:Client)? \/purpose$/, ['200 purpose_not_allowed', '200 insufficient_grant']],
  [/Client \/client$/, ['404 not_found']],
  [/^diffPolicy \/policy\//, ['200 ok']],
  [/^applyPolicy \/policy\//, ['422 invalid_policy']],
];

const expected = (place: string): readonly string[] =>
  TOLD.find(([where]) => where.test(place))?.[1] ?? ['400 invalid_request'];

/** `404 token_not_found`: of the request, or of its only item. */
function toldIn(answer: Answer): string {
  const [item] = itemsOf(answer);
  const { code } = Object.assign({ code: 'ok' }, item?.['error'], answer.json);
  return `${answer.status} ${code}`;
}

/** The caller whose route it is. */
function callerOf(
  path: string,
  callers: Readonly<Record<'worker' | 'custodian' | 'auditor', Asking>>,
): Asking {
  if (/^\/v1\/(?:log|audit)/.test(path)) return callers.auditor;
  return /^\/v1\/(?:clients|policy)/.test(path) ? callers.custodian : callers.worker;
}

it('refuses every string that no store could hold, with the code of its place', async () => {
  const served = await listening();
  const callers = {
    worker: await served.asking(GRANTS),
    custodian: await served.asking(['clients:*', 'policy:*'], { kind: 'custodian' }),
    auditor: await served.asking(['audit:*'], { kind: 'auditor' }),
  };
  await served.asking(['tokenise:cards'], { name: 'held' });
  const kept = await callers.worker.ask('/v1/tokenise', {
    body: { items: [{ collection: 'notes', value: 'kept' }] },
  });
  const wrong: string[] = [];
  let asked = 0;
  for (const [route, bodies] of Object.entries(bodiesOf(tokenOf(kept)))) {
    const { method, path } = ROUTES[route as keyof typeof ROUTES];
    const { ask } = callerOf(path, callers);
    for (const body of bodies)
      for (const string of STRINGS)
        for (const [place, spoilt] of spoiling(body, string)) {
          const told = toldIn(
            await ask(path, { method: method.toUpperCase(), body: JSON.stringify(spoilt) }),
          );
          asked += 1;
          if (!expected(`${route} ${place}`).includes(told)) wrong.push(`${route} ${place}: ${told}`);
        }
  }
  expect(wrong).toEqual([]);
  expect(asked).toBeGreaterThan(500);
});

it('gives a value with U+0000 back as it was', async () => {
  const { ask } = await (await listening()).asking(GRANTS);
  const value = 'a\0b\0';
  for (const collection of ['notes', 'notes-known']) {
    const token = tokenOf(await ask('/v1/tokenise', { body: { items: [{ collection, value }] } }));
    const body = { purpose: 'support', items: [{ collection, token }] };
    expect(itemsOf(await ask('/v1/detokenise', { body }))).toEqual([{ value }]);
  }
});
