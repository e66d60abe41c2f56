import type { RetireClientRequest, RotateClientRequest } from '../../wire/clients.ts';
import { type Call, type Caller, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { VaultError, wrongAt } from '../error.ts';
import { once } from '../once.ts';
import { keyCheck, newApiKey } from './api-key.ts';
import { change, changeable, type ChangedClient, revised } from './change.ts';
import { type Client, type ClientKey, stateOf } from './clients.ts';
import { timeAhead, written } from './terms.ts';

export interface RotatedClient {
  readonly id: string;
  readonly name: string;
  /** The new API key, told this once; null where the request is repeated. */
  readonly key: string | null;
  /** Until when the key before is taken too; null where it ended at once. */
  readonly priorKeyUntil: string | null;
  readonly requestId: string;
}

/** How long a key may be taken beside the one that replaced it, in milliseconds. */
const LONGEST_OVERLAP = 30 * 24 * 60 * 60 * 1000;
/** Random bytes that a new key takes. */
const CHANGE = { duty: 'clients', expected: 128 } as const;

/**
 * Gives a client a new API key. The one before is taken until the time asked for, or ends at once. Two keys are taken
 * at most: while one is on its way out there is no other overlap, but both can be ended at once.
 * @throws VaultError `not_found`; `conflict` for a client that is revoked, or for an overlap while another one lasts;
 * `invalid_request` for a time that is past or over 30 days ahead
 */
export const rotateClient = (
  core: Core,
  caller: Caller,
  request: RotateClientRequest,
  idempotencyKey: string | null,
): Promise<RotatedClient> =>
  once<Omit<RotatedClient, 'requestId'>>(
    core,
    caller,
    { ...CHANGE, action: 'clients.rotate', request, idempotencyKey },
    (call) => {
      const client = changeable(call, request.client);
      const { id, name } = client.row;
      const until = overlapEnd(call, client, request.priorKeyUntil ?? null);
      const { key, keyId, hash } = newApiKey(core.environment, (n) => call.draw.take(n));
      const update = revised(call, client, {
        keyId,
        keyHash: hash,
        keyAt: call.now,
        priorKeyId: client.row.keyId,
        priorKeyHash: client.row.keyHash,
        priorKeyAt: client.row.keyAt,
        priorKeyUntil: until ?? call.now,
      });
      const keys = { key: keyId, keyCheck: keyCheck(hash), priorKey: client.row.keyId };
      const detail = { client: id, name, ...keys, priorKeyUntil: written(until ?? call.now) };
      const drafts = [draft(call, 'clients.rotate', 'done', { detail })];
      const told = { id, name, key: null, priorKeyUntil: written(until) };
      return { part: { updates: [update], drafts }, told, secret: { key } };
    },
  );

function overlapEnd(call: Call, { keys }: Client, asked: string | null): number | null {
  if (asked === null) return null;
  const until = timeAhead(call, asked, '/priorKeyUntil');
  if (until > call.now + LONGEST_OVERLAP) throw wrongAt('/priorKeyUntil', 'too_far_ahead');
  // A key that somebody was told is taken until a time is not ended before it in passing.
  if (isOverlapping(call, keys)) throw new VaultError('conflict');
  return until;
}

/**
 * Ends the key before the current one, which a rotation had left for a while.
 * @throws VaultError `not_found`; `conflict` for a client that is revoked, or has no such key any more
 */
export const retireClient = (
  core: Core,
  caller: Caller,
  request: RetireClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.retire', request, idempotencyKey }, (call) => {
    const client = changeable(call, request.client);
    const { id, name, priorKeyId } = client.row;
    if (!isOverlapping(call, client.keys)) throw new VaultError('conflict');
    const updates = [revised(call, client, { priorKeyUntil: call.now })];
    const detail = { client: id, name, priorKey: priorKeyId, priorKeyUntil: written(call.now) };
    const drafts = [draft(call, 'clients.retire', 'done', { detail })];
    return change(client.row, stateOf(client, call.now), { updates, drafts });
  });

const isOverlapping = ({ now }: Call, keys: readonly ClientKey[]): boolean =>
  keys.some(({ until }) => until !== null && now < until);
