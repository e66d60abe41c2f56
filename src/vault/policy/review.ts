import type { DiffPolicyRequest } from '../../wire/policy.ts';
import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { VaultError } from '../error.ts';
import { readPolicy } from './bounds.ts';
import { holdsNumbers, toldProblem } from './clear-names.ts';
import { type Comparison, comparisonOf, impossible } from './comparison.ts';
import { planOf } from './plan.ts';

/**
 * What applying a policy would change, and for whom.
 * @throws VaultError `value_in_clear` for a policy that holds an account number in a name
 */
export function diffPolicy(
  core: Core,
  caller: Caller,
  request: DiffPolicyRequest,
): Promise<Comparison & { readonly requestId: string }> {
  let read: ReturnType<typeof readPolicy> | null = null;
  return attempt(core, caller, { action: 'policy.diff', expected: 64 }, async (call) => {
    if (!(await holdsDuty(call, 'policy', 'policy.diff'))) return null;
    read ??= readPolicy(request.policy);
    if ('problems' in read && holdsNumbers(read.problems)) throw new VaultError('value_in_clear');
    const plan = 'problems' in read ? read : await planOf(call, read.policy);
    const comparison =
      'problems' in plan
        ? impossible(call, plan.problems)
        : await core.compareAlone(() => comparisonOf(call, plan));
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'policy.diff', 'done')] });
    if (told === null) return null;
    const problems = comparison.problems.map(toldProblem);
    return { ...comparison, problems, requestId: call.origin.request };
  });
}

/** The active policy: what would be written into strongroom.yaml, with every default. */
export const showPolicy = (core: Core, caller: Caller): Promise<ShownPolicy> =>
  attempt(core, caller, { action: 'policy.show', expected: 64 }, async (call) => {
    if (!(await holdsDuty(call, 'policy', 'policy.show'))) return null;
    const { number, at, text } = call.epoch.policy;
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'policy.show', 'done')] });
    if (told === null) return null;
    const when = at === null ? null : new Date(at).toISOString();
    return { number, at: when, policy: asStored(text), requestId: call.origin.request };
  });

/** The same keys in the same order, so that whoever is shown it can hash it as its event does. */
const asStored = (text: string): Readonly<Record<string, unknown>> =>
  text === '' ? {} : Object(JSON.parse(text));

export interface ShownPolicy {
  readonly number: number;
  /** When it was applied; null before the first. */
  readonly at: string | null;
  readonly policy: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}
