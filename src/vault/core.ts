import type { CommitQueue } from './commit/queue.ts';
import type { Epochs } from './epoch.ts';
import type { Findings } from './findings.ts';
import type { MasterKey } from './master-key.ts';
import type { Observer } from './observer.ts';
import type { Demand } from './policy/demand.ts';
import type { oneAtATime } from './pace.ts';
import type { Store } from './store.ts';
import type { Throttle } from './access/throttle.ts';
import type { Uses } from './access/uses.ts';

/** What the vault tells its operator beside the audit log: kinds and names, never data. */
export type Notice =
  | { readonly kind: 'integrity'; readonly table: string; readonly record: string; readonly problem: string }
  | { readonly kind: 'filling'; readonly collection: string; readonly taken: number; readonly asked: number }
  /** A commit failed; told again after ten seconds at the soonest. */
  | { readonly kind: 'store'; readonly reason: string }
  /** The vault's own work failed, as purging: told again after ten seconds at the soonest. */
  | { readonly kind: 'upkeep'; readonly reason: string }
  /** The file of this process says another policy than the active one, and what: once for each that is active. */
  | { readonly kind: 'policy'; readonly active: number; readonly file: readonly string[] }
  /** A place off the host did not keep, or give back, what the log was: told again after ten seconds at the soonest. */
  | { readonly kind: 'anchor'; readonly anchor: string; readonly reason: string }
  | { readonly kind: 'fatal'; readonly reason: string };

/** The world, passed in. */
export interface World {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Bytes fresh from the kernel. */
  readonly random: (bytes: number) => Uint8Array;
  /** Lets the event loop turn. */
  readonly breathe: () => Promise<void>;
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly notice: (notice: Notice) => void;
}

/** How far the log is anchored, as the followers' rows have it. */
export interface Coverage {
  mustHold(demand: Demand, now: number): Promise<void> | null;
  /** Looks ahead of time, so that no caller waits for it. */
  readonly keep: (demand: Demand | null) => Promise<void>;
}

/** The parts of an open vault, as its verbs see them. */
export interface Core {
  readonly world: World;
  readonly store: Store;
  readonly masterKey: MasterKey;
  readonly environment: string;
  readonly queue: CommitQueue;
  readonly epochs: Epochs;
  readonly findings: Findings;
  readonly observer: Observer;
  readonly throttle: Throttle;
  readonly uses: Uses;
  /** How far the log is anchored: whatever shows something of a value may ask for that. */
  readonly coverage: Coverage;
  /** Of the places off the host that the settings name. */
  readonly anchorNames: readonly string[];
  /** Token spaces that were found full, by collection id and bucket; they hold kept characters and stay in memory. */
  readonly fullBuckets: Set<string>;
  /** Comparing policies takes long where clients and collections are many. */
  readonly compareAlone: ReturnType<typeof oneAtATime>;
}
