import type { PolicyChange } from '../../wire/policy.ts';
import { canonical } from './canonical.ts';
import { demandText } from './demand.ts';
import type { Plan, Planned } from './plan.ts';
import type { Policy } from './policy.ts';

/** The policy that is active, and which stored collections it has open, by name. */
export interface Before {
  readonly policy: Policy;
  /** Ids by name of every stored collection, closed ones included. */
  readonly ids: ReadonlyMap<string, string>;
}

/** What a planned policy changes, in the order of the file: collections, purposes, roles, audit. */
export function* changesOf(before: Before, { policy, planned }: Plan): Generator<PolicyChange> {
  for (const one of planned) yield* collectionChanges(before.policy, policy, one);
  const kept = new Set(planned.flatMap(({ row }) => (row === null ? [] : [row.id])));
  for (const name of Object.keys(before.policy.collections)) {
    const id = before.ids.get(name);
    if (id !== undefined && !kept.has(id)) yield { what: 'collection', name, change: 'closed' };
  }
  yield* purposeChanges(before.policy, policy);
  yield* roleChanges(before.policy, policy);
  yield* auditChanges(before.policy, policy);
}

function* collectionChanges(
  before: Policy,
  after: Policy,
  { name, row, reshaped }: Planned,
): Generator<PolicyChange> {
  const what = 'collection';
  if (row === null) return yield { what, name, change: 'added' };
  if (row.name !== name) yield { what, name, change: 'renamed', from: row.name, to: name };
  const fixed = new Set(reshaped.map(({ option }) => option));
  const old = Object.hasOwn(before.collections, row.name) ? before.collections[row.name] : undefined;
  if (old === undefined) {
    yield { what, name, change: 'reopened' };
    for (const { option, from, to } of reshaped)
      yield { what, name, change: 'changed', option, ...sides(from, to), fixed: true };
    return;
  }
  const [from, to] = [optionsOf(old), optionsOf(after.collections[name])];
  for (const option of new Set([...from.keys(), ...to.keys()])) {
    if (from.get(option) === to.get(option) || option === 'formerly') continue;
    const isFixed = fixed.has(option) ? { fixed: true } : {};
    const changed = sides(from.get(option), to.get(option));
    yield { what, name, change: 'changed', option, ...changed, ...isFixed };
  }
}

/** The options of a collection, each as JSON. */
const optionsOf = (options: object | undefined): ReadonlyMap<string, string> =>
  new Map(Object.entries(options ?? {}).map(([option, value]) => [option, canonical(value)]));

const sides = (from: string | undefined, to: string | undefined): { from?: string; to?: string } => ({
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
});

function* purposeChanges(before: Policy, after: Policy): Generator<PolicyChange> {
  const what = 'purpose';
  for (const [name, { basis: to }] of Object.entries(after.purposes)) {
    const from = Object.hasOwn(before.purposes, name) ? before.purposes[name]?.basis : undefined;
    if (from === undefined) yield { what, name, change: 'added', option: 'basis', to };
    else if (from !== to) yield { what, name, change: 'changed', option: 'basis', from, to };
  }
  for (const name of Object.keys(before.purposes))
    if (!Object.hasOwn(after.purposes, name)) yield { what, name, change: 'removed' };
}

function* roleChanges(before: Policy, after: Policy): Generator<PolicyChange> {
  const what = 'role';
  const grantsIn = ({ roles }: Policy, name: string): ReadonlySet<string> =>
    new Set(Object.hasOwn(roles, name) ? roles[name] : []);
  for (const name of new Set([...Object.keys(before.roles), ...Object.keys(after.roles)])) {
    if (!Object.hasOwn(before.roles, name)) yield { what, name, change: 'added' };
    if (!Object.hasOwn(after.roles, name)) yield { what, name, change: 'removed' };
    const [from, to] = [grantsIn(before, name), grantsIn(after, name)];
    for (const grant of to) if (!from.has(grant)) yield { what, name, change: 'gains a grant', to: grant };
    for (const grant of from) if (!to.has(grant)) yield { what, name, change: 'loses a grant', from: grant };
  }
}

function* auditChanges(before: Policy, after: Policy): Generator<PolicyChange> {
  const [from, to] = [demandText(before), demandText(after)];
  if (from === to) return;
  const what = 'audit';
  const name = 'anchors';
  if (from === null && to !== null) yield { what, name, change: 'added', option: 'maxAge', to };
  else if (from !== null && to === null) yield { what, name, change: 'removed', option: 'maxAge', from };
  else
    yield { what, name, change: 'changed', option: 'maxAge', ...sides(from ?? undefined, to ?? undefined) };
}
