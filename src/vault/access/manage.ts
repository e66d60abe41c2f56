import type { AddClientRequest, ClientSummary, RevokeClientRequest } from '../../wire/clients.ts';
import { holdsValue } from '../../formats/clear-text.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { signRow } from '../custody/authentic.ts';
import { VaultError } from '../error.ts';
import { newId } from '../id.ts';
import type { Insert } from '../store.ts';
import { newApiKey } from './api-key.ts';
import { type Client, type ClientState, grantFault, isIdle } from './clients.ts';
import { holdsDuty } from './duty.ts';

export interface AddedClient {
  readonly id: string;
  readonly name: string;
  /** The API key: this is the only time that it is told. */
  readonly key: string;
  /** Grants that allow nothing under the policy that is active. */
  readonly idle: readonly string[];
  readonly requestId: string;
}

/** Random bytes that a new client takes. */
const EXPECTED = 128;

/**
 * Adds a client with its grants.
 * @throws VaultError `conflict` for a name in use, `invalid_request` for a grant that its kind cannot hold or a past expiry
 */
export const addClient = (core: Core, caller: Caller, request: AddClientRequest): Promise<AddedClient> =>
  attempt(core, caller, { action: 'clients.add', expected: EXPECTED }, async (call) => {
    if (!(await holdsDuty(call, 'clients', 'clients.add'))) return null;
    const { name, kind, grants } = request;
    if (call.epoch.clients.find(name) !== null) throw new VaultError('conflict');
    if (holdsValue(name)) throw new VaultError('value_in_clear');
    if (grants.some((text) => grantFault(text, kind, call.epoch.policy.roles) !== null))
      throw new VaultError('invalid_request');
    const expiresAt = request.expiresAt === null ? null : Date.parse(request.expiresAt);
    if (expiresAt !== null && expiresAt <= call.now) throw new VaultError('invalid_request');
    const { key, keyId, hash } = newApiKey(core.environment, (n) => call.draw.take(n));
    const id = newId('client', (n) => call.draw.take(n));
    const inserts = clientRows(call, { id, name, kind, keyId, keyHash: hash, expiresAt }, grants);
    const detail = { client: id, name, kind, grants: [...new Set(grants)], expiresAt: request.expiresAt };
    const drafts = [draft(call, 'clients.add', 'done', { detail })];
    const added = await commit(call, 'unavailable', { inserts, drafts });
    const idle = grants.filter((text) => isIdle(text, call.epoch.policy));
    return added === null ? null : { id, name, key, idle, requestId: call.origin.request };
  });

function clientRows(
  call: Call,
  client: {
    id: string;
    name: string;
    kind: string;
    keyId: string;
    keyHash: Uint8Array;
    expiresAt: number | null;
  },
  grants: readonly string[],
): Insert[] {
  const rowsKey = call.epoch.keys.vault('rows').secret;
  const row = signRow(rowsKey, 'clients', { ...client, state: 'active', createdAt: call.now, revision: 1 });
  return [
    { table: 'clients', row },
    ...[...new Set(grants)].map((grant): Insert => ({
      table: 'grants',
      row: signRow(rowsKey, 'grants', { client: client.id, grant, revision: 1 }),
    })),
  ];
}

/** Every client with its grants; never a key. */
export const listClients = (
  core: Core,
  caller: Caller,
): Promise<{ readonly clients: readonly ClientSummary[]; readonly requestId: string }> =>
  attempt(core, caller, { action: 'clients.list', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'clients', 'clients.list'))) return null;
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'clients.list', 'done')] });
    if (told === null) return null;
    return { clients: call.epoch.clients.all().map(summary), requestId: call.origin.request };
  });

const summary = ({ row, actor }: Client): ClientSummary => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  state: row.state,
  grants: [...actor.written],
  createdAt: new Date(row.createdAt).toISOString(),
  expiresAt: row.expiresAt === null ? null : new Date(row.expiresAt).toISOString(),
});

export interface ChangedClient {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly requestId: string;
}

/**
 * Ends a client for good. It is refused everywhere from the moment that this is answered.
 * @throws VaultError `not_found`
 */
export const revokeClient = (
  core: Core,
  caller: Caller,
  { client: named }: RevokeClientRequest,
): Promise<ChangedClient> =>
  attempt(core, caller, { action: 'clients.revoke', expected: EXPECTED }, async (call) => {
    if (!(await holdsDuty(call, 'clients', 'clients.revoke'))) return null;
    const client = call.epoch.clients.find(named);
    if (client === null) throw new VaultError('not_found');
    const { id, name } = client.row;
    const state: ClientState = 'revoked';
    const { mac: was, ...row } = client.row;
    const next = signRow(call.epoch.keys.vault('rows').secret, 'clients', {
      ...row,
      state,
      revision: row.revision + 1,
    });
    const done = await commit(call, 'unavailable', {
      updates: [{ table: 'clients', row: next, was }],
      drafts: [draft(call, 'clients.revoke', 'done', { detail: { client: id, name } })],
    });
    return done === null ? null : { id, name, state, requestId: call.origin.request };
  });
