import type { Epoch } from '../epoch.ts';
import type { CollectionRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { mayKeep, TOO_MANY_KEPT } from './bounds.ts';
import { type Policy, type PolicyProblem, shapeOf } from './policy.ts';
import { nameAll } from './rename.ts';

/** What a policy means by one of its collections. */
export interface Planned {
  readonly name: string;
  /** The stored collection that it is; null for a new one. */
  readonly row: CollectionRow | null;
  readonly shape: string;
  /** What is fixed at the first value and differs from what is stored: the collection is empty. */
  readonly reshaped: readonly FixedOption[];
}

/** An option that is fixed at the first value, as JSON; undefined where a side has none. */
export interface FixedOption {
  readonly option: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What a policy asks of the collections' rows. Nothing is written. */
export interface Plan {
  readonly policy: Policy;
  readonly planned: readonly Planned[];
}

/** What a policy is planned over: a call will do. */
export interface Planning {
  readonly core: { readonly store: Pick<Store, 'isEmpty'> };
  readonly epoch: Pick<Epoch, 'policy' | 'collections'>;
}

/** Decides what a policy asks of what is stored, or every reason why that cannot be. */
export async function planOf(
  { core, epoch }: Planning,
  policy: Policy,
): Promise<Plan | { readonly problems: readonly PolicyProblem[] }> {
  const { taken, problems: misnamed } = nameAll(policy.collections, new Set(epoch.collections.keys()));
  const problems: PolicyProblem[] = [...misnamed];
  const planned: Planned[] = [];
  const kept = new Set(taken.values());
  for (const [name, options] of Object.entries(policy.collections)) {
    const row = epoch.collections.get(taken.get(name) ?? '') ?? null;
    const shape = shapeOf(options);
    const reshaped = row === null ? [] : differing(row.shape, shape);
    const heir = row === null ? heirOf(name, epoch.policy.policy, kept) : null;
    if (heir !== null) problems.push(undone(name, heir));
    if (row !== null && reshaped.length > 0 && !(await core.store.isEmpty(row.id)))
      problems.push(...reshaped.map((option) => fixedProblem(name, option)));
    planned.push({ name, row, shape, reshaped });
  }
  const added = planned.filter(({ row }) => row === null).length;
  if (added > 0 && !mayKeep(epoch.collections.size + added))
    problems.push({ path: ['collections'], problem: TOO_MANY_KEPT });
  return problems.length > 0 ? { problems } : { policy, planned };
}

/**
 * What a new collection's name stood for until it was renamed, where that would close: an older file is at work, and
 * would have callers meet an empty collection where their values were.
 */
function heirOf(name: string, { collections }: Policy, kept: ReadonlySet<string>): string | null {
  const heirs = Object.entries(collections).filter(([, { formerly }]) => formerly.includes(name));
  return heirs.find(([heir]) => !kept.has(heir))?.[0] ?? null;
}

const undone = (name: string, heir: string): PolicyProblem => ({
  path: ['collections', name],
  problem: `what had this name is called ${heir} now, and would close; what would work: ${heir} in its place, or formerly: ${heir}, or to close ${heir} in a policy before this one`,
});

const fixedProblem = (name: string, { option, from, to }: FixedOption): PolicyProblem => {
  const back = from === undefined ? `without ${option}` : `${option}: ${from}`;
  const asked = to === undefined ? '' : `, not ${to}`;
  const problem = `fixed at the first value, and the collection has one${asked}`;
  return {
    path: ['collections', name, option],
    problem: `${problem}; what would work: ${back}, or a new collection under another name`,
  };
};

/** What two shapes fix differently. Under another format nothing else compares; lookups are of random tokens alone. */
function differing(stored: string, asked: string): readonly FixedOption[] {
  if (stored === asked) return [];
  const [before, after] = [fixedIn(stored), fixedIn(asked)];
  const all = [...new Set([...before.keys(), ...after.keys()])]
    .map((option) => ({ option, from: before.get(option), to: after.get(option) }))
    .filter(({ from, to }) => from !== to);
  const format = all.find(({ option }) => option === 'format');
  if (format !== undefined) return [format];
  const isRedrawn = all.some(({ option }) => option === 'tokens');
  return all.filter(({ option }) => !isRedrawn || option !== 'lookup');
}

/** The options of a shape, each as JSON. */
function fixedIn(shape: string): ReadonlyMap<string, string> {
  const options: unknown = JSON.parse(shape);
  return new Map(
    Object.entries(Object(options)).map(([option, value]) => [option, JSON.stringify(value)] as const),
  );
}
