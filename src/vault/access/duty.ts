import { type Call, commit, draft } from '../call.ts';
import { VaultError } from '../error.ts';
import { decideDuty, type Duty } from '../policy/decide.ts';

/**
 * The decision on a duty that touches no collection: keeping clients, the policy, the vault's keys, the log. A denial is an event.
 * @returns false to be decided again
 * @throws VaultError `insufficient_grant`
 */
export async function holdsDuty(call: Call, action: Duty, verb: string): Promise<boolean> {
  const reason = decideDuty(call.actor, action);
  if (reason === null) return true;
  const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, verb, 'denied', { reason })] });
  if (told === null) return false;
  throw new VaultError('insufficient_grant', { action });
}
