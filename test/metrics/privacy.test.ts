import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CODE_NAMES } from '../../src/wire/codes.ts';
import { ROUTES } from '../../src/wire/routes.ts';
import { makeVaultDir, openVaultDir } from '../harness.ts';
import { type Answer, itemsOf, send } from '../http/listening.ts';
import { serveProcess } from '../process.ts';
import { type Sample, scrape } from './scraped.ts';
import { letters } from '../letters.ts';

/** What goes in through every door must not come out of this one; and nobody outside can make a series. */

const SETTINGS = `
vault: { name: test, environment: test }
server: { host: 127.0.0.1, port: 0, metrics: { port: 0 } }
store: { url: "sqlite:data/vault.db" }
masterKey: { provider: file, path: keys }
`;

const secret = (what: string): string => `${what}-${letters(9)}`;
const PAN = '4012888888881881';

async function servedWithClients() {
  const dir = await makeVaultDir(undefined, SETTINGS);
  const open = await openVaultDir(dir);
  const grants = ['cards', 'cards-known'].flatMap((name) => [
    `tokenise:${name}`,
    `detokenise:${name}@settlement`,
  ]);
  const service = await open.add([...grants, 'tokenise:notes', 'detokenise:notes@support']);
  const custodian = await open.add(['clients:*'], { kind: 'custodian' });
  await open.close();
  const served = await serveProcess(join(dir, 'strongroom.yaml'));
  const metricsUrl = async (): Promise<string> => {
    const find = () => /Metrics are at (\S+)\.\n/.exec(served.output().stderr)?.[1];
    while (find() === undefined) await new Promise((resolve) => setImmediate(resolve));
    return find() ?? '';
  };
  return { url: served.url, metrics: await metricsUrl(), service, custodian };
}

it('no value, token, subject, reference, purpose, ticket, credential or client is in it, nor any path', async () => {
  const { url, metrics, service, custodian } = await servedWithClients();
  const known = {
    PAN,
    note: secret('note'),
    subject: secret('cus'),
    ref: secret('ref'),
    ticket: secret('CASE'),
    metadata: secret('meta'),
    idempotency: secret('idem'),
    path: secret('path'),
    name: secret('name'),
    collection: secret('collection'),
    purpose: secret('purpose'),
  };
  const ask = (key: string, path: string, body: object | null, headers = {}): Promise<Answer> =>
    send(url + path, { body, headers: { authorization: `Bearer ${key}`, ...headers } });
  const made = await ask(
    service.key,
    '/v1/tokenise',
    {
      items: [
        {
          collection: 'cards',
          value: PAN,
          subject: known.subject,
          ref: known.ref,
          metadata: { m: known.metadata },
        },
        { collection: 'cards-known', value: PAN, subject: known.subject },
        { collection: 'notes', value: known.note },
        { collection: known.collection, value: known.note },
      ],
    },
    { 'idempotency-key': known.idempotency },
  );
  const tokens = itemsOf(made).flatMap(({ token }) => (typeof token === 'string' ? [token] : []));
  expect(tokens).toHaveLength(3);
  const items = [{ collection: 'cards', token: tokens[0], ref: known.ref }];
  const shown = await ask(service.key, '/v1/detokenise', {
    purpose: 'settlement',
    ticket: known.ticket,
    items,
  });
  expect(shown.text).toContain(PAN);
  await ask(service.key, '/v1/detokenise', { purpose: known.purpose, items });
  await ask(known.note, '/v1/tokenise', { [known.path]: PAN });
  await ask(service.key, `/v1/tokenise/${known.path}?value=${PAN}`, { items: [] });
  await ask(custodian.key, '/v1/clients/add', { name: known.name, grants: ['tokenise:cards'] });
  await ask(custodian.key, '/v1/clients/revoke', { client: known.name });

  const { text, valueOf } = await scrape(metrics);
  expect(valueOf('items_total', { route: '/v1/tokenise', outcome: 'ok' })).toBe(3);
  expect(valueOf('items_total', { route: '/v1/detokenise', outcome: 'ok' })).toBe(1);
  expect(valueOf('requests_total', { route: '/v1/clients/add', outcome: 'ok' })).toBe(1);
  const all = {
    ...known,
    ...Object.fromEntries(tokens.map((token, i) => [`token ${i}`, token])),
    key: service.key,
    id: service.id,
    client: service.name,
    other: custodian.key,
  };
  for (const [name, one] of Object.entries(all)) {
    for (const form of [one, Buffer.from(one).toString('base64url'), Buffer.from(one).toString('hex')])
      if (text.includes(form)) expect.fail(`the metrics hold ${name}`);
  }
});

