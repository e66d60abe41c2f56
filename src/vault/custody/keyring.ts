import { bindFields } from '../../crypto/encoding.ts';
import { commitmentMatches, Secret } from '../../crypto/key.ts';
import type { MasterKey } from '../master-key.ts';
import type { KeyRow } from '../rows.ts';

/** What a key does. `seal` and `fingerprint` are data keys of one collection; the others are vault keys. */
export type KeyUse =
  | 'seal'
  | 'fingerprint'
  | 'rows'
  | 'issued'
  | 'subjects'
  | 'claims'
  | 'audit'
  | 'checkpoints';

/** Vault keys, made once with the vault. */
export const VAULT_USES = [
  'rows',
  'issued',
  'subjects',
  'claims',
  'audit',
  'checkpoints',
] as const satisfies readonly KeyUse[];
type VaultUse = (typeof VAULT_USES)[number];

/** An opened key. */
export interface Key {
  readonly id: string;
  readonly secret: Secret;
}

/** A key that the store names but that cannot be used, and why. */
export interface UnusableKey {
  readonly id: string;
  readonly why: 'does not open under the master key' | 'is not the key that it commits to';
}

/** Keys that are still kept: of one that was destroyed only its row is left, which says so. */
export const keptKeys = (rows: readonly KeyRow[]): readonly KeyRow[] =>
  rows.filter(({ state }) => state !== 'destroyed');

/** What a wrapped key is bound to, and what its commitment covers. */
export const keyContext = (
  row: Omit<KeyRow, 'wrapped' | 'commitment' | 'mac'>,
  vaultId: string,
): Uint8Array =>
  bindFields('strongroom/key/v1', row.id, row.collection, row.use, row.version, row.masterKey, vaultId);

/**
 * Opens one key row.
 * @returns the key, or why it cannot be used
 */
export async function openKey(
  row: KeyRow,
  masterKey: MasterKey,
  vaultId: string,
): Promise<Key | UnusableKey> {
  const context = keyContext(row, vaultId);
  const bytes = await masterKey.unwrap(row.wrapped, context);
  if (bytes === null) return { id: row.id, why: 'does not open under the master key' };
  const secret = new Secret(bytes);
  bytes.fill(0);
  // Associated data alone does not commit to a key: the commitment shows one that was substituted.
  if (!commitmentMatches(secret, context, row.commitment)) {
    return { id: row.id, why: 'is not the key that it commits to' };
  }
  return { id: row.id, secret };
}

/** The keys of one epoch: the active one to seal, a named one to open. */
export class Keyring {
  readonly #named = new Map<string, Key>();
  readonly #active = new Map<string, Key>();
  /** What is stored of each. */
  readonly rows: readonly KeyRow[];

  /** @param keys opened keys with their rows */
  constructor(keys: readonly { readonly row: KeyRow; readonly key: Key }[]) {
    this.rows = keys.map(({ row }) => row);
    for (const { row, key } of keys) {
      this.#named.set(key.id, key);
      if (row.state === 'active') this.#active.set(slot(row.collection, row.use), key);
    }
  }

  /** The key that seals or fingerprints for a collection now; null if it has none. */
  active(collection: string, use: 'seal' | 'fingerprint'): Key | null {
    return this.#active.get(slot(collection, use)) ?? null;
  }

  /** A key by its id: the only one that a cell naming it is tried with. */
  named(id: string): Key | null {
    return this.#named.get(id) ?? null;
  }

  /** A vault key, where the store may have lost it; null if it has. */
  vaultOrNull(use: VaultUse): Key | null {
    return this.#active.get(slot(null, use)) ?? null;
  }

  /** What is stored of the vault key of a use; null where the store has none. */
  vaultRow(use: VaultUse): KeyRow | null {
    const id = this.vaultOrNull(use)?.id;
    return this.rows.find((row) => row.id === id) ?? null;
  }

  vault(use: VaultUse): Key {
    const key = this.vaultOrNull(use);
    if (key === null) throw new MissingVaultKey(use);
    return key;
  }
}

/** The store holds no active vault key of this use: it is not a vault, or its key rows were taken away. */
class MissingVaultKey extends Error {
  constructor(use: string) {
    super(`the vault key for ${use} is missing`);
    this.name = 'MissingVaultKey';
  }
}

const slot = (collection: string | null, use: string): string => `${collection ?? ''}/${use}`;
