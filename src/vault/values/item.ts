import { holdsValue } from '../../formats/clear-text.ts';
import { titleOf } from '../../wire/codes.ts';
import type { ItemError } from '../../wire/shape.ts';
import type { Call } from '../call.ts';
import { draft } from '../call.ts';
import type { Draft, Facts } from '../commit/event.ts';
import type { Refusal } from '../error.ts';
import { rowName } from '../findings.ts';
import type { Collection } from '../policy/active.ts';
import { decide, type Denial } from '../policy/decide.ts';
import { type Action, covers, needsPurpose } from '../policy/grant.ts';
import { questionOf } from '../policy/question.ts';
import type { Ending } from '../statement.ts';

/** What an item of a batch comes to. */
export type ItemAnswer<T> =
  | ({ readonly ref?: string } & T)
  | { readonly ref?: string; readonly error: ItemError };

export const answered = <T extends object>(
  ref: string | undefined,
  answer: T,
): { readonly ref?: string } & T => (ref === undefined ? answer : { ref, ...answer });

/** A ref is echoed, but not one that is itself an account number. */
export const refused = (ref: string | undefined, { code, needed }: Refusal): ItemAnswer<never> =>
  answered(code === 'value_in_clear' && holdsValue(ref ?? '') ? undefined : ref, {
    error: { code, title: titleOf(code), ...(needed === null ? {} : { needed }) },
  });

/** How a caller's name for a collection is written in events: one that no policy has is not repeated. */
export const namedCollection = (collection: Collection | null): Facts =>
  collection === null ? {} : { collection: { id: collection.id, name: collection.name } };

/** How a purpose is written in events: one that the policy has not registered is not repeated. */
export const namedPurpose = (call: Call, purpose: string | null): Facts =>
  purpose === null ? {} : { purpose: call.epoch.policy.bases.has(purpose) ? purpose : 'unregistered' };

/** Asks the decision for one item. */
export function decideItem(
  call: Call,
  action: Action,
  name: string,
  purpose: string | null,
): { readonly collection: Collection } | { readonly denial: Denial; readonly collection: Collection | null } {
  const collection = call.epoch.policy.collections.get(name) ?? null;
  const denial = decide(questionOf(call.epoch.policy, call.actor, call.origin, { action, name, purpose }));
  if (denial !== null) return { denial, collection };
  if (needsPurpose(action) && !hasRoom(call)) return { denial: THROTTLED, collection };
  // The decision refuses a collection without purposes: it is open here.
  return collection === null ? { denial: UNKNOWN, collection } : { collection };
}

const THROTTLED: Denial = { code: 'rate_limited', reason: 'throttled', needed: null };

/** Whether a caller may be shown something of one more value now; it counts as shown. */
const hasRoom = ({ core, actor, now }: Call): boolean =>
  !actor.restrictions.includes('throttled') || core.throttle.take(actor.stamp.id, now);

const UNKNOWN: Denial = { code: 'collection_not_found', reason: 'unknown collection', needed: null };

/** The event of a denied item. */
export function denied(call: Call, action: Action, item: number, denial: Denial, facts: Facts): Draft {
  return draft(call, action, 'denied', { reason: denial.reason, item, ...facts });
}

/** The event of an expired row that a value met: it ends in the same commit. */
export const expiredDraft = (
  call: Call,
  { item, collection }: { readonly item: number; readonly collection: Collection },
  { row, at }: Ending,
): Draft =>
  draft(call, 'expire', 'done', {
    item,
    ...namedCollection(collection),
    row: rowName(row),
    detail: { ended: at },
  });

/** Whether the caller holds a grant to another action on a collection. */
export const may = (call: Call, action: Action, collection: Collection): boolean =>
  call.actor.grants.some((grant) => grant.action === action && covers(grant.pattern, collection.name));

/** Items by collection, each group in the order of the batch. */
export function byCollection<T extends { readonly collection: Collection }>(
  items: readonly T[],
): Map<Collection, T[]> {
  const groups = new Map<Collection, T[]>();
  for (const item of items) {
    const group = groups.get(item.collection);
    if (group === undefined) groups.set(item.collection, [item]);
    else group.push(item);
  }
  return groups;
}
