import type { FailureKind } from './store.ts';

/**
 * Port: a vault's own work in numbers, told as it is done. Nothing of a caller goes through it: names of collections and
 * kinds of failure are the only words.
 */
export interface Observer {
  /** Milliseconds, with fractions, of a clock that never goes back. */
  readonly tick: () => number;
  /** A group of so many commits, and rows and events in all, is durable after so long. */
  group(commits: number, weight: number, milliseconds: number): void;
  /** So many commits met something newer than they were decided on. */
  again(commits: number): void;
  /** So many commits are not known to be durable. */
  failed(commits: number, kind: FailureKind): void;
  /** So many tokens of a collection were drawn, and so many of them were somebody's already. */
  drew(collection: string, taken: number, asked: number): void;
}

/** Nobody looks: what it costs is a call of nothing. */
export const UNOBSERVED: Observer = {
  tick: () => 0,
  group: () => undefined,
  again: () => undefined,
  failed: () => undefined,
  drew: () => undefined,
};
