import { z } from 'zod';
import { COLLECTION_NAME } from './grant.ts';

/** Former names that one collection may list. */
const MOST = 16;

const SENTENCE = `must be a collection's former name, or a list of up to ${MOST} of them`;

const names = z.union([
  z
    .string()
    .regex(COLLECTION_NAME)
    .transform((name) => [name]),
  z.array(z.string().regex(COLLECTION_NAME)).max(MOST),
]);

/** `formerly: old-name`, or a list of such names. */
export const formerly = z
  .unknown()
  .transform((value, context): readonly string[] => {
    const parsed = names.safeParse(value);
    if (parsed.success) return parsed.data;
    context.issues.push({ code: 'custom', message: SENTENCE, input: null });
    return z.NEVER;
  })
  .default([]);

/** Collections by name, as far as their names go. */
export type Named = Readonly<Record<string, { readonly formerly: readonly string[] }>>;

export interface FormerlyProblem {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

/**
 * What cannot be meant by former names, whatever is stored: each name has one claimant at most, and going from a
 * collection to its former names never comes back to it.
 */
export function* formerlyProblems(collections: Named): Generator<FormerlyProblem> {
  const claimants = new Map<string, string>();
  for (const [name, options] of Object.entries(collections)) {
    for (const [i, former] of options.formerly.entries()) {
      const at = (problem: string): FormerlyProblem => ({
        path: ['collections', name, 'formerly', i],
        problem,
      });
      const other = claimants.get(former);
      if (former === name) yield at('this is the name that it has; what would work: leave it out');
      else if (other === name) yield at('this name stands here twice');
      else if (other !== undefined)
        yield at(`${other} was formerly called so too, and a collection becomes one other; keep it at one`);
      else claimants.set(former, name);
    }
  }
  const sets = Object.entries(collections);
  for (const [name] of sets.filter(([first]) => comesBack(first, claimants))) {
    const problem =
      'names go round in a circle; what would work: one step after another, by a name that nothing has';
    yield { path: ['collections', name, 'formerly'], problem };
  }
}

/** Whether following who was formerly called so leads back to the name. */
function comesBack(name: string, claimants: ReadonlyMap<string, string>): boolean {
  const seen = new Set<string>();
  for (let at = claimants.get(name); at !== undefined && !seen.has(at); at = claimants.get(at)) {
    if (at === name) return true;
    seen.add(at);
  }
  return false;
}
