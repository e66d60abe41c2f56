import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createMeter } from '../../src/metrics/meter.ts';
import { tamper } from '../attack/tamper.ts';
import { makeVaultDir, openVaultDir } from '../harness.ts';
import { certificate } from '../http/certificate.ts';
import { listening, send, tokenOf } from '../http/listening.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { scrape } from './scraped.ts';

/** What is told to Prometheus, over a real listener. */

const settings = (metrics: string, more = ''): string => `
vault: { name: test, environment: test }
server: { host: 127.0.0.1, port: 0${metrics === '' ? '' : `, metrics: ${metrics}`}${more} }
store: { url: "sqlite:data/vault.db" }
masterKey: { provider: file, path: keys }
`;

async function watched(metrics = '{ port: 0 }', more = '') {
  const meter = createMeter('1.2.3', () => performance.now());
  const dir = await makeVaultDir(undefined, settings(metrics, more));
  const vault = openVaultDir(dir, { offset: 0 }, meter.observer);
  const served = await withoutUpkeep(() => listening(vault, meter));
  return { ...served, meter, metrics: served.metricsUrl ?? expect.fail('no listener for metrics') };
}

/** Nothing is done between requests: a checkpoint every second is a commit too, and commits are counted here. */
async function withoutUpkeep<T>(serve: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['setInterval'] });
  try {
    return await serve();
  } finally {
    vi.useRealTimers();
  }
}

it('counts requests by route and outcome, and items, as they were answered', async () => {
  const { asking, ask, metrics } = await watched();
  const { ask: service } = await asking(['tokenise:cards', 'detokenise:cards@settlement']);
  const card = { collection: 'cards', value: '4012888888881881' };
  const foreign = { collection: 'nowhere', value: 'x' };
  const made = await service('/v1/tokenise', { body: { items: [card, card] } });
  await service('/v1/tokenise', { body: { items: [card, foreign, { ...card, value: '4012' }] } });
  await service('/v1/tokenise', { body: { items: [foreign, foreign] } });
  await service('/v1/tokenise', { body: { items: 1 } });
  const items = [{ collection: 'cards', token: tokenOf(made) }];
  await service('/v1/detokenise', { body: { purpose: 'settlement', items } });
  await ask('/v1/whoami');
  await ask('/v1/tokenise', { method: 'DELETE' });
  await ask('/livez');

  const { valueOf, samples } = await scrape(metrics);
  const requests = (route: string, outcome: string) => valueOf('requests_total', { route, outcome });
  expect([
    requests('/v1/tokenise', 'ok'),
    requests('/v1/tokenise', 'partial'),
    requests('/v1/tokenise', 'collection_not_found'),
    requests('/v1/tokenise', 'invalid_request'),
    requests('/v1/tokenise', 'method_not_allowed'),
    requests('/v1/tokenise', 'internal'),
    requests('/v1/detokenise', 'ok'),
    requests('/v1/whoami', 'unauthenticated'),
    requests('/livez', 'ok'),
  ]).toEqual([1, 1, 1, 1, 1, 0, 1, 1, 1]);
  const itemsOf = (outcome: string) => valueOf('items_total', { route: '/v1/tokenise', outcome });
  expect([itemsOf('ok'), itemsOf('collection_not_found'), itemsOf('invalid_value')]).toEqual([3, 3, 1]);
  const timed = samples.filter(
    ({ name, labels }) =>
      name === 'strongroom_request_duration_seconds_count' && labels['route'] === '/v1/tokenise',
  );
  expect(Object.fromEntries(timed.map(({ labels, value }) => [labels['result'], value]))).toEqual({
    ok: 2,
    refused: 3,
  });
  const seconds = valueOf('request_duration_seconds_sum', { route: '/v1/tokenise', result: 'ok' });
  expect(seconds).toBeGreaterThan(0);
});

