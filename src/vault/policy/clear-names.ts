import { holdsValue } from '../../formats/clear-text.ts';
import type { Code } from '../../wire/codes.ts';
import { COLLECTION_NAME } from './grant.ts';

/** Names stand in clear in the store, in events and in answers: one that is an account number would be found there. */
const NAME_IN_CLEAR = 'a name here holds an account number, and names are kept in clear';

interface Names {
  readonly purposes: object;
  readonly collections: Readonly<Record<string, { readonly formerly: readonly string[] }>>;
  readonly roles: object;
}

/** The names of a policy that hold an account number. */
export function* clearNames(policy: Names): Generator<{ readonly path: string[]; readonly problem: string }> {
  for (const part of ['purposes', 'collections', 'roles'] as const) {
    for (const name of Object.keys(policy[part]))
      if (holdsValue(name)) yield { path: [part, name], problem: NAME_IN_CLEAR };
  }
  for (const [name, { formerly }] of Object.entries(policy.collections))
    if (formerly.some(holdsValue)) yield { path: ['collections', name, 'formerly'], problem: NAME_IN_CLEAR };
}

interface Problem {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

interface Told extends Problem {
  readonly path: (string | number)[];
}

/**
 * A problem as it may be told over HTTP: its path goes as far as its steps have the form of a name and hold no account
 * number. A key that no policy has is what a caller wrote, and may be anything.
 */
export function toldProblem({ path, problem }: Problem): Told {
  const known = problem === UNKNOWN_KEY ? path.slice(0, -1) : path;
  const end = known.findIndex(
    (step) => typeof step === 'string' && (!COLLECTION_NAME.test(step) || holdsValue(step)),
  );
  return { path: known.slice(0, end === -1 ? known.length : end), problem };
}

/** Why a policy's key is refused that is none. */
export const UNKNOWN_KEY = 'unknown key';

/** What a caller over HTTP is told of a policy that cannot work: its comparison has the reasons. */
export const codeOf = (problems: readonly { readonly problem: string }[]): Code =>
  holdsNumbers(problems) ? 'value_in_clear' : 'invalid_policy';

/** Whether one of the problems is a name that holds an account number: then nothing of the policy is told. */
export const holdsNumbers = (problems: readonly { readonly problem: string }[]): boolean =>
  problems.some(({ problem }) => problem === NAME_IN_CLEAR);
