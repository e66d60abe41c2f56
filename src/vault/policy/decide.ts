import type { Code } from '../../wire/codes.ts';
import type { Origin } from '../commit/event.ts';
import type { Needed } from '../../wire/shape.ts';
import { type Action, covers, type Grant, needsPurpose } from './grant.ts';
import type { Basis } from './policy.ts';

/**
 * What narrows an actor's grants for a while. Suspended, it may do nothing; masked, it sees no value whole; under
 * approval it sees nothing of a value that a second person has not approved; throttled, so many items a minute.
 */
export const RESTRICTIONS = ['suspended', 'masked', 'approval', 'throttled'] as const;
export type Restriction = (typeof RESTRICTIONS)[number];

/** Everything that the first decision rests on. */
export interface Question {
  readonly grants: readonly Grant[];
  /** Those in force. How much a throttled caller has had is counted where its items are decided. */
  readonly restrictions: readonly Restriction[];
  readonly via: Origin['via'];
  readonly to: Origin['to'];
  readonly action: Action;
  /** The collection's name as asked, and its purposes; null purposes where the policy has no such collection. */
  readonly collection: { readonly name: string; readonly purposes: ReadonlySet<string> | null };
  readonly purpose: string | null;
  /** Whether the policy has registered the purpose: one that it has not is the caller's own text, never repeated. */
  readonly registered: boolean;
}

export interface Denial {
  readonly code: Code;
  /** Why, for the event: never more than the policy's own words. */
  readonly reason: string;
  readonly needed: Needed | null;
}

/**
 * The decision on caller, action, collection and purpose, before anything is read. Default deny.
 * @returns null to go on, or the denial
 */
export function decide(question: Question): Denial | null {
  const { grants, restrictions, action, collection, purpose, registered } = question;
  const wanted = purpose !== null && registered ? { purpose } : {};
  const needed = { action, collection: collection.name, ...wanted };
  const touching = grants.filter((grant) => covers(grant.pattern, collection.name));
  // Unknown and wholly foreign collections have one answer: a name is nobody's business without a grant on it.
  if (collection.purposes === null || touching.length === 0) {
    const reason = collection.purposes === null ? 'unknown collection' : 'no grant on the collection';
    return { code: 'collection_not_found', reason, needed: null };
  }
  if (restrictions.includes('suspended')) return { code: 'restricted', reason: 'suspended', needed: null };
  const granted = touching.filter((grant) => grant.action === action);
  if (granted.length === 0) return { code: 'insufficient_grant', reason: 'action not granted', needed };
  if (!needsPurpose(action)) return null;
  if (!granted.some((grant) => grant.purpose === purpose)) {
    return { code: 'purpose_not_allowed', reason: 'purpose not granted', needed };
  }
  if (purpose === null || !collection.purposes.has(purpose)) {
    return { code: 'purpose_not_allowed', reason: 'purpose not listed by the collection', needed };
  }
  return narrowed(action, restrictions);
}

/** What restrictions take from an action that shows something of a value. No approval can be recorded in this release. */
function narrowed(action: Action, restrictions: readonly Restriction[]): Denial | null {
  if (action === 'detokenise' && restrictions.includes('masked'))
    return { code: 'restricted', reason: 'masked', needed: null };
  if (restrictions.includes('approval'))
    return { code: 'approval_required', reason: 'approval', needed: null };
  return null;
}

/** What the second decision rests on: what was found, and what the purpose stands on. */
export interface Found {
  readonly state: 'live' | 'ended' | 'absent';
  /** Null for an action without a purpose. */
  readonly basis: Basis | null;
  readonly mayDescribe: boolean;
}

/**
 * The decision on what was found. Unknown, erased and expired tokens are one answer, except to callers that may
 * describe. A purpose that stands on consent is refused: no consent can be recorded in this release.
 * @returns null to go on, or the denial: `code` is what the caller hears, `reason` what the event says
 */
export function decideFound({ state, basis, mayDescribe }: Found): Denial | null {
  if (state === 'absent') return { code: 'token_not_found', reason: 'token_not_found', needed: null };
  const truth = state === 'ended' ? 'token_ended' : basis === 'consent' ? 'consent_required' : null;
  if (truth === null) return null;
  return { code: mayDescribe ? truth : 'token_not_found', reason: truth, needed: null };
}
