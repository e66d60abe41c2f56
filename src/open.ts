import type { Settings } from './config/settings.ts';
import type { StoreSettings } from './config/store.ts';
import { openAnchors } from './open-anchors.ts';
import { fileMasterKey } from './masterkey/file.ts';
import { openPostgres } from './store/postgres.ts';
import { createSqlite, openSqlite } from './store/sqlite.ts';
import type { Standing } from './vault/commit/standing.ts';
import type { World } from './vault/core.ts';
import { foundVault } from './vault/found.ts';
import type { MasterKey } from './vault/master-key.ts';
import { type Observer, UNOBSERVED } from './vault/observer.ts';
import type { Store } from './vault/store.ts';
import { openVault, type Vault } from './vault/vault.ts';

/** The parts that settings name: the one place where they are joined. */
interface Parts {
  readonly store: Store;
  readonly masterKey: MasterKey;
}

/** What opening needs of the host. */
export interface Opening {
  readonly settings: Settings;
  readonly world: World;
  /** The groups of this process, for the check of the key file's mode. */
  readonly groups: readonly number[];
  /** The user of this process, for the check of who may change a program that it runs; root unless said. */
  readonly user?: number;
  readonly onFatal: (reason: string) => void;
  /** Who is told of the vault's work in numbers; nobody, unless said. */
  readonly observer?: Observer;
}

async function openParts({ settings, world, groups }: Opening): Promise<Parts> {
  const masterKey = fileMasterKey(settings.masterKey.path, { groups }, world.random);
  return { store: await openStore(settings.store, world), masterKey };
}

/** Opens the store of a place, whatever it holds. The caller closes it. */
export const openStore = async (place: StoreSettings, { random }: Pick<World, 'random'>): Promise<Store> =>
  place.engine === 'sqlite' ? openSqlite(place.path) : openPostgres(place, random);

/** Opens the vault that settings name. The caller closes it. */
export async function open(opening: Opening, stands: Standing['state'] = 'open'): Promise<Vault> {
  const { store, masterKey } = await openParts(opening);
  const { settings, world, user = 0, onFatal, observer = UNOBSERVED } = opening;
  const { environment } = settings.vault;
  try {
    return await openVault({
      store,
      masterKey,
      environment,
      world,
      observer,
      anchors: openAnchors(settings.anchors, user),
      stands,
      onFatal,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/**
 * Makes the store that settings name a vault.
 * @returns false if it is one already
 */
export async function found(opening: Opening): Promise<boolean> {
  const { store: place } = opening.settings;
  if (place.engine === 'sqlite') createSqlite(place.path);
  const { store, masterKey } = await openParts(opening);
  try {
    return await foundVault(store, masterKey, opening.settings.vault.environment, opening.world);
  } finally {
    await store.close();
  }
}
