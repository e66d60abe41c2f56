import { equalBytes } from '../../crypto/encoding.ts';
import type { Secret } from '../../crypto/key.ts';
import { append, decodeFrontier, EMPTY, encodeFrontier, type Frontier, leafHash } from '../../log/tree.ts';
import { type Commit, NOTHING } from '../commit/commit.ts';
import type { HeadSeal } from '../commit/head.ts';
import type { Core } from '../core.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { EDITED, type Finding } from '../findings.ts';
import type { EventRow, FollowerRow, HeadRow } from '../rows.ts';
import { followerRow, givenUp, leaseWatch, revisionOf } from './follower-row.ts';

/**
 * The one seam for reading the log: a follower is given committed events in order, and its cursor is saved with what it made of
 * them, in one commit. One process follows at a time.
 */
export interface Follower<State> {
  /** Of its row. */
  readonly name: string;
  /** Events at a time. */
  readonly most: number;
  /** Before the first event. */
  readonly fresh: State;
  readonly encode: (state: State) => Uint8Array;
  /** Null for bytes that cannot be the state there. */
  readonly decode: (bytes: Uint8Array, cursor: number) => State | null;
  /**
   * Pure, but for what it reads: the same events are given again where their commit came to nothing.
   * @throws FollowerStopped where what is stored contradicts the log: nothing is written, and the operator is told
   */
  readonly take: (state: State, taken: Taken) => Promise<Made<State>>;
}

/** Events as a follower is given them. */
export interface Taken {
  readonly first: number;
  readonly events: readonly Uint8Array[];
  readonly leaves: readonly Uint8Array[];
  /** The log's tree after them. */
  readonly frontier: Frontier;
  /** Whether that is the tree of an authentic head: until then nothing shows that these are the log's events. */
  readonly isProven: boolean;
  /** Milliseconds; never before the last event. */
  readonly now: number;
}

export interface Made<State> {
  readonly state: State;
  readonly write: Partial<Pick<Commit, 'inserts' | 'checkpoints'>>;
}

/** What a follower found to contradict the log. */
export class FollowerStopped extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    super('a follower stopped: what is stored contradicts the log');
    this.name = 'FollowerStopped';
    this.finding = finding;
  }
}

/** A lease runs out after this many milliseconds, so that another process takes over from one that died. */
const LEASE = 5000;
/** Batches in a row: whatever else the process does on its own has its turn. */
const MOST_BATCHES = 64;

/** A follower at work in this process. */
export interface Following {
  /** Follows up to the head as it is, if nobody else does. Where there is nothing new it commits nothing. */
  readonly run: () => Promise<void>;
  /** Ends the lease, so that another process goes on at once. */
  readonly giveUp: () => Promise<void>;
}

/** What was stored of a follower, as far as it authenticates. */
interface Place<State> {
  readonly revision: number;
  readonly frontier: Frontier;
  readonly state: State;
}

/** @param holder names this process */
export function following<State>(
  core: Pick<Core, 'store' | 'queue' | 'world' | 'findings'>,
  follower: Follower<State>,
  { rowsKey, seal }: { readonly rowsKey: Secret; readonly seal: HeadSeal },
  holder: string,
): Following {
  const { name, most, fresh, encode, decode, take } = follower;
  const { store, queue, world, findings } = core;
  const seat = { name, holder, lease: LEASE, rowsKey };
  const isAnothers = leaseWatch(seat, world);

  const stop = (finding: Finding): null => {
    findings.note(finding);
    return null;
  };

  function placeOf(stored: FollowerRow | null): Place<State> {
    const revision = revisionOf(stored);
    if (stored !== null && isAuthentic(rowsKey, 'followers', stored)) {
      const frontier = decodeFrontier(stored.cursor, stored.frontier);
      const state = decode(stored.state, stored.cursor);
      if (frontier !== null && state !== null) return { revision, frontier, state };
    }
    // It begins anew: whatever it makes of the log it makes again.
    if (stored !== null) stop({ table: 'followers', record: name, problem: EDITED });
    return { revision, frontier: EMPTY, state: fresh };
  }

  /** The next events, with the tree after them; null where they are not what the head says. */
  async function nextOf(place: Place<State>, head: HeadRow, now: number): Promise<Taken | null> {
    const first = place.frontier.size;
    const count = Math.min(most, head.size - first);
    const rows = await store.eventsFrom(first, count);
    const missing = rows.findIndex(({ index }, i) => index !== first + i);
    if (missing >= 0 || rows.length < count) {
      const record = String(first + (missing >= 0 ? missing : rows.length));
      return stop({ table: 'events', record, problem: 'an event is missing' });
    }
    const events = rows.map(({ bytes }: EventRow) => bytes);
    const leaves = events.map(leafHash);
    const frontier = append(place.frontier, leaves);
    const isProven = frontier.size === head.size;
    if (isProven && !equalBytes(encodeFrontier(frontier), head.frontier)) return stop(UNFIT);
    return { first, events, leaves, frontier, isProven, now };
  }

  /** One batch. Returns whether there is more to do now. */
  async function batch(): Promise<boolean> {
    const [stored, head] = [await store.follower(name), await store.head()];
    if (head === null || !seal.verify(head)) {
      stop({ table: 'head', record: '*', problem: 'the head does not authenticate' });
      return false;
    }
    const now = Math.max(world.now(), head.lastAt);
    if (stored !== null && isAnothers(stored, now)) return false;
    const place = placeOf(stored);
    const { size } = place.frontier;
    if (
      size > head.size ||
      (size === head.size && !equalBytes(encodeFrontier(place.frontier), head.frontier))
    )
      stop(UNFIT);
    if (size >= head.size) return false;
    const taken = await nextOf(place, head, now);
    if (taken === null) return false;
    const { state, write } = await take(place.state, taken);
    const revision = place.revision + 1;
    const next = { frontier: taken.frontier, state: encode(state), revision, until: now + LEASE };
    const done = await queue.submit({ ...NOTHING, ...write, followers: [followerRow(seat, next)] });
    return done !== null && !taken.isProven;
  }

  return {
    run: async () => {
      try {
        for (let batches = 0; batches < MOST_BATCHES && (await batch()); batches++) await world.breathe();
      } catch (error) {
        if (!(error instanceof FollowerStopped)) throw error;
        stop(error.finding);
      }
    },
    giveUp: async () => {
      const row = givenUp(seat, await store.follower(name));
      if (row !== null) await queue.submit({ ...NOTHING, followers: [row] });
    },
  };
}

const UNFIT: Finding = {
  table: 'events',
  record: '*',
  problem: 'what was read of the log is not what its head says',
};
