import { equalBytes } from '../../crypto/encoding.ts';
import type { VerifyRequest } from '../../wire/values.ts';
import { attempt } from '../attempt.ts';
import { mustBeAnchored } from '../audit/coverage.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { answered, type ItemAnswer, refused } from './item.ts';
import { type Asking, inOrder, type Live, openLive, seek, type Sought, validUntil } from './seek.ts';
import { failure, namedTicket } from './show.ts';

export interface VerifyAnswer {
  readonly items: readonly ItemAnswer<{ readonly match: boolean }>[];
  readonly requestId: string;
}

/**
 * Tells whether a token's value is the one given, without revealing it. The comparison is made before its event is
 * committed and told after: the event says how it went, which is what shows somebody who guesses.
 */
export const verify = (core: Core, caller: Caller, request: VerifyRequest): Promise<VerifyAnswer> =>
  attempt(core, caller, { action: 'verify', expected: 32 * request.items.length }, async (call) => {
    await mustBeAnchored(call);
    const normals = new Map<number, string>();
    const sought = await seek(call, askingOf(request, normals), request.items);
    const matches = await compareAll(call, sought, normals);
    const told = await commit(call, 'audit_unavailable', {
      relied: sought.live.map(({ row }) => row),
      validUntil: validUntil(sought.live),
      drafts: inOrder(sought),
    });
    if (told === null) return null;
    const items = request.items.map(({ ref }, i): ItemAnswer<{ readonly match: boolean }> => {
      const match = matches.get(i);
      if (match !== undefined) return answered(ref, { match });
      return refused(ref, sought.errors.get(i) ?? { code: 'internal', needed: null });
    });
    return { items, requestId: call.origin.request };
  });

/** @param normals gets the normal form of each value that is one of its collection */
function askingOf({ purpose, ticket, items }: VerifyRequest, normals: Map<number, string>): Asking {
  return {
    action: 'verify',
    purpose,
    facts: namedTicket(ticket),
    clear: [ticket],
    fits: (item, { format }) => {
      const parsed = format.parse(items[item]?.value ?? '');
      if (parsed.ok) normals.set(item, parsed.normal);
      return parsed.ok ? null : 'invalid_value';
    },
  };
}

/** Compares each live token's value with the one given, in time that tells nothing, and adds its event. */
async function compareAll(
  call: Call,
  sought: Sought,
  normals: ReadonlyMap<number, string>,
): Promise<Map<number, boolean>> {
  const matches = new Map<number, boolean>();
  for (const [i, live] of sought.live.entries()) {
    const match = compare(call, live, normals.get(live.item) ?? '');
    if (match === null) sought.events.set(live.item, failure(call, live));
    else {
      matches.set(live.item, match);
      const facts = { item: live.item, ...live.about, detail: { match } };
      sought.events.set(live.item, draft(call, 'verify', 'done', facts));
    }
    if (i % 128 === 127) await call.core.world.breathe();
  }
  return matches;
}

function compare(call: Call, live: Live, normal: string): boolean | null {
  const value = openLive(call, live);
  return value === null ? null : equalBytes(Buffer.from(value), Buffer.from(normal));
}