it('tells of groups, draws, the log, keys, clients and files', async () => {
  const { asking, metrics, open, meter } = await watched();
  const expiresAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86_400_000).toISOString();
  const { ask } = await asking(['tokenise:notes'], { expiresAt });
  await asking(['tokenise:cards']);
  // What has been counted until now is no part of the group that is looked at.
  await open.vault.maintain();
  const before = await scrape(metrics);
  // Of a space in which no two draws meet.
  const item = { collection: 'notes', value: 'x' };
  await ask('/v1/tokenise', { body: { items: Array.from({ length: 40 }, () => item) } });
  meter.notice('filling');
  const { valueOf } = await scrape(metrics);
  const grew = (name: string) => (valueOf(name) ?? 0) - (before.valueOf(name) ?? 0);
  expect(grew('group_commits_count')).toBe(1);
  expect(grew('group_commits_sum')).toBe(1);
  // A row for each token and its value, one event, and one for the commit itself.
  expect(grew('group_rows_sum')).toBe(82);
  expect(grew('group_duration_seconds_sum')).toBeGreaterThan(0);
  expect(grew('log_events')).toBe(1);
  expect(valueOf('draws_total', { collection: 'notes' })).toBeGreaterThanOrEqual(40);
  expect(valueOf('draws_taken_total', { collection: 'notes' })).toBe(0);
  expect(valueOf('notices_total', { kind: 'filling' })).toBe(1);
  expect(valueOf('notices_total', { kind: 'fatal' })).toBe(0);
  expect(valueOf('queue_rows')).toBe(0);
  expect(valueOf('open')).toBe(1);
  expect(valueOf('integrity_findings')).toBe(0);
  expect(valueOf('policy_number')).toBe(1);
  expect(valueOf('clients')).toBe(2);
  expect(valueOf('client_next_expiry_timestamp_seconds')).toBe(Date.parse(expiresAt) / 1000);
  expect(valueOf('certificate_expiry_timestamp_seconds')).toBe(null);
  expect(valueOf('keys', { collection: 'acme/cards', use: 'seal', state: 'active' })).toBe(1);
  const made = valueOf('key_oldest_created_timestamp_seconds', { collection: '', use: 'rows' }) ?? 0;
  const last = valueOf('last_commit_timestamp_seconds') ?? 0;
  expect(made).toBeLessThanOrEqual(last);
  expect(Math.abs(Date.now() / 1000 - last)).toBeLessThan(300);
  expect(valueOf('store_bytes')).toBeGreaterThan(0);
  expect(valueOf('wal_bytes')).toBeGreaterThan(0);

  // Another process takes a row away: the vault closes, and that is told instead of what no longer holds.
  tamper(open.storePath, (db) => db.exec('delete from grants'));
  await open.vault.recheck();
  const closed = await scrape(metrics);
  expect(closed.valueOf('open')).toBe(0);
  expect(closed.valueOf('integrity_findings')).toBe(1);
  expect(closed.valueOf('clients')).toBe(null);
  expect(closed.valueOf('keys', { collection: '', use: 'rows' })).toBe(null);
});

it('counts commits that are decided again, and those that fail', async () => {
  const { asking, metrics, open } = await watched();
  const { client } = await asking(['tokenise:cards']);
  const item = { collection: 'cards', value: '4012888888881881' };
  // Another process raises the epoch: what is decided under the one that this process knows is decided again.
  await (await openVaultDir(open.dir)).add(['tokenise:cards']);
  await client.vault.tokenise({ items: [item] });
  expect((await scrape(metrics)).valueOf('commits_again_total')).toBe(1);
  expect((await scrape(metrics)).valueOf('commits_failed_total', { kind: 'full' })).toBe(0);
  tamper(open.storePath, (db) =>
    db.exec(`create trigger full before insert on issued begin select raise(abort, 'no'); end`),
  );
  await expect(client.vault.tokenise({ items: [item] })).rejects.toMatchObject({ code: 'unavailable' });
  expect((await scrape(metrics)).valueOf('commits_failed_total', { kind: 'other' })).toBe(1);
});

it('is on a listener of its own, which serves nothing else', async () => {
  const { metrics, ask, asking } = await watched();
  const other = new URL('/', metrics).href.slice(0, -1);
  for (const path of ['/', '/v1/whoami', '/readyz', '/openapi.json', '/metrics/', '/metrics/x'])
    expect((await send(other + path)).status).toBe(404);
  const posted = await send(metrics, { body: {} });
  expect([posted.status, posted.headers['allow']]).toEqual([405, 'GET']);
  const { ask: service } = await asking(['tokenise:cards']);
  expect((await ask('/metrics')).status).toBe(404);
  expect((await service('/metrics')).status).toBe(404);
});

it('off loopback has the TLS of the server, and on loopback or accepted none', async () => {
  const { cert, key } = certificate();
  const tls = `, tls: { cert: ${cert}, key: ${key} }`;
  const ca = readFileSync(cert, 'utf8');
  const open = await watched('{ host: 0.0.0.0, port: 0 }', tls);
  expect(open.metrics).toMatch(/^https:/);
  const url = open.metrics.replace('0.0.0.0', '127.0.0.1');
  const { status, text } = await send(url, { ca });
  expect(status).toBe(200);
  expect(text).toMatch(/^strongroom_certificate_expiry_timestamp_seconds \d+$/m);
  await expect(send(url.replace('https', 'http'))).rejects.toThrow();
  expect((await watched('{ port: 0 }', tls)).metrics).toMatch(/^http:/);
  const accepted = await watched('{ host: 0.0.0.0, port: 0, inClear: accepted }', tls);
  expect(accepted.metrics).toMatch(/^http:/);
});

it('is off unless it is asked for; an address that is taken ends the start before anything is changed', async () => {
  const off = await serveProcess(join(await makeVaultDir(), 'strongroom.yaml'));
  expect((await off.stop()).stderr).not.toContain('etrics');
  const on = await serveProcess(
    join(await makeVaultDir(undefined, settings('{ port: 0 }')), 'strongroom.yaml'),
  );
  const { port } = new URL(on.url);
  const taken = await makeVaultDir(undefined, settings(`{ port: ${port} }`));
  const { code, stderr } = await strongroom(['serve', '--config', join(taken, 'strongroom.yaml')]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `strongroom: cannot listen on 127.0.0.1 port ${port}: another process listens there\n`,
  });
  tamper(join(taken, 'data/vault.db'), (db) =>
    expect(db.prepare('select count(*) from policies').pluck().get()).toBe(0),
  );
  expect((await on.stop()).stderr).toMatch(/\nMetrics are at http:\/\/127\.0\.0\.1:\d+\/metrics\.\n$/);
});
