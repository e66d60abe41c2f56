import { expect, it } from 'vitest';
import { openMasterKey } from './wrapped.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { inspectStore } from '../../src/vault/inspection.ts';
import { newVault } from '../harness.ts';

it('verifying lets others have their turns, whichever table is large', async () => {
  const open = await newVault();
  const { vault } = await open.add(['tokenise:notes']);
  const items = Array.from({ length: 512 }, (_, i) => ({
    collection: 'notes',
    value: 'x',
    subject: `s${i}`,
  }));
  await vault.tokenise({ items });
  for (let i = 0; i < 256; i++) await vault.tokenise({ items: items.slice(0, 1) }, `key-${i}`);
  await open.close();
  let turns = 0;
  const breathe = async (): Promise<void> => {
    turns++;
  };
  const store = openSqlite(open.storePath);
  const { environment } = open.settings.vault;
  const { ok } = await inspectStore(store, openMasterKey(open), environment, { breathe });
  await store.close();
  expect(ok).toBe(true);
  // Of 259 events, 768 tokens, 512 subjects and 256 claims.
  expect(turns).toBe(1 + 3 + 2 + 1);
});
