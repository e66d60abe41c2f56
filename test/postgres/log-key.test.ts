import { it } from 'vitest';
import { keyRounds } from '../crash/key-rounds.ts';
import { tempDir } from '../harness.ts';
import { clusterOfFile } from './lifetimes.ts';
import { makeVaultOn } from './vaults.ts';

const cluster = clusterOfFile();

it('the log is given new keys while two processes serve it, and one is killed: one chain, and nothing else is signed', async () => {
  const database = await cluster().database();
  const vault = await makeVaultOn(tempDir(), database, (sql, name) => cluster().query(sql, name));
  await keyRounds(vault, 6);
}, 300_000);
