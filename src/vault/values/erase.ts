import type { EraseRequest } from '../../wire/values.ts';
import type { Call, Caller } from '../call.ts';
import type { Core } from '../core.ts';
import { EDITED, rowName } from '../findings.ts';
import { change, type Changes, done, refuseLive } from './change.ts';
import type { ItemAnswer } from './item.ts';
import { endingOf } from './print.ts';
import type { Live, Sought } from './seek.ts';
import { namedTicket } from './show.ts';
import { tokenHash } from './token.ts';
import { endingsOf, mayEnd } from './unreadable.ts';

export interface EraseAnswer {
  readonly items: readonly ItemAnswer<{ readonly erased: true }>[];
  readonly requestId: string;
}

const ACTION = { action: 'erase' } as const;

/** Destroys values, with every version and fingerprint of theirs. Their tokens are never issued again. */
export async function erase(
  core: Core,
  caller: Caller,
  request: EraseRequest,
  idempotencyKey: string | null,
): Promise<EraseAnswer> {
  const { reason, ticket } = request;
  const items = await change(core, caller, {
    asking: { ...ACTION, purpose: null, facts: namedTicket(ticket), clear: [reason, ticket] },
    request,
    idempotencyKey,
    change: (call, sought, into) => endAll(call, reason, sought, into),
    answer: (): { readonly erased: true } => ({ erased: true }),
  });
  return { items, requestId: caller.origin.request };
}

/** A token that a batch names twice is ended once, and answered twice. */
async function endAll(call: Call, reason: string, sought: Sought, into: Changes): Promise<void> {
  const ended = new Set<string>();
  const unread = new Map<string, Live>();
  for (const [i, live] of sought.live.entries()) {
    if (i % 64 === 63) await call.core.world.breathe();
    const { row, token, collection } = live;
    const name = rowName(row.row);
    const ending = ended.has(name) ? null : endingOf(call, collection.printing, { ...row, token });
    if (ending === null && !ended.has(name)) {
      call.core.findings.note({ table: 'values', record: name, problem: EDITED });
      if (mayEnd(call, row)) endUnread(call, reason, live, sought, into, unread);
      else refuseLive(call, ACTION, live, 'integrity', sought);
      continue;
    }
    if (ending !== null) into.endings.push(ending);
    ended.add(name);
    done(call, ACTION, live, row.version, { ended: call.now, reason }, sought, into);
  }
  if (unread.size > 0) into.endings.push(...(await endingsOf(call, [...unread.values()])));
}

/**
 * A damaged value is destroyed like any other. The event does not vouch for what could not be authenticated: it says so, and
 * by what token the row was named, which `audit verify` holds against the event that made both.
 */
function endUnread(
  call: Call,
  reason: string,
  live: Live,
  sought: Sought,
  into: Changes,
  unread: Map<string, Live>,
): void {
  const { row, token, collection } = live;
  unread.set(rowName(row.row), live);
  const hash = Buffer.from(tokenHash(call.epoch.keys, collection.id, token)).toString('base64url');
  const detail = { ended: call.now, reason, unreadable: true, issued: hash };
  done(call, ACTION, live, row.version, detail, sought, into);
}
