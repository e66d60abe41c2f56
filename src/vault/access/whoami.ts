import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import type { Collection } from '../policy/active.ts';
import { covers } from '../policy/grant.ts';

export interface Whoami {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly grants: readonly string[];
  readonly expiresAt: string | null;
  readonly environment: string;
  readonly requestId: string;
}

export interface CollectionSummary {
  readonly name: string;
  readonly format: string;
  readonly tokens: 'random' | 'deterministic';
  /** Those that the caller holds. */
  readonly purposes: readonly string[];
  readonly actions: readonly string[];
}

/** Who the caller is, and its grants. */
export const whoami = (core: Core, caller: Caller): Promise<Whoami> =>
  attempt(core, caller, { action: 'whoami', expected: 16 }, async (call) => {
    const { actor, origin } = call;
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'whoami', 'done')] });
    if (told === null) return null;
    const expiresAt = actor.expiresAt === null ? null : new Date(actor.expiresAt).toISOString();
    const { id, kind } = actor.stamp;
    const { environment } = core;
    return {
      id,
      name: actor.name,
      kind,
      grants: actor.written,
      expiresAt,
      environment,
      requestId: origin.request,
    };
  });

/** The collections that the caller holds any grant on. */
export const collections = (
  core: Core,
  caller: Caller,
): Promise<{ readonly collections: readonly CollectionSummary[]; readonly requestId: string }> =>
  attempt(core, caller, { action: 'collections', expected: 16 }, async (call) => {
    const told = await commit(call, 'audit_unavailable', { drafts: [draft(call, 'collections', 'done')] });
    if (told === null) return null;
    const all = [...call.epoch.policy.collections.values()];
    const mine = all
      .map((collection) => summary(call, collection))
      .filter(({ actions }) => actions.length > 0);
    return { collections: mine, requestId: call.origin.request };
  });

function summary({ actor }: Call, { name, format, deterministic, purposes }: Collection): CollectionSummary {
  const grants = actor.grants.filter((grant) => covers(grant.pattern, name));
  const held = new Set(grants.flatMap(({ purpose }) => (purpose === null ? [] : [purpose])));
  return {
    name,
    format: format.name,
    tokens: deterministic ? 'deterministic' : 'random',
    purposes: [...purposes].filter((purpose) => held.has(purpose)),
    actions: [...new Set(grants.map(({ action }) => action))],
  };
}
