import type { DetokeniseRequest } from '../../wire/values.ts';
import type { Caller } from '../call.ts';
import type { Core } from '../core.ts';
import type { Collection } from '../policy/active.ts';
import type { ItemAnswer } from './item.ts';
import { openLive } from './seek.ts';
import { namedTicket, show } from './show.ts';

export interface DetokeniseAnswer {
  readonly items: readonly ItemAnswer<{ readonly value: string }>[];
  readonly requestId: string;
}

export interface MaskAnswer {
  readonly items: readonly ItemAnswer<{ readonly masked: string }>[];
  readonly requestId: string;
}

/** Gives values back, for a purpose. */
export const detokenise = (
  core: Core,
  caller: Caller,
  request: DetokeniseRequest,
): Promise<DetokeniseAnswer> => reveal(core, caller, 'detokenise', request, (value) => ({ value }));

/** Shows as much of values as their collection's mask leaves, for a purpose. */
export const mask = (core: Core, caller: Caller, request: DetokeniseRequest): Promise<MaskAnswer> =>
  reveal(core, caller, 'mask', request, (value, { format }) => ({ masked: format.mask(value) }));

async function reveal<T extends object>(
  core: Core,
  caller: Caller,
  action: 'detokenise' | 'mask',
  { purpose, ticket, items }: DetokeniseRequest,
  answer: (value: string, collection: Collection) => T,
): Promise<{ readonly items: readonly ItemAnswer<T>[]; readonly requestId: string }> {
  const shown = await show(core, caller, {
    asking: { action, purpose, facts: namedTicket(ticket), clear: [ticket] },
    items,
    render: (call, live) => {
      const value = openLive(call, live);
      return value === null ? null : answer(value, live.collection);
    },
  });
  return { items: shown, requestId: caller.origin.request };
}
