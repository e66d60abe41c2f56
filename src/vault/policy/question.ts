import type { Actor } from '../access/clients.ts';
import type { Origin } from '../commit/event.ts';
import type { ActivePolicy } from './active.ts';
import type { Question } from './decide.ts';
import type { Action } from './grant.ts';

/** What is asked of a policy: an action on a collection, by the name that the caller gave, for a purpose or none. */
export interface Asked {
  readonly action: Action;
  readonly name: string;
  readonly purpose: string | null;
}

/** The question of the first decision: verbs, explanations and comparisons of policies all ask this one. */
export function questionOf(
  policy: ActivePolicy,
  { grants, restrictions }: Pick<Actor, 'grants' | 'restrictions'>,
  { via, to }: Pick<Origin, 'via' | 'to'>,
  { action, name, purpose }: Asked,
): Question {
  return {
    grants,
    restrictions,
    via,
    to,
    action,
    collection: { name, purposes: policy.collections.get(name)?.purposes ?? null },
    purpose,
    registered: purpose !== null && policy.bases.has(purpose),
  };
}
