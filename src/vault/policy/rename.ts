import type { FormerlyProblem, Named } from './formerly.ts';

/** What a policy makes of the names that are stored: each of its collections takes a stored one, or is new. */
export interface Naming {
  /** By the policy's name, the stored name of the collection that takes it; names that are missing are new. */
  readonly taken: ReadonlyMap<string, string>;
  readonly problems: readonly FormerlyProblem[];
}

/**
 * Decides which stored collection each name of a policy means. A former name counts only while no collection has the
 * new one: once renamed, the line may stay. The names of one policy claim each former name once, and in no circle.
 * @param stored names of all collections, closed ones included
 */
export function nameAll(collections: Named, stored: ReadonlySet<string>): Naming {
  const claimants = claimantsOf(collections);
  const decided = new Map<string, string | null>();

  /** Its own, unless another takes that; else the first former one. The claimant of the name is decided before. */
  function decideOne(name: string): string | null {
    const claimant = claimants.get(name);
    const leaves = claimant !== undefined && decided.get(claimant) === name;
    if (stored.has(name) && !leaves) return name;
    return collections[name]?.formerly.find((former) => stored.has(former)) ?? null;
  }

  for (const name of Object.keys(collections)) {
    const chain: string[] = [];
    for (let at: string | undefined = name; at !== undefined && !decided.has(at); at = claimants.get(at))
      chain.push(at);
    for (const one of chain.toReversed()) decided.set(one, decideOne(one));
  }

  const taken = new Map<string, string>();
  const problems: FormerlyProblem[] = [];
  for (const [name, { formerly }] of Object.entries(collections)) {
    const meant = decided.get(name) ?? null;
    if (meant !== null) taken.set(name, meant);
    const problem = faultOf(name, meant, {
      former: formerly.filter((one) => stored.has(one)),
      isStored: stored.has(name),
      inPolicy: (one) => Object.hasOwn(collections, one),
    });
    if (problem !== null) problems.push({ path: ['collections', name], problem });
  }
  return { taken, problems };
}

interface Around {
  /** Its former names that are stored. */
  readonly former: readonly string[];
  readonly isStored: boolean;
  readonly inPolicy: (name: string) => boolean;
}

/** Why a name cannot mean what it would, or null. */
function faultOf(name: string, meant: string | null, { former, isStored, inPolicy }: Around): string | null {
  if (meant === name) {
    // A former name that the policy has too is a collection of its own; one that it lacks would close unnoticed.
    const both = former.find((one) => !inPolicy(one));
    if (both === undefined) return null;
    return `${both} and ${name} are both stored, and two collections cannot become one; what would work: another name for ${both}, or no formerly: where the renaming is done`;
  }
  if (former.length > 1)
    return `${former.join(' and ')} are all stored, and two collections cannot become one; what would work: formerly: with the one that is meant`;
  if (isStored && meant === null)
    return `the collection of this name takes another one, and nothing takes its place; what would work: take ${name} out, or the formerly: that names it`;
  return null;
}

function claimantsOf(collections: Named): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(collections).flatMap(([name, { formerly }]) =>
      formerly.map((former): [string, string] => [former, name]),
    ),
  );
}
