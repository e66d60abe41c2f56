import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { type Code, CODE_NAMES, titleOf } from '../../src/wire/codes.ts';
import { newVault } from '../harness.ts';
import { tamper } from '../attack/tamper.ts';
import { type Answer, itemsOf, listening, type Served, tokenOf } from './listening.ts';

/** Every code of the table is met over HTTP, as a problem with its own status and sentence. */

const PAN = '4111111111111111';
const YEAR = 365 * 24 * 60 * 60 * 1000;
const card = { collection: 'cards', value: PAN };
const one = { items: [card] };

interface Provoked {
  readonly status: number;
  readonly by: (served: Served) => Promise<Answer>;
}

/** As a client that may tokenise, reveal and describe cards. */
async function asked(served: Served, path: string, body: object, headers = {}): Promise<Answer> {
  const grants = ['tokenise:cards', 'describe:cards', 'detokenise:cards@settlement'];
  const { ask } = await served.asking([...grants, 'detokenise:cards@marketing', 'tokenise:notes']);
  return ask(path, { body, headers });
}

const reveal = (token: string, purpose = 'settlement', collection = 'cards') => ({
  purpose,
  items: [{ collection, token }],
});

const PROVOKED = {
  invalid_request: { status: 400, by: (served) => asked(served, '/v1/tokenise', { items: [] }) },
  unauthenticated: { status: 401, by: ({ ask }) => ask('/v1/tokenise', { body: one }) },
  insufficient_grant: { status: 403, by: (served) => asked(served, '/v1/clients/list', {}) },
  restricted: { status: 403, by: (served) => narrowed(served, 'masked') },
  purpose_not_allowed: {
    status: 403,
    by: (served) => asked(served, '/v1/detokenise', reveal(PAN, 'support')),
  },
  consent_required: {
    status: 403,
    by: async (served) => {
      const token = tokenOf(await asked(served, '/v1/tokenise', one));
      return asked(served, '/v1/detokenise', reveal(token, 'marketing'));
    },
  },
  approval_required: { status: 403, by: (served) => narrowed(served, 'approval') },
  collection_not_found: {
    status: 404,
    by: (served) => asked(served, '/v1/tokenise', { items: [{ collection: 'nowhere', value: PAN }] }),
  },
  token_not_found: {
    status: 404,
    by: (served) => asked(served, '/v1/detokenise', reveal('411111000000111')),
  },
  not_found: { status: 404, by: ({ ask }) => ask('/v1/nowhere') },
  method_not_allowed: { status: 405, by: ({ ask }) => ask('/v1/tokenise', { method: 'DELETE' }) },
  conflict: {
    status: 409,
    by: async (served) => {
      const { ask } = await served.asking(['clients:*'], { kind: 'custodian', name: 'taken' });
      return ask('/v1/clients/add', { body: { name: 'taken', grants: ['tokenise:cards'] } });
    },
  },
  already_token: {
    status: 409,
    by: async (served) => {
      const token = tokenOf(await asked(served, '/v1/tokenise', one));
      return asked(served, '/v1/tokenise', { items: [{ collection: 'cards', value: token }] });
    },
  },
  token_ended: {
    status: 410,
    by: async (served) => {
      const expiresAt = new Date(Date.now() + YEAR).toISOString();
      const token = tokenOf(await asked(served, '/v1/tokenise', { items: [{ ...card, expiresAt }] }));
      served.open.clock.offset = 2 * YEAR;
      return asked(served, '/v1/detokenise', reveal(token));
    },
  },
  payload_too_large: {
    status: 413,
    by: (served) => asked(served, '/v1/tokenise', one, { 'content-length': 8 * 1024 * 1024 + 1 }),
  },
  unsupported_media_type: {
    status: 415,
    by: (served) => asked(served, '/v1/tokenise', one, { 'content-type': 'text/json' }),
  },
  invalid_value: {
    status: 422,
    by: (served) => asked(served, '/v1/tokenise', { items: [{ ...card, value: '4111111111111112' }] }),
  },
  not_supported: {
    status: 422,
    by: async (served) => {
      const { ask } = await served.asking(['lookup:cards']);
      return ask('/v1/lookup', { body: one });
    },
  },
  value_in_clear: {
    status: 422,
    by: (served) => asked(served, '/v1/tokenise', { items: [{ ...card, subject: PAN }] }),
  },
  idempotency_mismatch: {
    status: 422,
    by: async (served) => {
      const { ask } = await served.asking(['tokenise:cards', 'tokenise:notes']);
      const headers = { 'idempotency-key': 'same' };
      await ask('/v1/tokenise', { body: one, headers });
      return ask('/v1/tokenise', { body: { items: [card, card] }, headers });
    },
  },
  rate_limited: {
    status: 429,
    by: async (served) => {
      const { ask, client } = await served.asking(['detokenise:cards@settlement']);
      await served.open.host.clients.restrict({ client: client.id, restriction: 'throttled' });
      // A whole minute of the clock lies ahead.
      served.open.clock.offset = 60_000 - (Date.now() % 60_000);
      const many = Array.from({ length: 1000 }, () => ({ collection: 'cards', token: 'x' }));
      const { status } = await ask('/v1/detokenise', { body: { purpose: 'settlement', items: many } });
      expect(status).toBe(404);
      return ask('/v1/detokenise', { body: reveal('x') });
    },
  },
  internal: {
    status: 500,
    by: async (served) => {
      const token = tokenOf(await asked(served, '/v1/tokenise', one));
      tamper(served.open.storePath, (db) => db.exec(`update "values" set version = version + 1`));
      return asked(served, '/v1/detokenise', reveal(token));
    },
  },
  integrity: {
    status: 503,
    by: async (served) => {
      const { ask } = await served.asking(['tokenise:cards']);
      tamper(served.open.storePath, (db) => db.exec(`update clients set state = 'suspended'`));
      await served.open.vault.recheck();
      return ask('/v1/tokenise', { body: one });
    },
  },
  invalid_policy: {
    status: 422,
    by: async (served) => {
      const { ask } = await served.asking(['policy:*'], { kind: 'custodian' });
      return ask('/v1/policy/apply', { body: { policy: { collections: { cards: { format: 'none' } } } } });
    },
  },
  audit_unavailable: {
    status: 503,
    by: async (served) => {
      const { ask } = await served.asking(['tokenise:cards', 'detokenise:cards@settlement']);
      const token = tokenOf(await ask('/v1/tokenise', { body: one }));
      return locked(served, () => ask('/v1/detokenise', { body: reveal(token) }));
    },
  },
  unavailable: {
    status: 503,
    by: async (served) => {
      const { ask } = await served.asking(['tokenise:cards']);
      return locked(served, () => ask('/v1/tokenise', { body: one }));
    },
  },
  token_space_exhausted: { status: 507, by: exhausted },
} satisfies Record<Code, Provoked>;

