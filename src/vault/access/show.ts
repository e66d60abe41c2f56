import type { ClientSummary, ShowClientRequest } from '../../wire/clients.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { VaultError } from '../error.ts';
import { type Client, inForce, stateOf } from './clients.ts';
import { holdsDuty } from './duty.ts';
import { written } from './terms.ts';

export interface ListedClients {
  readonly clients: readonly ClientSummary[];
  readonly requestId: string;
}

/** Every client with its grants; never a key. */
export const listClients = (core: Core, caller: Caller): Promise<ListedClients> =>
  attempt(core, caller, { action: 'clients.list', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'clients', 'clients.list'))) return null;
    const clients = await summaries(call, call.epoch.clients.all());
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'clients.list', 'done')] });
    return told === null ? null : { clients, requestId: call.origin.request };
  });

export interface ShownClient {
  readonly client: ClientSummary;
  readonly requestId: string;
}

/**
 * One client, revoked or not; never a key.
 * @throws VaultError `not_found`
 */
export const showClient = (core: Core, caller: Caller, request: ShowClientRequest): Promise<ShownClient> =>
  attempt(core, caller, { action: 'clients.show', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'clients', 'clients.show'))) return null;
    const found = call.epoch.clients.find(request.client);
    if (found === null) throw new VaultError('not_found');
    const [client = null] = await summaries(call, [found]);
    const { id, name } = found.row;
    const drafts = [draft(call, 'clients.show', 'done', { detail: { client: id, name } })];
    const told = await commit(call, 'audit_unavailable', { drafts });
    return told === null || client === null ? null : { client, requestId: call.origin.request };
  });

/** Clients as they are told of: the keys that are taken still, the restrictions that are in force. */
async function summaries(call: Call, clients: readonly Client[]): Promise<ClientSummary[]> {
  const { core, epoch, now } = call;
  const ids = clients.flatMap(({ keys }) => keys.map(({ id }) => id));
  const last = await core.uses.lastOf(ids, core.store, epoch.keys.vault('rows').secret);
  return clients.map((client) => {
    const { row, actor, keys } = client;
    return {
      id: row.id,
      name: row.name,
      kind: row.kind,
      state: stateOf(client, now),
      grants: [...actor.written],
      createdAt: new Date(row.createdAt).toISOString(),
      expiresAt: written(row.expiresAt),
      from: row.sources === '' ? [] : row.sources.split(' '),
      keys: keys
        .filter(({ until }) => row.state !== 'revoked' && (until === null || now < until))
        .map(({ id, at, until }) => ({
          id,
          createdAt: new Date(at).toISOString(),
          until: written(until),
          lastUsedAt: written(last.get(id) ?? null),
        })),
      restrictions: inForce(client, now).map(({ restriction, until, reason, by, at }) => ({
        restriction,
        until: written(until),
        reason,
        by,
        at: new Date(at).toISOString(),
      })),
    };
  });
}
