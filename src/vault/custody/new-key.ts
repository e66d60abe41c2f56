import { commitment, Secret } from '../../crypto/key.ts';
import type { MasterKey } from '../master-key.ts';
import type { KeyRow } from '../rows.ts';
import { newId } from '../id.ts';
import { type KeyUse, keyContext } from './keyring.ts';

/** What making a key needs of the world. */
export interface KeyMaking {
  readonly masterKey: MasterKey;
  readonly vaultId: string;
  readonly random: (bytes: number) => Uint8Array;
  readonly now: () => number;
}

/** A fresh random key, wrapped and active, with no MAC yet: its opened form and its row. */
export async function newKey(
  making: KeyMaking,
  use: KeyUse,
  collection: string | null,
  version = 1,
): Promise<{ readonly secret: Secret; readonly row: Omit<KeyRow, 'mac'> }> {
  const { masterKey, vaultId, random, now } = making;
  const named = {
    id: newId('key', random),
    collection,
    use,
    version,
    state: 'active',
    masterKey: masterKey.id,
    createdAt: now(),
    revision: 1,
  };
  const bytes = random(32);
  const secret = new Secret(bytes);
  const context = keyContext(named, vaultId);
  const wrapped = await masterKey.wrap(bytes, context);
  bytes.fill(0);
  return { secret, row: { ...named, wrapped, commitment: commitment(secret, context) } };
}
