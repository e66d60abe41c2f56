import type { Verifier } from '../log/verifier.ts';
import type { Differing } from './walk.ts';

/** A signed checkpoint that somebody kept, by the name that they know it by. */
export interface Kept {
  readonly name: string;
  readonly note: Uint8Array;
}

/** What a log is held against. */
export interface Pins {
  /** A key of the log, had from elsewhere. */
  readonly key: Verifier;
  readonly witnesses: readonly Verifier[];
  /** How many of them must have cosigned a checkpoint that is to count as an anchor. */
  readonly quorum: number;
  readonly against: readonly Kept[];
}

/** Something that is not as it was written. `index` is the first event that is known to be concerned. */
export interface Finding {
  readonly about: 'events' | 'tiles' | 'checkpoint' | 'key' | 'bundle';
  readonly index: number | null;
  readonly problem: string;
}

/** Told of each finding. */
export type Find = (about: Finding['about'], problem: string, index?: number | null) => void;

/** What became of a log. */
export interface Verification {
  /** 100 at the most, the first events first. */
  readonly findings: readonly Finding[];
  /** Events up to the newest checkpoint, and their root in base64, as it was recomputed. */
  readonly size: number;
  readonly root: string;
  /** The key that the log has now, as C2SP signed-note writes it. */
  readonly key: string;
  /** Names of the witnesses that cosigned the newest checkpoint. */
  readonly cosigned: readonly string[];
  /** Events that something outside shows: those from this index on rest on the log's own key. */
  readonly anchored: number;
  /** Events that no checkpoint covers yet. */
  readonly unsigned: number;
}

/** The first entry that a tile says something else of. */
export const firstOther = (differing: readonly Differing[]): number | null =>
  differing.find(({ level, how }) => level === 0 && how === 'other')?.entries[0] ?? null;
