import type { FileProblem } from './refusal.ts';

/** The policy of a strongroom.yaml, and all that is to be said of it without a store. */
export interface PolicyFile {
  readonly path: string;
  /** As the file has it, unchecked. */
  readonly policy: Readonly<Record<string, unknown>>;
  /** Of the settings and of the policy, in the order of lines. */
  readonly problems: readonly FileProblem[];
  /** What works and is odd. */
  readonly oddities: readonly FileProblem[];
  readonly counts: Readonly<Record<'purposes' | 'collections' | 'roles', number>>;
  readonly lineOf: (path: readonly (string | number)[]) => number | null;
}
