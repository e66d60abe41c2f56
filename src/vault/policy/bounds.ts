import { parsePolicy, type Policy, type PolicyProblem } from './policy.ts';

/** Collections in a policy: each has two keys, which every process opens anew whenever authority changes. */
const MOST_COLLECTIONS = 4096;
const MOST_OTHERS = 1024;

/** What a policy as a whole may hold, before anything looks into it. */
const MOST_PARTS = 100_000;
const MOST_CHARACTERS = 1024 * 1024;
const DEEPEST = 8;

const MOST = { collections: MOST_COLLECTIONS, purposes: MOST_OTHERS, roles: MOST_OTHERS } as const;

/**
 * Reads a policy that somebody gives, with every problem at once. Bounded first: whoever may change the policy may
 * still not have the vault look at a million places.
 */
export function readPolicy(
  value: unknown,
): { readonly policy: Policy } | { readonly problems: readonly PolicyProblem[] } {
  const problem = boundProblem(value);
  return problem === null ? parsePolicy(value) : { problems: [problem] };
}

function boundProblem(value: unknown): PolicyProblem | null {
  const problem = tooLarge(value);
  if (problem !== null) return { path: [], problem };
  if (typeof value !== 'object' || value === null) return null;
  for (const [part, most] of Object.entries(MOST)) {
    const named: unknown = Reflect.get(value, part);
    if (typeof named === 'object' && named !== null && Object.keys(named).length > most)
      return { path: [part], problem: `more than ${most}` };
  }
  return null;
}

function tooLarge(value: unknown): string | null {
  const waiting: { readonly part: unknown; readonly depth: number }[] = [{ part: value, depth: 0 }];
  let parts = 0;
  let characters = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { part, depth } = next;
    parts += 1;
    if (typeof part === 'string') characters += part.length;
    if (typeof part === 'object' && part !== null) {
      if (depth === DEEPEST) return `nested more than ${DEEPEST} deep`;
      // Counted before anything is made of them.
      const size = Array.isArray(part) ? part.length : Object.keys(part).length;
      if (parts + waiting.length + size > MOST_PARTS) return `more than ${MOST_PARTS} keys and values`;
      for (const [key, child] of Object.entries(part)) {
        characters += key.length;
        waiting.push({ part: child, depth: depth + 1 });
      }
    }
    if (characters > MOST_CHARACTERS) return `longer than ${MOST_CHARACTERS} characters`;
  }
  return null;
}

/** Whether a vault may keep so many collections, closed ones included. */
export const mayKeep = (collections: number): boolean => collections <= MOST_COLLECTIONS;
export const TOO_MANY_KEPT = `a vault keeps at most ${MOST_COLLECTIONS} collections, closed ones included`;
