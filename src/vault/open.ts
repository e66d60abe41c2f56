import { headSeal, type HeadSeal } from './commit/head.ts';
import { type Key, openKey } from './custody/keyring.ts';
import type { MasterKey } from './master-key.ts';
import type { Store } from './store.ts';

/** Why a store cannot be opened: a sentence for the operator. */
export class CannotOpen extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'CannotOpen';
  }
}

/**
 * Finds the row MAC key, on which everything else authenticates: the one that opens and verifies the head.
 * @throws CannotOpen
 */
export async function openRowsKey(
  store: Store,
  masterKey: MasterKey,
): Promise<{ readonly key: Key; readonly seal: HeadSeal }> {
  const { head, keys } = await store.authority();
  if (head === null) throw new CannotOpen('the store holds no vault: run strongroom init');
  for (const row of keys.filter(({ use, state }) => use === 'rows' && state === 'active')) {
    const key = await openKey(row, masterKey, head.vault);
    if ('why' in key) continue;
    const seal = headSeal(key.secret);
    if (seal.verify(head)) return { key, seal };
    throw new CannotOpen(
      'the head of the log does not authenticate: the store was changed by something else',
    );
  }
  throw new CannotOpen('the vault does not open under this master key');
}
