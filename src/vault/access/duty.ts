import { type Call, commit, draft } from '../call.ts';
import { VaultError } from '../error.ts';
import { decideAudit, decideDuty, type Duty } from '../policy/decide.ts';

/**
 * The decision on a duty that touches no collection: keeping clients, the policy, the vault's keys, the log. A denial is an event.
 * @returns false to be decided again
 * @throws VaultError `insufficient_grant`
 */
export const holdsDuty = (call: Call, action: Duty, verb: string): Promise<boolean> =>
  holds(call, action, verb, decideDuty(call.actor, action));

/**
 * The decision on reading what the caller's grants of `audit` cover of the log: the whole of it, or collections.
 * @returns false to be decided again
 * @throws VaultError `insufficient_grant`
 */
export const holdsAudit = (call: Call, verb: string): Promise<boolean> =>
  holds(call, 'audit', verb, decideAudit(call.actor));

async function holds(call: Call, action: Duty, verb: string, reason: string | null): Promise<boolean> {
  if (reason === null) return true;
  const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, verb, 'denied', { reason })] });
  if (told === null) return false;
  throw new VaultError('insufficient_grant', { action });
}
