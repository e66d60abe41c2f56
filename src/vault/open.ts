import { headSeal, type HeadSeal } from './commit/head.ts';
import { closedBecause, parseStanding, type Standing } from './commit/standing.ts';
import { type Key, openKey } from './custody/keyring.ts';
import type { MasterKey } from './master-key.ts';
import type { HeadRow } from './rows.ts';
import type { AuthoritySnapshot, Store } from './store.ts';

/** Why a store cannot be opened: a sentence for the operator. */
export class CannotOpen extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'CannotOpen';
  }
}

const CHANGED =
  'the head of the log, or the keys that authenticate it, are not as the vault wrote them: ' +
  'the store was changed by something else. Restore a backup';

/** API keys and tokens carry the environment: under another one every client would be nobody. */
const otherEnvironment = (made: string): string =>
  `the vault was made for the environment ${made}: vault.environment must say so, as its API keys and tokens do`;

/**
 * A store that is closed is opened for nothing but what opens it again.
 * @throws CannotOpen
 */
export function mustStand({ standing }: HeadRow, state: Standing['state']): void {
  if (parseStanding(standing)?.state !== state)
    throw new CannotOpen(closedBecause(standing) ?? 'the store is open already');
}

/**
 * The row MAC key, on which everything else authenticates: the active one that this master key opens.
 * @returns null if it opens none
 */
export async function findRowsKey(
  { head, keys }: Pick<AuthoritySnapshot, 'head' | 'keys'>,
  masterKey: MasterKey,
): Promise<Key | null> {
  for (const row of keys.filter(({ use, state }) => use === 'rows' && state === 'active')) {
    const key = await openKey(row, masterKey, head?.vault ?? '');
    if (!('why' in key)) return key;
  }
  return null;
}

/**
 * Finds the row MAC key and holds the head against it.
 * @throws CannotOpen
 */
export async function openRowsKey(
  store: Store,
  masterKey: MasterKey,
  environment: string,
): Promise<{ readonly key: Key; readonly seal: HeadSeal; readonly head: HeadRow }> {
  const { head, keys } = await store.authority();
  if (head === null && keys.length === 0)
    throw new CannotOpen('the store holds no vault: run strongroom init');
  if (head === null || keys.length === 0) throw new CannotOpen(CHANGED);
  const key = await findRowsKey({ head, keys }, masterKey);
  if (key === null) throw new CannotOpen('the vault does not open under this master key');
  const seal = headSeal(key.secret);
  if (!seal.verify(head)) throw new CannotOpen(CHANGED);
  if (head.environment !== environment) throw new CannotOpen(otherEnvironment(head.environment));
  return { key, seal, head };
}
