import { spawnSync } from 'node:child_process';
import { connect, only } from 'strongroom/client';
import { expect, it } from 'vitest';
import { send } from '../http/listening.ts';
import { lossy } from '../lossy.ts';
import { examplesVault, expectFree, paste, pastedVault, startService, transcripts } from './running.ts';

const SCRIPT = 'examples/fastify/main.ts';
const FIRST = 'sk-first-0f41c2ab99d0';
const SECOND = 'sk-second-77be02c41f6a';
const THIRD = 'sk-third-a90c5d21e8b3';
const SECRETS = [FIRST, SECOND, THIRD];
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) process.emitWarning('skipped: the transcript of examples/fastify, since curl is not installed');

async function service() {
  const vault = await examplesVault();
  const { name, key, keyFile } = await vault.client('partner-registry');
  const way = await lossy(vault.url);
  const env = { STRONGROOM_URL: way.url, STRONGROOM_KEY_FILE: keyFile };
  const { url, stop } = await startService(SCRIPT, env);
  const ask = (method: string, path: string, body: object | string | null = null, ifMatch?: string) =>
    send(url + path, { method, body, headers: ifMatch === undefined ? {} : { 'if-match': ifMatch } });
  /** Stops the service: nothing of what it printed holds a secret or its key. */
  const log = async (): Promise<string> => {
    const { code, printed } = await stop();
    expect(code).toBe(0);
    expect(printed).toContain('"msg":"request"');
    expect(printed).not.toContain('Deprecation');
    expectFree(printed, [...SECRETS, key]);
    return printed;
  };
  return { vault, way, ask, log, revoke: () => vault.open.host.clients.revoke({ client: name }) };
}

it.skipIf(!hasCurl)('the page of examples/fastify works as pasted, and prints what it says', async () => {
  const vault = await pastedVault();
  const [setUp, tried] = transcripts('examples/fastify/README.md');
  // The last line starts the program.
  paste(setUp?.lines.slice(0, -1) ?? [], { '.strongroom': vault.dir });
  expect(setUp?.lines.at(-1)).toBe(
    'STRONGROOM_KEY_FILE=.strongroom/partners.key npx tsx examples/fastify/main.ts',
  );
  const { url, stop } = await startService(SCRIPT, {
    STRONGROOM_URL: vault.url,
    STRONGROOM_KEY_FILE: vault.at('partners.key'),
  });
  expect(paste(tried?.lines ?? [], { 'http://127.0.0.1:7440': url })).toBe(tried?.output);
  expectFree((await stop()).printed, ['correct horse battery staple', 'staple battery horse correct']);
});

it('refreshes by compare-and-set behind one token, and reads nothing itself', async () => {
  const { vault, ask, log } = await service();
  const made = await ask('POST', '/partners', { name: 'acme', keyId: 'ak_1', secret: FIRST });
  expect(made).toMatchObject({ status: 201, json: { name: 'acme', keyId: 'ak_1' } });
  expect(made.headers['etag']).toBe('"1"');
  const refresh = (keyId: string, secret: string, ifMatch?: string) =>
    ask('PUT', '/partners/acme/secret', { keyId, secret }, ifMatch);
  // Of two at once, one is told.
  const both = await Promise.all([refresh('ak_2', SECOND, '"1"'), refresh('ak_3', THIRD, '"1"')]);
  expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 412]));
  expect(both.find(({ status }) => status === 200)?.headers['etag']).toBe('"2"');
  expect((await refresh('ak_4', SECOND)).status).toBe(428);
  expect((await refresh('ak_4', SECOND, 'W/"2"')).status).toBe(412);
  const won = both[0]?.status === 200 ? { keyId: 'ak_2', secret: SECOND } : { keyId: 'ak_3', secret: THIRD };
  const shown = await ask('GET', '/partners/acme');
  expect(shown).toMatchObject({
    status: 200,
    json: { name: 'acme', keyId: won.keyId, secret: '********', version: 2 },
  });
  expectFree(shown.text + made.text + both.map(({ text }) => text).join(''), SECRETS);
  expect(await vault.issued()).toBe(1);
  await log();
});

