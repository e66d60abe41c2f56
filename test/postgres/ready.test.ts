import { expect, it } from 'vitest';
import { onPostgres } from '../engine.ts';
import { newVault } from '../harness.ts';
import { clusterOfTest } from './lifetimes.ts';
import type { Cluster } from './cluster.ts';

/** What a replica says of itself, and that it comes back without anybody. */

let own: Cluster | null = null;
onPostgres(async () => (own ?? expect.fail('there is no server')).database());

async function vaultOn() {
  const cluster = await clusterOfTest();
  own = cluster;
  return { cluster, open: await newVault() };
}

/** A loaded machine takes its time. */
const LATER = { timeout: 120_000, interval: 250 };

it('is not ready while its clock is more than two seconds from the store, whichever is ahead', async () => {
  const { open } = await vaultOn();
  expect(await open.vault.ready()).toBeNull();
  for (const offset of [60_000, -60_000]) {
    open.clock.offset = offset;
    expect(await open.vault.ready()).toBe("this clock is more than 2 s from the store's");
  }
  open.clock.offset = 0;
  expect(await open.vault.ready()).toBeNull();
});

it('is not ready while the server is gone, and is again once it is back', async () => {
  const { cluster, open } = await vaultOn();
  const client = await open.add(['tokenise:cards']);
  await cluster.kill();
  expect(await open.vault.ready()).not.toBeNull();
  await cluster.start();
  await expect.poll(() => open.vault.ready(), LATER).toBeNull();
  const { items } = await client.vault.tokenise({
    items: [{ collection: 'cards', value: '4111111111111111' }],
  });
  expect(items).toMatchObject([{ token: expect.stringMatching(/^411111/) as unknown }]);
});