const seriesOf = (samples: readonly Sample[]): Set<string> =>
  new Set(
    samples
      .filter(({ name }) => name.startsWith('strongroom_'))
      .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`),
  );

it('however many paths, methods, keys and bodies are tried, labels are words of our own and as many as before', async () => {
  const { url, metrics, service } = await servedWithClients();
  const paths = Object.values(ROUTES).map(({ path }) => path);
  const round = async (salt: string): Promise<void> => {
    for (const method of [
      'GET',
      'POST',
      'PUT',
      'DELETE',
      'OPTIONS',
      'HEAD',
      'PROPFIND',
      'MKCOL',
      'SUBSCRIBE',
    ]) {
      for (const path of [...paths, '/livez', '/readyz', '/docs', '/openapi.json', '/', '/metrics']) {
        const body = ['GET', 'HEAD'].includes(method) ? null : { [salt]: salt };
        for (const key of [service.key, `${service.key}${salt}`, salt]) {
          const headers = { authorization: `Bearer ${key}`, 'x-request-id': salt, traceparent: salt };
          await send(url + path, { method, body, headers });
        }
        await send(`${url}${path}/${salt}?${salt}=${salt}`, { method });
      }
    }
    const items = [{ collection: salt, value: salt, token: salt }];
    for (const path of paths)
      await send(url + path, {
        body: { purpose: salt, items },
        headers: { authorization: `Bearer ${service.key}` },
      });
  };
  await round('first');
  // What is told of checkpoints is there once the first is signed, a second after the start.
  await expect
    .poll(async () => (await scrape(metrics)).valueOf('checkpoint_events'), { timeout: 60_000 })
    .not.toBeNull();
  const before = seriesOf((await scrape(metrics)).samples);
  for (const salt of ['second', '"}\n evil 1', 'third']) await round(encodeURIComponent(salt));
  const { samples } = await scrape(metrics);
  expect(seriesOf(samples)).toEqual(before);

  const words = {
    route: new Set([...paths, '/livez', '/readyz', '/docs', '/openapi.json', '*']),
    outcome: new Set(['ok', 'partial', ...CODE_NAMES]),
    result: new Set(['ok', 'refused', 'failed']),
    collection: new Set(['', 'cards', 'cards-known', 'notes', 'notes-known', 'acme/cards']),
    use: new Set(['seal', 'fingerprint', 'rows', 'issued', 'subjects', 'claims', 'audit', 'checkpoints']),
    state: new Set(['active']),
    kind: new Set([
      'full',
      'io',
      'busy',
      'closed',
      'unknown',
      'closed',
      'other',
      'integrity',
      'filling',
      'store',
      'upkeep',
      'policy',
      'anchor',
      'fatal',
    ]),
    version: new Set(['0.1.0']),
  };
  for (const { name, labels } of samples.filter((one) => one.name.startsWith('strongroom_'))) {
    for (const [label, word] of Object.entries(labels)) {
      if (label === 'le') expect(word).toMatch(/^(?:[\d.]+|\+Inf)$/);
      else expect([...(words[label as keyof typeof words] ?? [])], `${name} ${label}`).toContain(word);
    }
  }
  // What the process tells of itself has words of node's own.
  const others = samples.filter(({ name }) => !name.startsWith('strongroom_'));
  expect(others.length).toBeGreaterThan(10);
  for (const { name, labels } of others) {
    expect(name).toMatch(/^(?:process|nodejs)_/);
    for (const [label, word] of Object.entries(labels)) {
      expect(['type', 'space', 'kind', 'le', 'version', 'major', 'minor', 'patch']).toContain(label);
      expect(word).toMatch(/^(?:[A-Za-z_]+|v?[\d.]+|\+Inf)$/);
    }
  }
});