it('loses answers at each step, and does each step once', async () => {
  const { vault, way, ask, log } = await service();
  // One more than the client tries: this service's caller is told, and asks again.
  way.faults.push('lost', 'lost', 'lost');
  const partner = { name: 'acme', keyId: 'ak_1', secret: FIRST };
  expect(await ask('POST', '/partners', partner)).toMatchObject({ status: 503, json: { code: 'try_again' } });
  expect((await ask('GET', '/partners/acme')).status).toBe(404);
  // The same request ends what was begun; another one is not taken for it.
  const other = await ask('POST', '/partners', { ...partner, secret: SECOND });
  expect(other).toMatchObject({ status: 409, json: { code: 'partner_exists' } });
  expect((await ask('POST', '/partners', partner)).status).toBe(201);
  expect((await ask('POST', '/partners', partner)).status).toBe(409);
  expect(await vault.issued()).toBe(1);

  way.faults.push('cut');
  const refreshed = await ask('PUT', '/partners/acme/secret', { keyId: 'ak_2', secret: SECOND }, '"1"');
  expect(refreshed).toMatchObject({ status: 200, json: { keyId: 'ak_2' } });
  expect(refreshed.headers['etag']).toBe('"2"');

  way.faults.push('lost', 'lost', 'lost');
  expect((await ask('DELETE', '/partners/acme')).status).toBe(503);
  expect((await ask('DELETE', '/partners/acme')).status).toBe(204);
  expect((await ask('DELETE', '/partners/acme')).status).toBe(404);
  expect((await ask('POST', '/partners', partner)).status).toBe(201);
  await log();
});

it('keeps what the gateway can read for its calls, and the registry cannot', async () => {
  const { vault, way, ask, log } = await service();
  await ask('POST', '/partners', { name: 'acme', keyId: 'ak_1', secret: FIRST });
  const asked = way.asked.map(({ path }) => path);
  expect(asked).toEqual(['/v1/tokenise']);
  const registry = await vault.client('partner-registry');
  const gateway = await vault.client('partner-gateway');
  const as = (apiKey: string) => connect({ url: vault.url, apiKey });
  const { token } = only(
    await as(registry.key).tokenise({ items: [{ collection: 'partner-secret', value: SECOND }] }),
  );
  const item = { collection: 'partner-secret', token };
  const want = { purpose: 'partner-calls', items: [item] };
  expect(only(await as(gateway.key).detokenise(want)).value).toBe(SECOND);
  const denied = await as(registry.key).detokenise(want);
  expect(denied.items).toMatchObject([{ error: { code: 'insufficient_grant' } }]);
  await log();
});

it('refuses what its schemas do not know, and repeats nothing that it was sent', async () => {
  const { ask, revoke, log } = await service();
  const partner = { name: 'acme', keyId: 'ak_1', secret: FIRST };
  const answers = [
    [await ask('POST', '/partners', { ...partner, [SECOND]: THIRD }), 400, 'bad_request'],
    [await ask('POST', '/partners', { ...partner, name: SECOND.toUpperCase() }), 400, 'bad_request'],
    [await ask('POST', '/partners', { ...partner, secret: 'short' }), 400, 'bad_request'],
    [await ask('POST', '/partners', { ...partner, secret: [FIRST] }), 400, 'bad_request'],
    [await ask('POST', '/partners', `{"secret":"${FIRST}`), 400, 'bad_request'],
    [await ask('POST', '/partners', { ...partner, secret: FIRST.repeat(1000) }), 413, 'bad_request'],
    [await ask('POST', '/partners', { ...partner, keyId: '4111111111111111' }), 422, 'value_in_wrong_field'],
    [await ask('POST', '/partners', { ...partner, secret: `${FIRST}\ud800` }), 422, 'secret_refused'],
    [await ask('GET', `/partners/${FIRST}`), 404, 'partner_not_found'],
    [await ask('GET', `/${FIRST}?secret=${SECOND}`), 404, 'not_found'],
    [await ask('GET', `/partners/%${FIRST}`), 400, 'bad_request'],
  ] as const;
  for (const [{ status, json, text }, expected, code] of answers) {
    expect([json, status]).toEqual([{ code }, code === 'bad_request' ? 400 : expected]);
    expectFree(text, SECRETS);
  }
  // What was refused for good leaves the name free.
  expect((await ask('POST', '/partners', partner)).status).toBe(201);
  await revoke();
  expect(await ask('GET', '/partners/acme')).toMatchObject({ status: 500, json: { code: 'internal' } });
  const printed = await log();
  expect(printed).toMatch(/"code":"unauthenticated","vaultRequest":"req_[\w-]{16}"/);
  expect(printed).toContain('"route":"/partners/:name","status":500');
});
