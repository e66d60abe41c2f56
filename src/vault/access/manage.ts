import type { AddClientRequest, RevokeClientRequest } from '../../wire/clients.ts';
import { holdsValue } from '../../formats/clear-text.ts';
import { type Call, type Caller, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { signRow } from '../custody/authentic.ts';
import { RequestRefused, VaultError } from '../error.ts';
import { newId } from '../id.ts';
import { once } from '../once.ts';
import type { ClientRow } from '../rows.ts';
import type { Insert } from '../statement.ts';
import { keyCheck, newApiKey } from './api-key.ts';
import { change, type ChangedClient, revised } from './change.ts';
import { subnetsOf, timeAhead, written, wrongIn } from './terms.ts';
import { grantFault, isIdle } from './written-grant.ts';

export interface AddedClient {
  readonly id: string;
  readonly name: string;
  /** The API key, told this once; null where the request is repeated. */
  readonly key: string | null;
  /** Grants that allow nothing under the policy that is active. */
  readonly idle: readonly string[];
  readonly requestId: string;
}

/** Random bytes that a new client takes. */
const CHANGE = { duty: 'clients', expected: 128 } as const;

/**
 * Adds a client with its grants.
 * @throws VaultError `conflict` for a name in use, `invalid_request` for a grant that its kind cannot hold,
 * an expiry that is past or what is no subnet
 */
export const addClient = (
  core: Core,
  caller: Caller,
  request: AddClientRequest,
  idempotencyKey: string | null,
): Promise<AddedClient> =>
  once<Omit<AddedClient, 'requestId'>>(
    core,
    caller,
    { ...CHANGE, action: 'clients.add', request, idempotencyKey },
    (call) => {
      const { name, kind, grants } = request;
      if (call.epoch.clients.find(name) !== null) throw new VaultError('conflict');
      if (holdsValue(name)) throw new VaultError('value_in_clear');
      const { roles } = call.epoch.policy;
      const isWrong = (text: string): boolean => grantFault(text, kind, roles) !== null;
      const wrong = wrongIn('grants', grants, isWrong, 'invalid_grant');
      if (wrong.length > 0) throw new RequestRefused(wrong);
      const expiresAt = request.expiresAt === null ? null : timeAhead(call, request.expiresAt, '/expiresAt');
      const from = subnetsOf(request.from ?? []);
      const { key, keyId, hash } = newApiKey(core.environment, (n) => call.draw.take(n));
      const id = newId('client', (n) => call.draw.take(n));
      const made = { id, name, kind, keyId, keyHash: hash, sources: from.join(' '), expiresAt };
      const inserts = clientRows(call, made, grants);
      const terms = { grants: [...new Set(grants)], expiresAt: written(expiresAt), from };
      const detail = { client: id, name, kind, ...terms, key: keyId, keyCheck: keyCheck(hash) };
      const drafts = [draft(call, 'clients.add', 'done', { detail })];
      const idle = grants.filter((text) => isIdle(text, call.epoch.policy));
      return { part: { inserts, drafts }, told: { id, name, key: null, idle }, secret: { key } };
    },
  );

function clientRows(
  call: Call,
  client: Pick<ClientRow, 'id' | 'name' | 'kind' | 'keyId' | 'keyHash' | 'sources' | 'expiresAt'>,
  grants: readonly string[],
): Insert[] {
  const rowsKey = call.epoch.keys.vault('rows').secret;
  const noPrior = { priorKeyId: null, priorKeyHash: null, priorKeyAt: null, priorKeyUntil: null };
  const since = { keyAt: call.now, createdAt: call.now };
  const row = { ...client, ...noPrior, ...since, state: 'active', revision: 1 };
  return [
    { table: 'clients', row: signRow(rowsKey, 'clients', row) },
    ...[...new Set(grants)].map((grant): Insert => ({
      table: 'grants',
      row: signRow(rowsKey, 'grants', { client: client.id, grant, revision: 1 }),
    })),
  ];
}

/**
 * Ends a client for good. It is refused everywhere from the moment that this is answered.
 * @throws VaultError `not_found`
 */
export const revokeClient = (
  core: Core,
  caller: Caller,
  request: RevokeClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.revoke', request, idempotencyKey }, (call) => {
    const client = call.epoch.clients.find(request.client);
    if (client === null) throw new VaultError('not_found');
    const { id, name } = client.row;
    // Again is no conflict: whoever hurries to end a stolen key should not be told that it failed.
    const updates = [revised(call, client, { state: 'revoked' })];
    const drafts = [draft(call, 'clients.revoke', 'done', { detail: { client: id, name } })];
    return change(client.row, 'revoked', { updates, drafts });
  });
