import type { Actor } from './access/clients.ts';
import { type Commit, type Committed, NOTHING } from './commit/commit.ts';
import type { Draft, Facts, Origin, Outcome } from './commit/event.ts';
import type { Core } from './core.ts';
import type { Draw } from './draw.ts';
import type { Epoch } from './epoch.ts';
import { VaultError } from './error.ts';
import type { Finding } from './findings.ts';
import { StoreFailure } from './store.ts';

/** Who calls and how. `who` answers afresh for every epoch, so that a revocation holds from the next attempt. */
export interface Caller {
  readonly who: (epoch: Epoch, now: number) => Actor;
  readonly origin: Origin;
}

/** One attempt at a call: everything in it was decided under one epoch. */
export interface Call {
  readonly core: Core;
  readonly epoch: Epoch;
  readonly actor: Actor;
  readonly origin: Origin;
  /** Milliseconds; never before the last event. */
  readonly now: number;
  /** The head's count of ended tokens, as seen before anything was read. */
  readonly changes: number;
  readonly draw: Draw;
}

/** An event of this call that has all but its time. */
export function draft(call: Call, action: string, outcome: Outcome, facts: Facts = {}): Draft {
  const { actor, origin, epoch, draw } = call;
  return {
    action,
    outcome,
    actor: actor.stamp,
    origin,
    facts: { policy: epoch.policy.number, ...facts },
    salt: draw.take(16),
  };
}

/**
 * Submits what a call came to, under its epoch and its caller's expiry.
 * @param failing the code of a commit that is not known to be durable: `audit_unavailable` where it shows something
 * @returns null if something that it relied on no longer holds: decide again
 */
export async function commit(
  call: Call,
  failing: 'audit_unavailable' | 'unavailable',
  part: Partial<Commit> & { readonly drafts: readonly Draft[] },
): Promise<Committed | null> {
  const { core, epoch, actor, changes } = call;
  const validUntil = earliest(part.validUntil ?? null, actor.expiresAt);
  try {
    const under = { epoch: epoch.number, authority: epoch.digests, changes };
    return await core.queue.submit({ ...NOTHING, ...under, ...part, validUntil });
  } catch (error) {
    if (error instanceof StoreFailure) throw new VaultError(failing, null, error);
    throw error;
  }
}

/** Notes a record that does not authenticate, which becomes an event, and gives the error of whoever relied on it. */
export function unauthentic({ core }: Call, finding: Finding): VaultError {
  core.findings.note(finding);
  return new VaultError('integrity');
}

/** The earlier of two times, where null is never. */
export function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
