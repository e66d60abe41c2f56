import type { PolicyChange } from '../../wire/policy.ts';
import { toldProblem } from './clear-names.ts';
import { changesOf } from './diff.ts';
import { type Planning, planOf } from './plan.ts';
import { type Policy, type PolicyProblem, policyText } from './policy.ts';

/** A file's policy beside the active one, for an operator: what it says otherwise, not who gains or loses what. */
export interface Difference {
  /** The number of the active policy; 0 before the first. */
  readonly number: number;
  readonly same: boolean;
  readonly changes: readonly PolicyChange[];
  /** Why it means nothing over the stored collections; there are no changes to tell then. */
  readonly problems: readonly PolicyProblem[];
  /** How many others of either there are. */
  readonly more: number;
}

/** At most so many are told: they go into logs. */
const MOST_TOLD = 20;

/** Whether a first value has fixed an option already is for whoever applies the policy. */
const AS_IF_EMPTY = { store: { isEmpty: async () => true } };

/** Holds a policy against the active one. Nothing is written, and no value is asked for. */
export async function differenceOf(epoch: Planning['epoch'], policy: Policy): Promise<Difference> {
  const { number, text, policy: active } = epoch.policy;
  const none = { number, same: text === policyText(policy), changes: [], problems: [], more: 0 };
  if (none.same) return none;
  const plan = await planOf({ core: AS_IF_EMPTY, epoch }, policy);
  if ('problems' in plan) {
    const { told, more } = bounded(plan.problems);
    return { ...none, problems: told.map(toldProblem), more };
  }
  const ids = new Map([...epoch.collections.values()].map(({ name, id }) => [name, id]));
  const { told, more } = bounded([...changesOf({ policy: active, ids }, plan)]);
  return { ...none, changes: told, more };
}

const bounded = <T>(all: readonly T[]) => ({
  told: all.slice(0, MOST_TOLD),
  more: Math.max(0, all.length - MOST_TOLD),
});
