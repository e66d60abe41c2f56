import { TILE_WIDTH } from '../log/tile.ts';
import type { LogEntry } from '../log/verify.ts';

/**
 * Where a log is read from: somebody's database, folder or file, of which nothing is believed. What is not there, or is not of
 * the form or length that it must be, is null.
 */
export interface LogSource {
  /** The newest signed checkpoint as it stands. */
  readonly checkpoint: () => Promise<Uint8Array | null>;
  /** Earlier ones that it keeps. */
  readonly earlier: () => Promise<readonly Uint8Array[]>;
  /** Of the `width` entries from `256 index` on, those that are there. Asked in the order of the log. */
  readonly entries: (index: number, width: number) => Promise<ReadEntries>;
  /** The hashes of a tile that `entries` has come to: asked when they are full, the lower ones first, and at the end those that are not. */
  readonly tile: (level: number, index: number, width: number) => Promise<Uint8Array | null>;
  /** Which tiles must be there. */
  readonly keeps: 'all tiles' | 'full tiles';
  /** Events that no checkpoint covers yet. */
  readonly unsigned: (size: number) => Promise<number>;
  /** Asked when all has been read: what else is there that must not be, as a sentence. */
  readonly surplus: () => Promise<string | null>;
  readonly close: () => Promise<void>;
}

export interface ReadEntries {
  readonly entries: readonly LogEntry[];
  /** Whether what they were read from holds nothing else. */
  readonly isExact: boolean;
}

/** A log that cannot be read at all: a sentence for whoever wants to check it, with nothing of what is in it. */
export class SourceRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'SourceRefused';
  }
}

/** Larger entries no entry bundle has. */
export const MOST_ENTRY = 65_535;
/** Rows of one tile that are read of a store: a table that somebody else made may hold an index any number of times. */
export const MOST_ROWS = TILE_WIDTH + 1;
/** Larger notes nobody reads. */
export const MOST_NOTE = 1_000_000;
/** A vault writes none that is longer, and so many of them that an hour has one for 11 years. */
export const MOST_STORED_NOTE = 4096;
export const MOST_EARLIER = 100_000;
export const TOO_MANY = 'the store holds more checkpoints than a vault writes';
