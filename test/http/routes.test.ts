import { expect, it, onTestFinished } from 'vitest';
import { serve } from '../../src/serve.ts';
import { ROUTES } from '../../src/wire/routes.ts';
import { newVault } from '../harness.ts';

const PAN = '4111111111111111';

async function listening() {
  const open = await newVault();
  const client = await open.add(['tokenise:cards', 'detokenise:cards@settlement']);
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const server = await serve({
    settings: open.settings,
    vault: open.vault,
    now: () => Date.now(),
    random,
    log: () => undefined,
  });
  // The server closes the vault that it serves.
  onTestFinished(() => server.stop().catch(() => undefined));
  const ask = async (
    path: string,
    body: string | Uint8Array | null,
    headers: Record<string, string> = {},
  ) => {
    const answer = await fetch(new URL(path, server.url), {
      method: body === null ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${client.key}`, 'content-type': 'application/json', ...headers },
      body,
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parse(text) };
  };
  return { ask };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

it('answers a batch whole, in part, or as a problem, in order and with refs', async () => {
  const { ask } = await listening();
  const good = { collection: 'cards', value: PAN, ref: 'a' };
  const bad = { collection: 'cards', value: '4111111111111112', ref: 'b' };
  expect(await ask('/v1/tokenise', JSON.stringify({ items: [good] }))).toMatchObject({
    status: 200,
    json: { items: [{ ref: 'a' }] },
  });
  const some = await ask('/v1/tokenise', JSON.stringify({ items: [bad, good] }));
  expect(some).toMatchObject({
    status: 207,
    json: { items: [{ ref: 'b', error: { code: 'invalid_value' } }, { ref: 'a' }] },
  });
  const none = await ask('/v1/tokenise', JSON.stringify({ items: [bad] }));
  expect(none).toMatchObject({
    status: 422,
    json: { code: 'invalid_value', status: 422, items: [{ ref: 'b' }] },
  });
  expect(none.headers.get('content-type')).toBe('application/problem+json');
  expect(none.headers.get('cache-control')).toBe('no-store');
  expect(none.headers.get('x-request-id')).not.toBe(some.headers.get('x-request-id'));
});

it('refuses what is not a request, with pointers that stop at keys of the caller', async () => {
  const { ask } = await listening();
  const item = { collection: 'cards', value: PAN };
  const cases: [string | Uint8Array, number, unknown][] = [
    ['{"items":[', 400, [{ pointer: '', code: 'malformed_json' }]],
    [Buffer.from('7b2261223a22ff227d', 'hex'), 400, [{ pointer: '', code: 'malformed_json' }]],
    ['{"items":[]}', 400, [{ pointer: '/items', code: 'too_small' }]],
    [
      JSON.stringify({ items: [{ ...item, mine: 1 }] }),
      400,
      [{ pointer: '/items/0', code: 'unrecognized_keys' }],
    ],
    [
      JSON.stringify({ items: [{ ...item, metadata: { mine: [1] } }] }),
      400,
      [{ pointer: '/items/0/metadata', code: 'invalid_union' }],
    ],
  ];
  for (const [body, status, errors] of cases) {
    expect(await ask('/v1/tokenise', body)).toMatchObject({
      status,
      json: { code: 'invalid_request', errors },
    });
  }
});

it('has one problem for each door that is shut', async () => {
  const { ask } = await listening();
  const request = JSON.stringify({ items: [{ collection: 'cards', value: PAN }] });
  const stranger = await ask('/v1/tokenise', request, { authorization: 'Bearer nobody' });
  expect(stranger).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
  expect(stranger.headers.get('www-authenticate')).toBe('Bearer');
  const method = await ask('/v1/tokenise', null);
  expect(method).toMatchObject({ status: 405, json: { code: 'method_not_allowed' } });
  expect(method.headers.get('allow')).toBe('POST');
  expect(await ask('/v1/nowhere', null)).toMatchObject({ status: 404, json: { code: 'not_found' } });
  expect(await ask('/v1/tokenise', request, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  expect(await ask('/v1/tokenise', ' '.repeat(8 * 1024 * 1024 + 1))).toMatchObject({
    status: 413,
    json: { code: 'payload_too_large' },
  });
  const needed = { action: 'clients' };
  expect(await ask('/v1/clients/list', '{}')).toMatchObject({
    status: 403,
    json: { code: 'insufficient_grant', needed },
  });
});

it('documents every route, without a script', async () => {
  const { ask } = await listening();
  const { json } = await ask('/openapi.json', null);
  const { paths } = json as { paths: Record<string, object> };
  for (const { path, method } of Object.values(ROUTES)) expect(paths[path]).toHaveProperty(method);
  const docs = await ask('/docs', null);
  expect(docs.text).not.toContain('<script');
  for (const { path } of Object.values(ROUTES)) expect(docs.text).toContain(path);
  expect(await ask('/livez', null)).toMatchObject({ status: 200 });
  expect(await ask('/readyz', null)).toMatchObject({ status: 200, json: { status: 'ready' } });
});
