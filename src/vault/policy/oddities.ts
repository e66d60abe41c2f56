import { type ActivePolicy, activePolicy } from './active.ts';
import { decide } from './decide.ts';
import { covers, type Grant, kindOf, parseGrant } from './grant.ts';
import { type Policy, type PolicyProblem, policyText, rolesOf, shapeOf } from './policy.ts';
import { questionOf } from './question.ts';

/** What works in a policy and is odd: each has its place, and none is a reason to refuse it. */
export function* oddities(policy: Policy): Generator<PolicyProblem> {
  const names = Object.keys(policy.collections);
  const listed = new Set(Object.values(policy.collections).flatMap(({ purposes }) => purposes));
  for (const [name, { basis }] of Object.entries(policy.purposes)) {
    if (!listed.has(name)) yield { path: ['purposes', name], problem: 'no collection lists this purpose' };
    if (basis === 'consent')
      yield {
        path: ['purposes', name, 'basis'],
        problem: 'no consent can be recorded: whatever is wanted for this purpose is refused',
      };
  }
  const grants = [...rolesOf(policy).values()].flat().filter((grant) => kindOf(grant) === 'service');
  for (const [name, { purposes }] of Object.entries(policy.collections)) {
    const path = ['collections', name];
    if (purposes.length === 0)
      yield { path, problem: 'lists no purpose: what goes in can never be given back' };
    if (Object.keys(policy.roles).length > 0 && !grants.some(({ pattern }) => covers(pattern, name)))
      yield { path, problem: 'no role reaches it: only clients with grants of their own do' };
  }
  yield* idleGrants(policy, names);
}

/** Grants of roles that allow nothing, as the decision has it. */
function* idleGrants(policy: Policy, names: readonly string[]): Generator<PolicyProblem> {
  const active = alone(policy);
  for (const [role, texts] of Object.entries(policy.roles)) {
    for (const [i, text] of texts.entries()) {
      const grant = parseGrant(text);
      if (typeof grant === 'string' || kindOf(grant) !== 'service' || allowsAny(active, grant, names))
        continue;
      const covered = names.some((name) => covers(grant.pattern, name));
      const why = covered ? 'no collection that it covers lists the purpose' : 'it covers no collection';
      yield { path: ['roles', role, i], problem: `allows nothing: ${why}` };
    }
  }
}

function allowsAny(policy: ActivePolicy, grant: Grant, names: readonly string[]): boolean {
  const { action, purpose } = grant;
  const actor = { grants: [grant], restrictions: [] };
  const origin = { via: 'http', to: 'caller' } as const;
  return names.some((name) => decide(questionOf(policy, actor, origin, { action, name, purpose })) === null);
}

/** A policy as it would be active over a store that holds what it names. */
function alone(policy: Policy): ActivePolicy {
  const rows = Object.entries(policy.collections).map(([name, options]) => ({
    id: name,
    name,
    shape: shapeOf(options),
    createdAt: 0,
    revision: 1,
    mac: new Uint8Array(0),
  }));
  return activePolicy({ number: 0, text: policyText(policy), at: null }, policy, rows, 'any');
}
