import { z } from 'zod';
import { holdsDuty } from './access/duty.ts';
import { attempt } from './attempt.ts';
import { type Call, type Caller, commit, draft } from './call.ts';
import { claimOf, claimRow, firstUnder } from './claim.ts';
import type { Commit } from './commit/commit.ts';
import type { Draft } from './commit/event.ts';
import type { Core } from './core.ts';
import { VaultError } from './error.ts';
import type { Duty } from './policy/decide.ts';
import { canonical } from './policy/canonical.ts';

/** A change of a custodian's, of one thing: what it is called in events, and the request under its Idempotency-Key. */
export interface Change {
  readonly action: string;
  readonly duty: Duty;
  /** Random bytes that it is likely to need. */
  readonly expected: number;
  readonly request: object;
  readonly idempotencyKey: string | null;
}

/** What a change comes to: rows and events to commit, and what is answered once they are durable. */
export interface Planned<A> {
  readonly part: Partial<Commit> & { readonly drafts: readonly Draft[] };
  /** What a repeated request is answered too: it is kept, in clear, for as long as claims are. */
  readonly told: A;
  /** What is told once, in the place of what `told` has: it is kept nowhere. */
  readonly secret?: Partial<A>;
}

/**
 * Makes a change under the caller's duty, and once under an Idempotency-Key: the same request again is decided and
 * recorded afresh, changes nothing, and is answered what the first one was, but for what is told once.
 * @param plan decided anew at each attempt
 * @throws VaultError `insufficient_grant`, `idempotency_mismatch`, and what the plan refuses
 */
export const once = <A extends object>(
  core: Core,
  caller: Caller,
  { action, duty, expected, request, idempotencyKey }: Change,
  plan: (call: Call) => Planned<A> | null | Promise<Planned<A> | null>,
): Promise<A & { readonly requestId: string }> =>
  attempt(core, caller, { action, expected }, async (call) => {
    if (!(await holdsDuty(call, duty, action))) return null;
    const claim = claimOf(call, action, idempotencyKey, request);
    const first = await firstUnder(call, claim);
    const planned = first === null ? await plan(call) : again<A>(call, action, first.rows);
    if (planned === null) return null;
    const { part, told, secret } = planned;
    const claims =
      claim === null || first !== null ? [] : [claimRow(call, claim, Buffer.from(canonical(told)))];
    const done = await commit(call, 'unavailable', {
      ...part,
      inserts: [...claims, ...(part.inserts ?? [])],
    });
    return done === null ? null : { ...told, ...secret, requestId: call.origin.request };
  });

/** What the first request was answered: its claim has authenticated, so it is what was kept. */
function again<A extends object>(call: Call, action: string, kept: Uint8Array): Planned<A> {
  const told: unknown = JSON.parse(Buffer.from(kept).toString('utf8'));
  if (!isObject(told)) throw new VaultError('integrity');
  const drafts = [draft(call, action, 'done', { detail: { repeated: true } })];
  return { part: { drafts }, told: told as A };
}

const isObject = (value: unknown): value is object => z.looseObject({}).safeParse(value).success;
