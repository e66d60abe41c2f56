import type { AdmitClientRequest, ExpireClientRequest } from '../../wire/clients.ts';
import { type Call, type Caller, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { type WrongPlace, RequestRefused, wrongAt } from '../error.ts';
import { once } from '../once.ts';
import { change, changeable, type ChangedClient, revised } from './change.ts';
import { stateOf } from './clients.ts';
import { parseSource, parseSources } from './source.ts';

const CHANGE = { duty: 'clients', expected: 64 } as const;

/**
 * Sets when a client expires; one that has expired may be given a later time.
 * @throws VaultError `not_found`, `conflict` for one that is revoked, `invalid_request` for a time that is past
 */
export const expireClient = (
  core: Core,
  caller: Caller,
  request: ExpireClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.expire', request, idempotencyKey }, (call) => {
    const client = changeable(call, request.client);
    const { id, name } = client.row;
    const expiresAt = request.expiresAt === null ? null : timeAhead(call, request.expiresAt, '/expiresAt');
    const update = revised(call, client, { expiresAt });
    const detail = { client: id, name, expiresAt: written(expiresAt) };
    const drafts = [draft(call, 'clients.expire', 'done', { detail })];
    const state = stateOf({ ...client, row: { ...client.row, expiresAt } }, call.now);
    return change(client.row, state, { updates: [update], drafts });
  });

/**
 * Sets the subnets that a client may call from; with none, anywhere. It holds everywhere once this is answered.
 * @throws VaultError `not_found`, `conflict` for one that is revoked, `invalid_request` for what is no subnet
 */
export const admitClient = (
  core: Core,
  caller: Caller,
  request: AdmitClientRequest,
  idempotencyKey: string | null,
): Promise<ChangedClient> =>
  once(core, caller, { ...CHANGE, action: 'clients.admit', request, idempotencyKey }, (call) => {
    const client = changeable(call, request.client);
    const { id, name } = client.row;
    const from = subnetsOf(request.from);
    const update = revised(call, client, { sources: from.join(' ') });
    const drafts = [draft(call, 'clients.admit', 'done', { detail: { client: id, name, from } })];
    return change(client.row, stateOf(client, call.now), { updates: [update], drafts });
  });

/**
 * Subnets in their canonical form.
 * @throws VaultError `invalid_request`
 */
export function subnetsOf(texts: readonly string[]): readonly string[] {
  const sources = parseSources(texts);
  if (sources === null) throw new RequestRefused(wrongIn('from', texts, isNone, 'invalid_subnet'));
  return sources.map(({ text }) => text);
}

const isNone = (text: string): boolean => typeof parseSource(text) === 'string';

/** Places of a list that are wrong, 20 at most. */
export const wrongIn = (
  key: string,
  texts: readonly string[],
  isWrong: (text: string) => boolean,
  code: string,
): readonly WrongPlace[] =>
  texts.flatMap((text, i) => (isWrong(text) ? [{ pointer: `/${key}/${i}`, code }] : [])).slice(0, 20);

/**
 * A time that is ahead, in milliseconds.
 * @param pointer where it stands in the request
 * @throws VaultError `invalid_request`
 */
export function timeAhead({ now }: Call, text: string, pointer: string): number {
  const time = Date.parse(text);
  if (!(time > now)) throw wrongAt(pointer, 'past_time');
  return time;
}

/** A time as events and answers have it. */
export const written = (time: number | null): string | null =>
  time === null ? null : new Date(time).toISOString();
