import { VaultError } from './vault/error.ts';
import type { Vault } from './vault/vault.ts';

/** A vault behind the event of its process's start. */
export interface RecordedStart {
  /** It knows no caller, and is not ready, before the log has the start. */
  readonly vault: Vault;
  /**
   * Records the start, unless the store takes no commit yet: then whoever asks for something tries again.
   * @throws VaultError where the vault is closed over what does not authenticate
   */
  readonly begin: () => Promise<void>;
  /** The index of that event; null before. */
  readonly index: () => number | null;
}

/** @param record commits the event, and gives back its index */
export function recordedStart(vault: Vault, record: () => Promise<number>): RecordedStart {
  let index: number | null = null;
  let trying: Promise<number> | null = null;

  async function recorded(): Promise<void> {
    if (index !== null) return;
    trying ??= record().finally(() => (trying = null));
    index = await trying;
  }

  return {
    vault: {
      ...vault,
      authenticate: async (apiKey, from) => {
        if (index === null) await recorded();
        return vault.authenticate(apiKey, from);
      },
      ready: async () => {
        await recorded().catch(outlived);
        return index === null ? 'the log has not taken the start of this process' : vault.ready();
      },
    },
    begin: () => recorded().catch(outlived),
    index: () => index,
  };
}

/** A store that takes no commit now may take one later: it is no reason to end. */
function outlived(error: unknown): void {
  if (error instanceof VaultError && ['audit_unavailable', 'unavailable'].includes(error.code)) return;
  throw error;
}
