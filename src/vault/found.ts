import { encodeFrontier, EMPTY } from '../log/tree.ts';
import { movedDigests, NO_DIGESTS } from './commit/digest.ts';
import { mustNotBeAhead } from './commit/clock.ts';
import { NOTHING } from './commit/commit.ts';
import { headSeal } from './commit/head.ts';
import { FOUNDED } from './commit/standing.ts';
import { signRow } from './custody/authentic.ts';
import { VAULT_USES } from './custody/keyring.ts';
import { type KeyMaking, newKey } from './custody/new-key.ts';
import { newId } from './id.ts';
import type { MasterKey } from './master-key.ts';
import type { Insert } from './statement.ts';
import type { Store } from './store.ts';

/**
 * Makes an empty store a vault: its id, its vault keys, a log of size 0.
 * @returns false if the store holds a vault already
 * @throws StoreFailure
 */
export async function foundVault(
  store: Store,
  masterKey: MasterKey,
  environment: string,
  world: { readonly now: () => number; readonly random: (bytes: number) => Uint8Array },
): Promise<boolean> {
  mustNotBeAhead(world.now(), await store.clock());
  const making: KeyMaking = { masterKey, vaultId: newId('vault', world.random), ...world };
  const rows = await newKey(making, 'rows', null);
  const made = [rows];
  for (const use of VAULT_USES) if (use !== 'rows') made.push(await newKey(making, use, null));
  const inserts = made.map(({ row }): Insert => ({ table: 'keys', row: signRow(rows.secret, 'keys', row) }));
  const head = headSeal(rows.secret).sign({
    vault: making.vaultId,
    environment,
    standing: FOUNDED,
    size: 0,
    frontier: encodeFrontier(EMPTY),
    epoch: 1,
    changes: 0,
    lastAt: world.now(),
    digests: movedDigests(NO_DIGESTS, [{ ...NOTHING, inserts }]),
    mac: new Uint8Array(0),
  });
  return store.found(head, inserts);
}
