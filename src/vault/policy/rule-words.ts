import type { Actor } from '../access/clients.ts';
import type { ActivePolicy } from './active.ts';
import type { FOUND_RULES, Question, Reason, RULES } from './decide.ts';
import { type Grant, grantText, needsPurpose, roleOf } from './grant.ts';

/** Whom a decision is about, and on which policy. */
export interface About {
  readonly policy: ActivePolicy;
  readonly actor: Actor;
  /** Who is told: a caller of its own call, or a custodian, to whom a policy has no secrets. */
  readonly told: 'caller' | 'custodian';
}

/** What a rule that passed says. */
export const PASSED = {
  collection: ({ collection }, granted) => `${collection.name} is open, and touched by ${granted}`,
  suspension: ({ restrictions }) =>
    restrictions.includes('throttled')
      ? 'the caller is not suspended; it is throttled, to so many items a minute'
      : 'the caller is not suspended',
  action: ({ action }, granted) => `${action} is granted by ${granted}`,
  purpose: ({ action, purpose }, granted) =>
    needsPurpose(action)
      ? `the purpose ${purpose} is granted by ${granted}`
      : `${action} shows nothing of a value: it takes no purpose`,
  listing: ({ action, collection, purpose }) =>
    needsPurpose(action)
      ? `${collection.name} lists the purpose ${purpose}`
      : `${action} is for no purpose that a collection lists`,
  mask: ({ action, restrictions }) =>
    restrictions.includes('masked')
      ? `the caller is masked, which leaves it ${action}`
      : 'the caller is not masked',
  approval: ({ action, restrictions }) =>
    restrictions.includes('approval')
      ? `the caller is under approval, which leaves it ${action}`
      : 'the caller is under no approval',
} satisfies Record<(typeof RULES)[number]['rule'], (question: Question, granted: string) => string>;

/** Why a rule refuses, in words. A purpose that no policy has registered is the caller's own text, and not repeated. */
export function refused(
  reason: Reason,
  { policy, actor, told }: About,
  question: Question,
  touched: readonly Grant[],
): string {
  const { action, collection, purpose, registered } = question;
  const held = namedGrants({ policy, actor }, touched);
  const wanted =
    purpose === null ? 'no purpose is named' : registered ? `not ${purpose}` : 'not the one asked';
  switch (reason) {
    case 'unknown collection':
      return told === 'caller' ? NOWHERE : 'the policy has no such collection open';
    case 'no grant on the collection':
      return told === 'caller'
        ? NOWHERE
        : 'no grant touches the collection: to this client it does not exist';
    case 'suspended':
      return 'the caller is suspended';
    case 'masked':
      return 'the caller is masked: it may be shown no value whole';
    case 'approval':
      return 'the caller is under approval, and no approval can be recorded in this release';
    case 'action not granted':
      return `${action} is not granted; what is, on ${collection.name}: ${held}`;
    case 'purpose not granted':
      return `${action} on ${collection.name} is granted for other purposes, ${wanted}: ${namedGrants(
        { policy, actor },
        touched.filter((grant) => grant.action === action),
      )}`;
    case 'purpose not listed by the collection':
      return `${collection.name} does not list ${registered ? `the purpose ${purpose}` : 'that purpose'}`;
    case 'token_not_found':
    case 'token_ended':
    case 'consent_required':
      return reason;
  }
}

const NOWHERE = 'there is no such collection for this caller';

/** Grants named at most in one sentence. */
const MOST_NAMED = 8;

/** Grants as they are held: written out, or by a role. */
export function namedGrants(
  { policy, actor }: Pick<About, 'policy' | 'actor'>,
  all: readonly Grant[],
): string {
  const texts = [...new Set(all.map(grantText))].map((text) => `${text}${sourceOf(text, policy, actor)}`);
  const others = texts.length - MOST_NAMED;
  return [...texts.slice(0, MOST_NAMED), ...(others > 0 ? [`${others} more`] : [])].join(', ');
}

function sourceOf(text: string, { roles }: ActivePolicy, { written }: Actor): string {
  if (written.includes(text)) return '';
  const holds = (role: string): boolean => (roles.get(role) ?? []).some((grant) => grantText(grant) === text);
  const role = written.map(roleOf).find((one) => one !== null && holds(one)) ?? null;
  return role === null ? '' : ` of role:${role}`;
}

/** What a rule about a token asks, before one is looked for. */
export const OF_TOKENS = {
  token: 'the token must be one of this collection',
  life: 'the token must not have expired or ended',
  basis: 'the lawful basis of the purpose must hold for its subject',
} satisfies Record<(typeof FOUND_RULES)[number]['rule'], string>;
