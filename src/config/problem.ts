import type { z } from 'zod';

/** One thing wrong with the file. `problem` names keys, never values: a secret may have been pasted there. */
export interface ConfigProblem {
  /** Counted from 1; null when the problem is with the file as a whole. */
  line: number | null;
  /** Keys and indexes joined by dots, as `collections.customer-pan.keep`; empty for the whole file. */
  path: string;
  problem: string;
}

export type ConfigPath = readonly (string | number)[];
/** The line of a key or list item, counted from 1; for one that is missing, its nearest parent's; null at the root. */
export type LineOf = (path: ConfigPath) => number | null;

/**
 * Turns what zod found in the value of a file into problems; every unknown key is one, with its own line.
 * The schema's own sentences are kept, so none may quote its input.
 */
export function schemaProblems(
  issues: readonly z.core.$ZodIssue[],
  { value, lineOf }: { value: unknown; lineOf: LineOf },
): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => problemAt([...path, key], 'unknown key', lineOf));
    }
    return [problemAt(path, valueAt(value, path) === undefined ? 'missing' : sentenceOf(issue), lineOf)];
  });
}

/** What is expected, in words of a file and not of a parser. */
const EXPECTED: Readonly<Record<string, string>> = {
  object: 'must hold keys, as name: {…}',
  array: 'must be a list, as [a, b]',
  string: 'must be text',
};

/** The schema's own sentence, or ours where it has none for a value of another type. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type' || !issue.message.startsWith('Invalid input: ')) return issue.message;
  return EXPECTED[issue.expected] ?? `must be ${issue.expected}`;
}

/** A problem at a path of the file, with its line. */
export function problemAt(path: ConfigPath, problem: string, lineOf: LineOf): ConfigProblem {
  return { line: lineOf(path), path: path.join('.'), problem };
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  const step = (within: unknown, key: string | number): unknown =>
    typeof within === 'object' && within !== null ? Reflect.get(within, key) : undefined;
  return path.reduce(step, value);
}
