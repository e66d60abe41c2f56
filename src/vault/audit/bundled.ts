import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { logSigner } from './checkpoints.ts';

/**
 * Commits the event of a copy of the whole log, before anything is copied: on the host, where whoever makes it reads the store.
 * @returns the key that the log's checkpoints verify under
 */
export const recordBundle = (core: Core, caller: Caller): Promise<string> =>
  attempt(core, caller, { action: 'audit.bundle', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.bundle'))) return null;
    const done = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'audit.bundle', 'done')] });
    const { keys, vaultId } = call.epoch;
    return done === null ? null : logSigner(keys, vaultId).verifier.text;
  });
