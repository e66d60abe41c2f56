import { randomBytes } from 'node:crypto';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { fileMasterKey } from '../../src/masterkey/file.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import type { MasterKey } from '../../src/vault/master-key.ts';
import { UNOBSERVED } from '../../src/vault/observer.ts';
import type { Store } from '../../src/vault/store.ts';
import { openVault, type Vault } from '../../src/vault/vault.ts';
import type { TestVault } from '../harness.ts';

/** Another process on a vault's store, which sees it through what a test puts around it: the real store is behind that. */
export async function openAround(
  { settings, clock, notices, fatal }: Pick<TestVault, 'settings' | 'clock' | 'notices' | 'fatal'>,
  around: (store: Store) => Store,
): Promise<{ readonly vault: Vault; readonly as: (apiKey: string) => Promise<BoundVault> }> {
  const world = {
    now: () => Date.now() + clock.offset,
    random: (bytes: number) => randomBytes(bytes),
    breathe: () => breathe(),
    pause: (milliseconds: number) => pause(milliseconds),
    notice: (notice: (typeof notices)[number]) => notices.push(notice),
  };
  const vault = await openVault({
    store: around(await openStore(settings, world.random)),
    masterKey: openMasterKey({ settings }),
    environment: settings.vault.environment,
    world,
    observer: UNOBSERVED,
    onFatal: (reason) => fatal.push(reason),
  });
  onTestFinished(() => vault.close());
  const origin = { via: 'http', to: 'caller', from: null, request: 'req_around', trace: null } as const;
  return {
    vault,
    as: async (apiKey) => vault.bind({ who: await vault.authenticate(apiKey, '127.0.0.1'), origin }),
  };
}

const openStore = async (
  { store }: TestVault['settings'],
  random: (bytes: number) => Uint8Array,
): Promise<Store> => (store.engine === 'sqlite' ? openSqlite(store.path) : openPostgres(store, random));

/** The master key of a vault, as another process opens it. */
export const openMasterKey = ({ settings }: Pick<TestVault, 'settings'>): MasterKey =>
  fileMasterKey(settings.masterKey.path, { groups: [process.getegid?.() ?? -1] }, (bytes) =>
    randomBytes(bytes),
  );
