import type { ApplyPolicyRequest } from '../../wire/policy.ts';
import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { signRow } from '../custody/authentic.ts';
import { newKey } from '../custody/new-key.ts';
import { VaultError } from '../error.ts';
import { newId } from '../id.ts';
import { type Change, once, type Planned } from '../once.ts';
import type { CollectionRow } from '../rows.ts';
import type { Insert, Update } from '../statement.ts';
import { readPolicy } from './bounds.ts';
import { codeOf } from './clear-names.ts';
import { decideDuty, DUTIES } from './decide.ts';
import { detailOf, type Effects, effectsOf } from './effects.ts';
import { type Plan, planOf } from './plan.ts';
import { policyText, type PolicyProblem, rolesOf } from './policy.ts';

export type Applied =
  | ({ readonly applied: true; readonly number: number } & Effects)
  | { readonly applied: false; readonly number: number }
  | { readonly problems: readonly PolicyProblem[] };

type Read = ReturnType<typeof readPolicy>;

/**
 * Makes a policy the active one: a new numbered version, rows and data keys for collections that are new, new names
 * for those that are renamed, one event. A policy that says what the active one says changes nothing.
 * @param value the policy's part of strongroom.yaml, unchecked
 */
export function applyPolicy(core: Core, caller: Caller, value: unknown): Promise<Applied> {
  let read: Read | null = null;
  return attempt(core, caller, APPLY, async (call) => {
    if (!(await holdsDuty(call, 'policy', 'policy.apply'))) return null;
    read ??= readPolicy(value);
    const { came, part } = await applying(call, read);
    return part === null || (await commit(call, 'unavailable', part)) !== null ? came : null;
  });
}

/**
 * The same for a request, over the version that it expects.
 * @throws VaultError `conflict` where another is active; `invalid_policy`, or `value_in_clear` for a name, where it
 *   cannot work; `insufficient_grant` where the caller would give himself a duty
 */
export function requestPolicy(
  core: Core,
  caller: Caller,
  request: ApplyPolicyRequest,
  idempotencyKey: string | null,
): Promise<AppliedRequest> {
  const { policy, expected } = request;
  let read: Read | null = null;
  const change: Change = { ...APPLY, duty: 'policy', request, idempotencyKey };
  return once(core, caller, change, async (call): Promise<Planned<Told> | null> => {
    if (expected !== undefined && expected !== call.epoch.policy.number) throw new VaultError('conflict');
    read ??= readPolicy(policy);
    const { came, part } = await applying(call, read);
    if (came === null) return null;
    if ('problems' in came) throw new VaultError(codeOf(came.problems));
    const { applied, number } = came;
    const note = applied && call.origin.via === 'http' ? { note: NOT_IN_THE_FILE } : {};
    return { part: part ?? { drafts: [] }, told: { applied, number, ...note } };
  });
}

type Told = Omit<AppliedRequest, 'requestId'>;

export interface AppliedRequest {
  readonly applied: boolean;
  readonly number: number;
  readonly note?: string;
  readonly requestId: string;
}

const NOT_IN_THE_FILE =
  'write it into the file that strongroom serve reads too: with SQLite its next start undoes what that file does not say, with PostgreSQL it is not ready until then';

const APPLY = { action: 'policy.apply', expected: 4096 };

/** What applying a policy comes to, null to be decided again; and what is to be committed for it, if anything. */
interface Applying {
  readonly came: Applied | null;
  readonly part: Planned<object>['part'] | null;
}

async function applying(call: Call, read: Read): Promise<Applying> {
  if ('problems' in read) return { came: read, part: null };
  const { number, text } = call.epoch.policy;
  if (text === policyText(read.policy)) return { came: { applied: false, number }, part: null };
  const plan = await planOf(call, read.policy);
  if ('problems' in plan) return { came: plan, part: null };
  return (await mayApply(call, plan)) ? apply(call, plan) : { came: null, part: null };
}

/**
 * Nobody gives himself a duty: a custodian of the policy alone could otherwise name himself one of clients.
 * @returns false to be decided again
 * @throws VaultError `insufficient_grant`, once the denial is an event
 */
async function mayApply(call: Call, { policy }: Plan): Promise<boolean> {
  const { actor, epoch } = call;
  const then = epoch.clients.under(rolesOf(policy)).byId(actor.stamp.id);
  if (then === null) return true;
  const gained = DUTIES.find(
    (duty) => decideDuty(actor, duty) !== null && decideDuty(then.actor, duty) === null,
  );
  if (gained === undefined) return true;
  const drafts = [draft(call, 'policy.apply', 'denied', { reason: 'a duty for the caller' })];
  if ((await commit(call, 'audit_unavailable', { drafts })) === null) return false;
  throw new VaultError('insufficient_grant', { action: gained });
}

async function apply(call: Call, plan: Plan): Promise<Applying> {
  const number = call.epoch.policy.number + 1;
  const text = policyText(plan.policy);
  const rowsKey = call.epoch.keys.vault('rows').secret;
  const row = signRow(rowsKey, 'policies', { number, text, at: call.now, revision: 1 });
  const inserts: Insert[] = [{ table: 'policies', row }];
  const updates: Update[] = [];
  const mustBeEmpty: string[] = [];
  for (const planned of plan.planned) {
    if (planned.row === null) inserts.push(...(await newCollection(call, planned.name, planned.shape)));
    else if (planned.row.name !== planned.name || planned.row.shape !== planned.shape)
      updates.push({ table: 'collections', row: changed(call, planned.row, planned), was: planned.row.mac });
    if (planned.row !== null && planned.reshaped.length > 0) mustBeEmpty.push(planned.row.id);
  }
  const effects = effectsOf(call, plan);
  const drafts = [draft(call, 'policy.apply', 'done', { detail: detailOf(number, text, effects) })];
  return {
    came: { applied: true, number, ...effects },
    part: { inserts, updates, mustBeEmpty, drafts },
  };
}

function changed(
  call: Call,
  { mac: _mac, ...row }: CollectionRow,
  { name, shape }: { readonly name: string; readonly shape: string },
): CollectionRow {
  const rowsKey = call.epoch.keys.vault('rows').secret;
  return signRow(rowsKey, 'collections', { ...row, name, shape, revision: row.revision + 1 });
}

async function newCollection(call: Call, name: string, shape: string): Promise<Insert[]> {
  const { core, epoch, now } = call;
  const rowsKey = epoch.keys.vault('rows').secret;
  const id = newId('collection', (n) => call.draw.take(n));
  const making = {
    masterKey: core.masterKey,
    vaultId: epoch.vaultId,
    random: core.world.random,
    now: () => now,
  };
  // Both from the start: a collection may become deterministic while it is empty.
  const seal = await newKey(making, 'seal', id);
  const fingerprint = await newKey(making, 'fingerprint', id);
  return [
    {
      table: 'collections',
      row: signRow(rowsKey, 'collections', { id, name, shape, createdAt: now, revision: 1 }),
    },
    { table: 'keys', row: signRow(rowsKey, 'keys', seal.row) },
    { table: 'keys', row: signRow(rowsKey, 'keys', fingerprint.row) },
  ];
}
