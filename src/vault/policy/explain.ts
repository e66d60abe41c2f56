import type { ExplainClientRequest, ExplainRequest } from '../../wire/policy.ts';
import { type Actor, type Client, inForce, isUsable } from '../access/clients.ts';
import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Facts } from '../commit/event.ts';
import type { Core } from '../core.ts';
import { VaultError, wrongAt } from '../error.ts';
import { type Explained, type Explanation, explanationOf, NOT_REACHED } from './explanation.ts';
import { COLLECTION_ACTIONS } from './grant.ts';
import type { Asked } from './question.ts';

/**
 * Why a call of the caller's own would be allowed or refused. Nothing is read but the policy and the caller's grants.
 * @throws VaultError `invalid_request` for an action that there is none of
 */
export const explainOwn = (
  core: Core,
  caller: Caller,
  request: ExplainRequest,
): Promise<Explanation & { readonly requestId: string }> =>
  attempt(core, caller, { action: 'explain', expected: 16 }, async (call) => {
    const asked = askedOf(request);
    const explanation = explained(call, call.actor, asked, 'caller');
    const facts = factsOf(call, asked, explanation);
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'explain', 'done', facts)] });
    return told === null ? null : { ...explanation, requestId: call.origin.request };
  });

/**
 * The same of another client's call, for whoever keeps the policy.
 * @throws VaultError `not_found` for a client that there is none of, `invalid_request` as above
 */
export const explainClient = (
  core: Core,
  caller: Caller,
  request: ExplainClientRequest,
): Promise<Explanation & { readonly client: string; readonly name: string; readonly requestId: string }> =>
  attempt(core, caller, { action: 'policy.explain', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'policy', 'policy.explain'))) return null;
    const asked = askedOf(request);
    const client = call.epoch.clients.find(request.client);
    if (client === null) throw new VaultError('not_found');
    const { id, name } = client.row;
    const explanation = ofClient(call, client, asked);
    const facts = factsOf(call, asked, explanation, { client: id });
    const drafts = [draft(call, 'policy.explain', 'done', facts)];
    const told = await commit(call, 'audit_unavailable', { drafts });
    return told === null ? null : { client: id, name, ...explanation, requestId: call.origin.request };
  });

const explained = ({ epoch }: Call, actor: Actor, asked: Asked, told: 'caller' | 'custodian'): Explanation =>
  explanationOf({ policy: epoch.policy, actor, told }, asked);

/** Before any rule of the two decisions, a client must be somebody. */
function ofClient(call: Call, client: Client, asked: Asked): Explanation {
  const restrictions = inForce(client, call.now).map(({ restriction }) => restriction);
  const rest = explained(call, { ...client.actor, restrictions }, asked, 'custodian');
  const rule = 'client';
  if (isUsable(client, call.now)) {
    const { sources } = client.row;
    const where = sources === '' ? '' : `, from ${sources.replaceAll(' ', ' and ')} alone`;
    const passed = { rule, outcome: 'passed', sentence: `its API key is taken${where}` } as const;
    return { ...rest, rules: [passed, ...rest.rules] };
  }
  const sentence = client.usable ? 'its API key has expired' : 'the client is revoked';
  const others = rest.rules.map((one): Explained => ({
    ...one,
    outcome: 'not reached',
    sentence: NOT_REACHED,
  }));
  return {
    allowed: false,
    code: 'unauthenticated',
    rules: [{ rule, outcome: 'refused', sentence }, ...others],
  };
}

function askedOf({ action: text, collection: name, purpose }: ExplainRequest): Asked {
  const action = COLLECTION_ACTIONS.find((one) => one === text);
  if (action === undefined) throw wrongAt('/action', 'unknown_action');
  return { action, name, purpose: purpose ?? null };
}

/** Names that no policy has are not repeated. */
function factsOf({ epoch }: Call, { action, name, purpose }: Asked, { code }: Explanation, who = {}): Facts {
  const { collections, bases } = epoch.policy;
  const collection = collections.get(name) ?? null;
  return {
    ...(collection === null ? {} : { collection: { id: collection.id, name } }),
    ...(purpose === null ? {} : { purpose: bases.has(purpose) ? purpose : 'unregistered' }),
    detail: { ...who, action, code: code ?? null },
  };
}
