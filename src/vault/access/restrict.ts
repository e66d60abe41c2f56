import { holdsValue } from '../../formats/clear-text.ts';
import type {
  LiftClientRequest,
  RestrictClientRequest,
  ResumeClientRequest,
  SuspendClientRequest,
} from '../../wire/clients.ts';
import { type Call, type Caller, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { signRow } from '../custody/authentic.ts';
import { VaultError, wrongAt } from '../error.ts';
import { once } from '../once.ts';
import type { Restriction } from '../policy/decide.ts';
import type { RestrictionRow } from '../rows.ts';
import type { Insert, Update } from '../statement.ts';
import { change, changeable, type ChangedClient } from './change.ts';
import { type Client, inForce, stateOf } from './clients.ts';
import { timeAhead, written } from './terms.ts';

const CHANGE = { duty: 'clients', expected: 64 } as const;

/**
 * Refuses all that a client asks, until it is resumed or for a while. It holds everywhere once this is answered.
 * @throws VaultError `not_found`, `conflict` for one that is revoked, `invalid_request` for an end that is past
 */
export const suspendClient = (
  core: Core,
  caller: Caller,
  request: SuspendClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.suspend', request, idempotencyKey }, (call) => {
    const { client, row, rows } = imposed(call, { ...request, restriction: 'suspended' });
    const drafts = [draft(call, 'clients.suspend', 'done', { detail: detailOf(client, row) })];
    return change(client.row, after(call, client, row), { ...rows, drafts });
  });

/**
 * Ends a suspension.
 * @throws VaultError `not_found`, `conflict` for a client that is not suspended
 */
export const resumeClient = (
  core: Core,
  caller: Caller,
  request: ResumeClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.resume', request, idempotencyKey }, (call) => {
    const { client, row, rows } = lifted(call, { ...request, restriction: 'suspended' });
    const drafts = [draft(call, 'clients.resume', 'done', { detail: detailOf(client, row) })];
    return change(client.row, after(call, client, row), { ...rows, drafts });
  });

/**
 * Narrows what a service is shown, until that is lifted or for a while.
 * @throws VaultError as suspending does; `invalid_request` also for another kind of client, which is shown no value
 */
export const restrictClient = (
  core: Core,
  caller: Caller,
  request: RestrictClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.restrict', request, idempotencyKey }, (call) => {
    const { client, row, rows } = imposed(call, request);
    if (client.row.kind !== 'service') throw wrongAt('/client', 'wrong_kind');
    const drafts = [draft(call, 'clients.restrict', 'done', { detail: detailOf(client, row) })];
    return change(client.row, after(call, client, row), { ...rows, drafts });
  });

/**
 * Ends a restriction.
 * @throws VaultError `not_found`, `conflict` where it is not in force
 */
export const liftClient = (
  core: Core,
  caller: Caller,
  request: LiftClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.lift', request, idempotencyKey }, (call) => {
    const { client, row, rows } = lifted(call, request);
    const drafts = [draft(call, 'clients.lift', 'done', { detail: detailOf(client, row) })];
    return change(client.row, after(call, client, row), { ...rows, drafts });
  });

/** A client with the next revision of one of its restrictions, and how that is written. */
interface Next {
  readonly client: Client;
  readonly row: RestrictionRow;
  readonly rows: { readonly inserts?: readonly Insert[]; readonly updates?: readonly Update[] };
}

/** The restriction as asked: in place of what was said of it before, shorter or longer. */
function imposed(
  call: Call,
  request: {
    readonly client: string;
    readonly restriction: Restriction;
    readonly until?: string | null | undefined;
    readonly reason?: string;
  },
): Next {
  const client = changeable(call, request.client);
  const { restriction, until = null, reason = null } = request;
  if (reason !== null && holdsValue(reason)) throw new VaultError('value_in_clear');
  const end = until === null ? null : timeAhead(call, until, '/until');
  return next(call, client, { restriction, until: end, reason });
}

/** The restriction with its end now: its row stays, since the log says that it was there. */
function lifted(
  call: Call,
  { client: named, restriction }: { readonly client: string; readonly restriction: Restriction },
): Next {
  const client = changeable(call, named);
  const live = inForce(client, call.now).find((row) => row.restriction === restriction) ?? null;
  if (live === null) throw new VaultError('conflict');
  return next(call, client, { restriction, until: call.now, reason: live.reason });
}

function next(
  call: Call,
  client: Client,
  said: Pick<RestrictionRow, 'restriction' | 'until' | 'reason'>,
): Next {
  const before = client.restrictions.find(({ restriction }) => restriction === said.restriction) ?? null;
  const row = signRow(call.epoch.keys.vault('rows').secret, 'restrictions', {
    client: client.row.id,
    ...said,
    by: call.actor.stamp.id,
    at: call.now,
    revision: (before?.revision ?? 0) + 1,
  });
  if (before === null) return { client, row, rows: { inserts: [{ table: 'restrictions', row }] } };
  return { client, row, rows: { updates: [{ table: 'restrictions', row, was: before.mac }] } };
}

const detailOf = ({ row: { id, name } }: Client, { restriction, until, reason }: RestrictionRow) => ({
  client: id,
  name,
  restriction,
  until: written(until),
  reason,
});

/** What the client is with that revision. */
const after = (call: Call, client: Client, row: RestrictionRow) =>
  stateOf(
    {
      ...client,
      restrictions: [...client.restrictions.filter((one) => one.restriction !== row.restriction), row],
    },
    call.now,
  );
