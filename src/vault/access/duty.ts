import { type Call, commit, draft } from '../call.ts';
import { VaultError } from '../error.ts';
import type { Action } from '../policy/grant.ts';

/**
 * The decision on a duty that touches no collection: keeping clients, the policy, the log. A denial is an event.
 * @returns false to be decided again
 * @throws VaultError `insufficient_grant`
 */
export async function holdsDuty(
  call: Call,
  action: Extract<Action, 'clients' | 'policy' | 'audit'>,
  verb: string,
): Promise<boolean> {
  // Restrictions narrow what is shown of values, and a suspended caller comes no further than the attempt.
  if (call.actor.grants.some((grant) => grant.action === action && grant.pattern === '*')) return true;
  const reason = 'action not granted';
  const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, verb, 'denied', { reason })] });
  if (told === null) return false;
  throw new VaultError('insufficient_grant', { action });
}
