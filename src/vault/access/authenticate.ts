import { VaultError } from '../error.ts';
import type { Caller } from '../call.ts';
import type { Core } from '../core.ts';
import type { Epoch } from '../epoch.ts';
import { StoreFailure } from '../store.ts';
import { parseApiKey, type PresentedKey } from './api-key.ts';
import type { Actor } from './clients.ts';
import type { RefusedKeys } from './refused-keys.ts';

/** Says who presents an API key, and from where. */
export type Authenticate = (apiKey: string, from: string | null) => Promise<Caller['who']>;

/** The door: whoever comes through it is asked for again under every epoch. */
export function authenticator(
  { environment, epochs, uses, world }: Core,
  refusedKeys: RefusedKeys,
): Authenticate {
  async function authenticate(apiKey: string, from: string | null): Promise<Caller['who']> {
    const presented = parseApiKey(apiKey, environment);
    if (presented === null) throw new VaultError('unauthenticated');
    const { id } = (await findActor(presented, from).catch(shut)).stamp;
    uses.note(presented.keyId, id, world.now());
    const { keyId, hash } = presented;
    // Asked again under every epoch: a key that was replaced or revoked meanwhile, or may no longer come from here, is nobody's.
    return (epoch, now) => admitted({ keyId, hash }, from, epoch, now);
  }

  async function findActor(presented: PresentedKey, from: string | null): Promise<Actor> {
    const epoch = await epochs.current();
    const known = epoch.clients.admit(presented, from, world.now());
    if (known !== null && 'actor' in known) return known.actor;
    // Perhaps it was added or changed by another process since: a well-formed key is worth one look at the store's epoch.
    if (!presented.isWellFormed()) throw new VaultError('unauthenticated');
    await epochs.refresh();
    return admitted(presented, from, await epochs.current(), world.now());
  }

  /** A true key that is refused is noted, and answered as any other. */
  function admitted(
    presented: Pick<PresentedKey, 'keyId' | 'hash'>,
    from: string | null,
    epoch: Epoch,
    now: number,
  ): Actor {
    const admission = epoch.clients.admit(presented, from, now);
    if (admission !== null && 'actor' in admission) return admission.actor;
    if (admission !== null)
      refusedKeys.note(presented.keyId, admission.client.row.id, admission.refused, from);
    throw new VaultError('unauthenticated');
  }

  return authenticate;
}

/** While the store does not read nobody is known, and nobody is refused for being unknown. */
function shut(error: unknown): never {
  if (error instanceof StoreFailure) throw new VaultError('unavailable', null, error);
  throw error;
}
