import { expect, it } from 'vitest';
import { StoreFailure } from '../../src/vault/store.ts';
import { newVault } from '../harness.ts';
import { openAround } from './wrapped.ts';

it('a key that has to be looked for in a store that does not read is told to come again, and is not refused', async () => {
  const test = await newVault();
  let isAway = false;
  const away = <T>(ask: () => Promise<T>): Promise<T> =>
    isAway ? Promise.reject(new StoreFailure('busy', 'the store does not answer')) : ask();
  const { as } = await openAround(test, (store) => ({
    ...store,
    authority: () => away(() => store.authority()),
    transact: (transaction) => away(() => store.transact(transaction)),
  }));
  const before = await test.add(['tokenise:cards']);
  await as(before.key);
  // Added by another process, so that this one has to look.
  const { key } = await test.add(['tokenise:cards']);
  isAway = true;
  await expect(as(key)).rejects.toMatchObject({ name: 'VaultError', code: 'unavailable' });
  isAway = false;
  expect(await (await as(key)).whoami()).toMatchObject({ kind: 'service' });
});
