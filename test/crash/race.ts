import type { BoundVault } from '../../src/vault/bound.ts';
import { VaultError } from '../../src/vault/error.ts';
import type { StoredEvent } from './made-vault.ts';

/** Reveals that race with a change that shall end them: those that began before it was answered, and after. */
export interface Race {
  answered: boolean;
  before: number;
  after: number;
}

export const newRace = (): Race => ({ answered: false, before: 0, after: 0 });

/**
 * Reveals a token of `cards` until that is refused.
 * @returns the code of the refusal
 */
export async function revealUntilRefused(vault: BoundVault, token: string, race: Race): Promise<string> {
  for (;;) {
    const isAfter = race.answered;
    const refusal = await revealed(vault, token);
    if (refusal !== null) return refusal;
    if (isAfter) race.after++;
    else race.before++;
  }
}

/** Null when the value was shown. */
async function revealed(vault: BoundVault, token: string): Promise<string | null> {
  try {
    const items = [{ collection: 'cards', token }];
    const [item] = (await vault.detokenise({ purpose: 'settlement', items })).items;
    return item !== undefined && 'error' in item ? item.error.code : null;
  } catch (error) {
    if (error instanceof VaultError) return error.code;
    throw error;
  }
}

/** As the log has it: reveals in front of the change, the last of its kind, and behind it. */
export function shownAround(
  events: readonly StoredEvent[],
  isChange: (event: StoredEvent) => boolean,
): { readonly before: number; readonly after: number } {
  const change = events.findLastIndex(isChange);
  if (change < 0) throw new Error('the log does not hold the change');
  const shown = (part: readonly StoredEvent[]): number =>
    part.filter(({ action, outcome }) => action === 'detokenise' && outcome === 'done').length;
  return { before: shown(events.slice(0, change)), after: shown(events.slice(change)) };
}
