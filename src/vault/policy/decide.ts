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

/** Why a rule refuses. */
export const REASONS = [
  'unknown collection',
  'no grant on the collection',
  'suspended',
  'action not granted',
  'purpose not granted',
  'purpose not listed by the collection',
  'masked',
  'approval',
  'token_not_found',
  'token_ended',
  'consent_required',
] as const;
export type Reason = (typeof REASONS)[number];

/** The grants on the collection that is asked for. Looked for once: every other rule looks among them. */
export const touching = ({ grants, collection }: Question): readonly Grant[] =>
  grants.filter((grant) => covers(grant.pattern, collection.name));

const asksPurpose = ({ action }: Question): boolean => needsPurpose(action);

/** A rule of the first decision: its code, and why it refuses, or null. */
interface Rule {
  readonly rule: 'collection' | 'suspension' | 'action' | 'purpose' | 'listing' | 'mask' | 'approval';
  readonly code: Code;
  readonly refuses: (question: Question, touched: readonly Grant[]) => Reason | null;
  /** Whether a grant on the collection is one that the rule asks for, for whoever asks why. */
  readonly wants: (grant: Grant, question: Question) => boolean;
}

/** The rules on caller, action, collection and purpose, in their order: the first that refuses decides. */
export const RULES: readonly Rule[] = [
  {
    // First, as in the attempt at any call: a suspended caller is told nothing else.
    rule: 'suspension',
    code: 'restricted',
    refuses: ({ restrictions }) => (restrictions.includes('suspended') ? 'suspended' : null),
    wants: () => false,
  },
  {
    // Unknown and wholly foreign collections have one answer: a name is nobody's business without a grant on it.
    rule: 'collection',
    code: 'collection_not_found',
    refuses: ({ collection }, touched) =>
      collection.purposes === null
        ? 'unknown collection'
        : touched.length === 0
          ? 'no grant on the collection'
          : null,
    wants: () => true,
  },
  {
    rule: 'action',
    code: 'insufficient_grant',
    refuses: ({ action }, touched) =>
      touched.some((grant) => grant.action === action) ? null : 'action not granted',
    wants: (grant, { action }) => grant.action === action,
  },
  {
    rule: 'purpose',
    code: 'purpose_not_allowed',
    refuses: (question, touched) => {
      const { action, purpose } = question;
      const isGranted = touched.some((grant) => grant.action === action && grant.purpose === purpose);
      return isGranted || !asksPurpose(question) ? null : 'purpose not granted';
    },
    wants: (grant, { action, purpose }) => grant.action === action && grant.purpose === purpose,
  },
  {
    rule: 'listing',
    code: 'purpose_not_allowed',
    refuses: (question) => {
      const { purpose, collection } = question;
      const isListed = purpose !== null && collection.purposes !== null && collection.purposes.has(purpose);
      return isListed || !asksPurpose(question) ? null : 'purpose not listed by the collection';
    },
    wants: () => false,
  },
  {
    rule: 'mask',
    code: 'restricted',
    refuses: ({ action, restrictions }) =>
      action === 'detokenise' && restrictions.includes('masked') ? 'masked' : null,
    wants: () => false,
  },
  {
    // No approval can be recorded in this release: whoever needs one is refused.
    rule: 'approval',
    code: 'approval_required',
    refuses: (question) =>
      asksPurpose(question) && question.restrictions.includes('approval') ? 'approval' : null,
    wants: () => false,
  },
];

/**
 * The decision on caller, action, collection and purpose, before anything is read. Default deny.
 * @returns null to go on, or the denial
 */
export function decide(question: Question): Denial | null {
  const touched = touching(question);
  for (const { code, refuses } of RULES) {
    const reason = refuses(question, touched);
    if (reason !== null) return { code, reason, needed: neededFor(code, question) };
  }
  return null;
}

function neededFor(code: Code, { action, collection, purpose, registered }: Question): Needed | null {
  // What is narrowed lacks no grant.
  if (code !== 'insufficient_grant' && code !== 'purpose_not_allowed') return null;
  return {
    action,
    collection: collection.name,
    ...(purpose !== null && registered ? { purpose } : {}),
  };
}

/** What the second decision rests on: what was found, and what the purpose stands on. */
export interface Found {
  readonly state: 'live' | 'ended' | 'absent';
  /** Null for an action without a purpose. */
  readonly basis: Basis | null;
  readonly mayDescribe: boolean;
}

/** A rule of the second decision. `of` says whether it can be told without a token. */
export interface FoundRule {
  readonly rule: 'token' | 'life' | 'basis';
  readonly of: 'token' | 'purpose';
  readonly refuses: (found: Found) => Extract<Reason, Code> | null;
}

/** The rules on what was found. A purpose that stands on consent is refused: this release can record none. */
export const FOUND_RULES: readonly FoundRule[] = [
  { rule: 'token', of: 'token', refuses: ({ state }) => (state === 'absent' ? 'token_not_found' : null) },
  { rule: 'life', of: 'token', refuses: ({ state }) => (state === 'ended' ? 'token_ended' : null) },
  { rule: 'basis', of: 'purpose', refuses: ({ basis }) => (basis === 'consent' ? 'consent_required' : null) },
];

/**
 * The decision on what was found. Unknown, erased and expired tokens are one answer, except to callers that may
 * describe.
 * @returns null to go on, or the denial: `code` is what the caller hears, `reason` what the event says
 */
export function decideFound(found: Found): Denial | null {
  for (const { refuses } of FOUND_RULES) {
    const reason = refuses(found);
    if (reason !== null)
      return { code: found.mayDescribe ? reason : 'token_not_found', reason, needed: null };
  }
  return null;
}

/**
 * The decision on a duty, which touches no collection: keeping clients, the policy, the vault's keys, the log.
 * @returns null to go on, or why not
 */
export function decideDuty(actor: { readonly grants: readonly Grant[] }, action: Duty): string | null {
  const isGranted = actor.grants.some((grant) => grant.action === action && grant.pattern === '*');
  // Restrictions narrow what is shown of values, and a suspended caller comes no further than the attempt.
  return isGranted ? null : 'action not granted';
}

/**
 * The decision on reading a part of the log: who holds `audit` on anything reads what covers that, and nothing else.
 * @returns null to go on, or why not
 */
export const decideAudit = (actor: { readonly grants: readonly Grant[] }): string | null =>
  actor.grants.some(({ action }) => action === 'audit') ? null : 'action not granted';

export const DUTIES = ['clients', 'policy', 'keys', 'audit'] as const satisfies readonly Action[];
export type Duty = (typeof DUTIES)[number];
