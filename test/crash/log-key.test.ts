import { it } from 'vitest';
import { tempDir } from '../harness.ts';
import { keyRounds } from './key-rounds.ts';
import { makeVault } from './made-vault.ts';

it('the log is given new keys while two processes serve it, and one is killed: one chain, and nothing else is signed', async () => {
  await keyRounds(await makeVault(tempDir()), 6);
}, 300_000);
