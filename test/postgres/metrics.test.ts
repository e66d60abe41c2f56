import { expect, it } from 'vitest';
import { createMeter } from '../../src/metrics/meter.ts';
import { sizeOfDatabase } from '../../src/store/postgres-size.ts';
import { placeOf } from '../contract/engines.ts';
import { SQLITE, onPostgres } from '../engine.ts';
import { makeVaultDir, openVaultDir } from '../harness.ts';
import { listening } from '../http/listening.ts';
import { scrape } from '../metrics/scraped.ts';
import { clusterOfFile, proxyOfTest } from './lifetimes.ts';

const cluster = clusterOfFile();
onPostgres(() => cluster().database());

const SETTINGS = `
vault: { name: test, environment: test }
server: { host: 127.0.0.1, port: 0, metrics: { port: 0 } }
store: ${SQLITE}
masterKey: { provider: file, path: keys }
`;

it('tells the size of the database as the server does, and of no file', async () => {
  const meter = createMeter('1.2.3', () => performance.now());
  const open = openVaultDir(await makeVaultDir(undefined, SETTINGS), { offset: 0 }, meter.observer);
  const { metricsUrl } = await listening(open, meter);
  const { valueOf } = await scrape(metricsUrl ?? expect.fail('no listener for metrics'));
  const size = valueOf('store_bytes') ?? 0;
  expect(size).toBeGreaterThan(1_000_000);
  expect(valueOf('wal_bytes')).toBeNull();
});

it('tells none where the server is gone', async () => {
  const { url } = await cluster().database();
  expect(await sizeOfDatabase(placeOf(url))).toBeGreaterThan(1_000_000);
  const proxy = await proxyOfTest(cluster().port);
  const place = { ...placeOf(url), port: proxy.port };
  expect(await sizeOfDatabase(place)).toBeGreaterThan(1_000_000);
  await proxy.refuse();
  expect(await sizeOfDatabase(place)).toBeNull();
});