/** As a client that may reveal cards, and is restricted. */
async function narrowed(served: Served, restriction: 'masked' | 'approval'): Promise<Answer> {
  const { ask, client } = await served.asking(['tokenise:cards', 'detokenise:cards@settlement']);
  await served.open.host.clients.restrict({ client: client.id, restriction });
  const token = tokenOf(await ask('/v1/tokenise', { body: one }));
  return ask('/v1/detokenise', { body: reveal(token) });
}

/** While another process holds the store's lock for longer than anybody waits. */
async function locked<T>({ open }: Served, during: () => Promise<T>): Promise<T> {
  const db = new Database(open.storePath);
  db.exec('begin immediate');
  try {
    return await during();
  } finally {
    db.close();
  }
}

/** The smallest bucket that a policy may have, filled to its last token: 15 digits, 6 + 4 kept, Luhn-invalid. */
async function exhausted(served: Served): Promise<Answer> {
  const amex = { collection: 'amex', value: '378282246310005' };
  const { client, ask } = await served.asking(['tokenise:amex']);
  const batch = { items: Array.from({ length: 1000 }, () => amex) };
  const tokens = new Set<string>();
  for (let i = 0; i < 90; i++) {
    const { items } = await client.vault.tokenise(batch);
    for (const item of items) if ('token' in item) tokens.add(item.token);
  }
  expect(tokens.size).toBe(90_000);
  const full = await ask('/v1/tokenise', { body: { items: batch.items.slice(0, 100) } });
  expect(itemsOf(full)).toHaveLength(100);
  return full;
}

const AMEX = `
collections:
  amex: { format: pan, lengths: { min: 15, max: 15 }, keep: { first: 6, last: 4 } }
`;

it.each(CODE_NAMES)('%s has a status, a sentence and a type of its own', async (code) => {
  const { status, by } = PROVOKED[code];
  const served = await listening(code === 'token_space_exhausted' ? newVault(AMEX) : newVault());
  const answer = await by(served);
  expect(answer.json).toMatchObject({
    type: `urn:strongroom:error:${code}`,
    title: titleOf(code),
    status,
    code,
    requestId: answer.headers['x-request-id'],
  });
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
  });
  expect(answer.headers['retry-after']).toBe({ 503: '1', 429: '60' }[status]);
  expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
  expect(answer.text).not.toContain(PAN);
  // A batch that failed whole has its items' errors too, in the same words.
  for (const item of itemsOf(answer)) expect(item).toMatchObject({ error: { code, title: titleOf(code) } });
  const expectedLine = { requestId: answer.headers['x-request-id'], status };
  expect(served.lines.at(-1)).toMatchObject(expectedLine);
});
