import { attempt } from './attempt.ts';
import { type Caller, commit, draft } from './call.ts';
import type { Core } from './core.ts';

/** A backup that is about to be made: who can open it, by the SHA-256 of each recipient in hex. */
export interface BackupMade {
  readonly recipients: readonly string[];
}

/** The backup that a vault was restored from. */
export interface BackupRestored {
  /** RFC 3339. */
  readonly madeAt: string;
  /** Events in it, and their root in base64. */
  readonly size: number;
  readonly root: string;
}

/**
 * Commits the event of a backup before anything is copied, so that the backup holds it too: the log may name a backup that
 * never came about, never the reverse. No grant allows it: whoever makes it reads the store's file.
 * @returns the event's index
 */
export const recordBackup = (core: Core, caller: Caller, { recipients }: BackupMade): Promise<number> =>
  attempt(core, caller, { action: 'backup', expected: 16 }, async (call) => {
    const drafts = [draft(call, 'backup', 'done', { detail: { recipients } })];
    const done = await commit(call, 'audit_unavailable', { drafts });
    return done?.first ?? null;
  });

/** Commits the event of a restore into the restored store, before it is put in its place. */
export const recordRestore = (core: Core, caller: Caller, from: BackupRestored): Promise<number> =>
  attempt(core, caller, { action: 'restore', expected: 16 }, async (call) => {
    const drafts = [draft(call, 'restore', 'done', { detail: { ...from } })];
    const done = await commit(call, 'audit_unavailable', { drafts });
    return done?.first ?? null;
  });
