import {
  AUTHORITY,
  type CheckpointRow,
  type FollowerRow,
  type HeadRow,
  type LeaseRow,
  type UseRow,
} from '../rows.ts';
import type { Ending, Insert, Relied, Replacement, Update } from '../statement.ts';
import type { Draft } from './event.ts';
import type { Turn } from './standing.ts';

/**
 * Everything that changes the store or shows something of a value, as data. It names what it was decided on, so that
 * the transaction can tell whether that still holds.
 */
export interface Commit {
  /** The epoch that it was decided under; null for the vault's own records, which no authority decides. */
  readonly epoch: number | null;
  /**
   * The head's digests then: a standby that was promoted without the last commits counts to the same epoch for something else. Null
   * where the epoch is.
   */
  readonly authority: Uint8Array | null;
  /** The head's `changes` as last seen before the rows of `relied` were read: if it still stands, so do they. */
  readonly changes: number;
  readonly inserts: readonly Insert[];
  readonly updates: readonly Update[];
  readonly endings: readonly Ending[];
  readonly replacements: readonly Replacement[];
  /** Earlier versions whose time has ended. */
  readonly outlived: readonly Relied[];
  /** The lease that this work is done under: one holder at a time. */
  readonly leases: readonly LeaseRow[];
  /** Where a follower stands after what it writes here: whoever is no longer the one that follows writes nothing. */
  readonly followers: readonly FollowerRow[];
  readonly checkpoints: readonly CheckpointRow[];
  readonly relied: readonly Relied[];
  /** Collections that must have no token yet. */
  readonly mustBeEmpty: readonly string[];
  /** The earliest expiry that it relied on, in milliseconds. */
  readonly validUntil: number | null;
  /** Claims made before this time, in milliseconds, are dropped; null leaves them. */
  readonly forgetClaims: number | null;
  /** When API keys were last used: hints, kept by the vault's own runs alone. */
  readonly uses: readonly UseRow[];
  /** Opens or closes the store, if it stands as it is said to; null for whatever needs an open one. */
  readonly turn: Turn | null;
  readonly drafts: readonly Draft[];
}

/** A commit of nothing: what readiness tries. */
export const NOTHING: Commit = {
  epoch: null,
  authority: null,
  changes: 0,
  inserts: [],
  updates: [],
  endings: [],
  replacements: [],
  outlived: [],
  leases: [],
  followers: [],
  checkpoints: [],
  relied: [],
  mustBeEmpty: [],
  validUntil: null,
  forgetClaims: null,
  uses: [],
  turn: null,
  drafts: [],
};

/** What became of a commit: its time, and the index of its first event. Durable. */
export interface Committed {
  readonly at: number;
  readonly first: number;
}

/** Rows and events, for the cap of a group. */
export const weightOf = (commit: Commit): number =>
  1 +
  commit.inserts.length +
  commit.endings.length +
  commit.replacements.length +
  commit.outlived.length +
  commit.uses.length +
  commit.drafts.length;

const AUTHORITATIVE: ReadonlySet<string> = new Set(AUTHORITY);

/** Whether it changes what decisions rest on: such a commit raises the epoch. */
export const raisesEpoch = (commit: Commit): boolean =>
  commit.updates.length > 0 || commit.inserts.some((insert) => AUTHORITATIVE.has(insert.table));

/** `kept`: durable once the engine has committed. `again`: rolled back; `failed` are to be decided again. */
export type GroupResult =
  | { readonly kept: true; readonly head: HeadRow; readonly at: number; readonly firsts: readonly number[] }
  | { readonly kept: false; readonly failed: ReadonlySet<number>; readonly head: HeadRow | null };
