import type { EraseRequest } from '../../wire/values.ts';
import type { Call, Caller } from '../call.ts';
import type { Core } from '../core.ts';
import { EDITED, rowName } from '../findings.ts';
import { change, type Changes, done, refuseLive } from './change.ts';
import type { ItemAnswer } from './item.ts';
import { endingOf } from './print.ts';
import type { Sought } from './seek.ts';
import { namedTicket } from './show.ts';

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
  for (const [i, live] of sought.live.entries()) {
    if (i % 64 === 63) await call.core.world.breathe();
    const { row, token, collection } = live;
    const name = rowName(row.row);
    const ending = ended.has(name) ? null : endingOf(call, collection.printing, { ...row, token });
    if (ending !== null) into.endings.push(ending);
    else if (!ended.has(name)) {
      // Its fingerprint cannot be found without its value, and one that stayed behind would be answered from.
      call.core.findings.note({ table: 'values', record: name, problem: EDITED });
      refuseLive(call, ACTION, live, 'integrity', sought);
      continue;
    }
    ended.add(name);
    done(call, ACTION, live, row.version, { ended: call.now, reason }, sought, into);
  }
}
