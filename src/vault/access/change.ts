import type { Call } from '../call.ts';
import { signRow } from '../custody/authentic.ts';
import { VaultError } from '../error.ts';
import type { Planned } from '../once.ts';
import type { ClientRow } from '../rows.ts';
import type { Update } from '../statement.ts';
import type { Client, ClientState } from './clients.ts';

export interface ChangedClient {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly requestId: string;
}

/**
 * The client of that name or id, if it may still be changed: a revocation is final.
 * @throws VaultError `not_found`, or `conflict` where it is revoked
 */
export function changeable(call: Call, named: string): Client {
  const client = call.epoch.clients.find(named);
  if (client === null) throw new VaultError('not_found');
  if (client.row.state === 'revoked') throw new VaultError('conflict');
  return client;
}

/** A new revision of a client's row. */
export function revised(call: Call, { row }: Client, columns: Partial<ClientRow>): Update {
  const { mac: was, ...bare } = row;
  const next = { ...bare, ...columns, revision: row.revision + 1 };
  return { table: 'clients', row: signRow(call.epoch.keys.vault('rows').secret, 'clients', next), was };
}

/** A change of a client with its event. It raises the epoch, so every process decides by it once it is answered. */
export const change = (
  { id, name }: ClientRow,
  state: ClientState,
  part: Planned<object>['part'],
): Planned<Omit<ChangedClient, 'requestId'>> => ({ part, told: { id, name, state } });
