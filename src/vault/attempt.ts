import type { Code } from '../wire/codes.ts';
import { type Call, type Caller, commit, draft } from './call.ts';
import type { Core } from './core.ts';
import { Draw } from './draw.ts';
import { VaultError } from './error.ts';
import { StoreFailure } from './store.ts';

/** Attempts before a call that keeps being overtaken is answered `unavailable`. */
const ATTEMPTS = 32;

/** What is attempted: its action, as events name it, and the random bytes that it is likely to need. */
interface Attempted {
  readonly action: string;
  readonly expected: number;
}

/** Answers null to be decided again under what is then the newest epoch. */
type Verb<T> = (call: Call) => Promise<T | null>;

/** Refusals of a whole request for what is in it, or for who asks: they tell a known caller something, so each is an event first. */
const REFUSALS: ReadonlySet<Code> = new Set<Code>([
  'conflict',
  'idempotency_mismatch',
  'invalid_policy',
  'invalid_request',
  'not_found',
  'restricted',
  'value_in_clear',
]);

/**
 * Runs a verb until what it decided still holds when it is committed, refusals included.
 * @throws VaultError what the verb refuses; `unavailable` where the store does not read, or the verb keeps being overtaken
 */
export async function attempt<T>(
  core: Core,
  caller: Caller,
  { action, expected }: Attempted,
  verb: Verb<T>,
): Promise<T> {
  const { epochs, world } = core;
  try {
    for (let tries = 0; tries < ATTEMPTS; tries++) {
      const epoch = await epochs.current();
      const { changes, lastAt } = epochs.seen;
      const now = Math.max(world.now(), lastAt);
      const actor = caller.who(epoch, now);
      const draw = new Draw(world.random, expected);
      const call: Call = { core, epoch, actor, origin: caller.origin, now, changes, draw };
      const answer = await decided(call, verb).catch((error: unknown) => recorded(call, action, error));
      if (answer !== null) return answer;
      await epochs.refresh();
    }
  } catch (error) {
    if (error instanceof StoreFailure) throw new VaultError('unavailable', null, error);
    throw error;
  }
  throw new VaultError('unavailable');
}

/** A suspended caller may do nothing, whatever the verb. */
async function decided<T>(call: Call, verb: Verb<T>): Promise<T | null> {
  if (call.actor.restrictions.includes('suspended')) throw new VaultError('restricted');
  return verb(call);
}

/** Commits the event of a refusal, under its epoch: one that was decided on something old is null, and decided again. */
async function recorded(call: Call, action: string, error: unknown): Promise<null> {
  if (error instanceof VaultError && REFUSALS.has(error.code)) {
    const reason = error.code === 'restricted' ? 'suspended' : error.code;
    const told = await commit(call, 'audit_unavailable', {
      drafts: [draft(call, action, 'denied', { reason })],
    });
    if (told === null) return null;
  }
  throw error;
}
