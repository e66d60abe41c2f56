import type { AccessChange, IdleGrant, PolicyChange } from '../../wire/policy.ts';
import { type Client, isUsable } from '../access/clients.ts';
import { isIdle } from '../access/written-grant.ts';
import type { Call } from '../call.ts';
import type { CollectionRow } from '../rows.ts';
import { type ActivePolicy, activePolicy } from './active.ts';
import { changesOf } from './diff.ts';
import type { Plan } from './plan.ts';
import { type PolicyProblem, policyText } from './policy.ts';
import { accessChanges } from './reach.ts';

/** A policy held against the active one. */
export interface Comparison {
  /** The number of the active policy. */
  readonly number: number;
  readonly same: boolean;
  /** Why it cannot be applied to what is stored. */
  readonly problems: readonly PolicyProblem[];
  readonly changes: readonly PolicyChange[];
  readonly access: readonly AccessChange[];
  readonly idle: readonly IdleGrant[];
  /** How many others of each there are. */
  readonly more: Readonly<Record<'changes' | 'access' | 'idle' | 'problems', number>>;
}

/** At most so many lines of each kind are told. */
const MOST_TOLD = 1000;

/** What applying a plan would change, and for whom: nothing is written. */
export async function comparisonOf(call: Call, plan: Plan): Promise<Comparison> {
  const { epoch, core, now } = call;
  const { policy: active, clients } = epoch;
  const next = planned(call, plan);
  const isOne = (client: Client): boolean => isUsable(client, now);
  const ids = new Map([...epoch.collections.values()].map(({ name, id }) => [name, id]));
  const others = clients.under(next.roles);
  const changes = new Told(changesOf({ policy: active.policy, ids }, plan));
  const access = new Told<AccessChange>([]);
  await accessChanges({ policy: active, clients }, { policy: next, clients: others }, isOne, {
    note: access.note,
    breathe: core.world.breathe,
  });
  const idle = new Told(newlyIdle(clients.all().filter(isOne), active, next));
  return {
    number: active.number,
    same: active.text === policyText(plan.policy),
    problems: [],
    changes: changes.told,
    access: access.told,
    idle: idle.told,
    more: { changes: changes.more, access: access.more, idle: idle.more, problems: 0 },
  };
}

/** A policy that cannot be applied: nothing but why. */
export const impossible = (call: Call, problems: readonly PolicyProblem[]): Comparison => ({
  number: call.epoch.policy.number,
  same: false,
  problems: problems.slice(0, MOST_TOLD),
  changes: [],
  access: [],
  idle: [],
  more: { changes: 0, access: 0, idle: 0, problems: Math.max(0, problems.length - MOST_TOLD) },
});

/** The planned policy as it would be active, over rows as they would be. */
function planned({ core, epoch }: Call, { policy, planned: all }: Plan): ActivePolicy {
  const kept = new Set(all.flatMap(({ row }) => (row === null ? [] : [row.id])));
  const closed = [...epoch.collections.values()].filter(({ id }) => !kept.has(id));
  const rows = all.map(({ name, row, shape }) => ({ ...(row ?? newRow(name)), name, shape }));
  const version = { number: epoch.policy.number + 1, text: policyText(policy), at: null };
  return activePolicy(version, policy, [...closed, ...rows], core.environment);
}

/** In the place of a row that would be made. */
const newRow = (name: string): CollectionRow => ({
  id: `new ${name}`,
  name,
  shape: '',
  createdAt: 0,
  revision: 0,
  mac: new Uint8Array(0),
});

/** Grants that allow nothing any more. Those that never did are no change. */
function* newlyIdle(
  clients: readonly Client[],
  before: ActivePolicy,
  after: ActivePolicy,
): Generator<IdleGrant> {
  for (const { row, actor } of clients) {
    for (const grant of actor.written)
      if (isIdle(grant, after) && !isIdle(grant, before)) yield { client: row.id, name: row.name, grant };
  }
}

/** The first of many, and how many others there were. */
class Told<T> {
  readonly told: T[] = [];
  more = 0;

  constructor(all: Iterable<T>) {
    for (const one of all) this.note(one);
  }

  readonly note = (one: T): void => {
    if (this.told.length < MOST_TOLD) this.told.push(one);
    else this.more += 1;
  };
}
