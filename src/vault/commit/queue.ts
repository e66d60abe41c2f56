import type { Secret } from '../../crypto/key.ts';
import type { Observer } from '../observer.ts';
import type { HeadRow } from '../rows.ts';
import { type Store, StoreFailure } from '../store.ts';
import { type Commit, type Committed, type GroupResult, raisesEpoch, weightOf } from './commit.ts';
import type { HeadSeal } from './head.ts';
import { Lanes, weightOfAll } from './lanes.ts';
import { groupTransaction, HeadInvalid } from './transaction.ts';

/** A group with a request above this weight is written beside this thread. */
const ASIDE_WEIGHT = 64;
/** What may wait, in rows and events; past it callers are refused at once. */
const MOST_WAITING = 32_768;
/** How long a large request is held for small ones that are owed a turn, in milliseconds: an answered caller asks again. */
const HOLD = 1;

interface Waiting {
  readonly commit: Commit;
  readonly resolve: (committed: Committed | null) => void;
  readonly reject: (failure: StoreFailure) => void;
}

export interface QueueDeps {
  readonly store: Store;
  readonly seal: HeadSeal;
  /** The key behind the seal, for a group that is committed beside this thread. */
  readonly rowsKey: Secret;
  readonly now: () => number;
  /** Lets the event loop turn: new requests join the next group. */
  readonly breathe: () => Promise<void>;
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly observer: Observer;
  /** The head that a group met or left. */
  readonly onHead: (head: HeadRow) => void;
  /** A group failed, and its callers were told. */
  readonly onFailure: (failure: StoreFailure) => void;
  /** The store can no longer be trusted to keep what it acknowledges: the process must end. */
  readonly onFatal: (failure: StoreFailure) => void;
}

/**
 * Group commit: whatever waits while one transaction runs makes up the next, and callers are answered after it is
 * durable. Large requests have a queue of their own, and the two share the time.
 */
export class CommitQueue {
  readonly #deps: QueueDeps;
  readonly #lanes = new Lanes<Waiting>();
  #wake = (): void => undefined;
  #draining: Promise<void> | null = null;
  #closed: StoreFailure | null = null;
  /** Set once and for good: nothing is known to be durable any more. */
  #broken: StoreFailure | null = null;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
  }

  /** Rows and events that wait. */
  get waiting(): number {
    return this.#lanes.weight;
  }

  /**
   * @returns what it became once durable, or null if something that it relied on no longer holds: decide again
   * @throws StoreFailure if it is not known to be durable
   */
  submit(commit: Commit): Promise<Committed | null> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    if (this.#lanes.weight + weightOf(commit) > MOST_WAITING) {
      return Promise.reject(new StoreFailure('busy', 'too much waits to be committed'));
    }
    return new Promise((resolve, reject) => {
      this.#lanes.add({ commit, resolve, reject });
      if (!this.#lanes.isHeld) this.#wake();
      this.#draining ??= this.#drain();
    });
  }

  /** Commits what waits and takes nothing more. */
  async close(): Promise<void> {
    this.#closed ??= new StoreFailure('busy', 'the vault is closing');
    await this.#draining;
  }

  async #drain(): Promise<void> {
    await this.#deps.breathe();
    for (let group = this.#lanes.next(); group.length > 0; group = this.#lanes.next()) {
      await this.#commit(group);
      await this.#deps.breathe();
      if (this.#lanes.isHeld) await this.#hold();
    }
    this.#draining = null;
  }

  /** Waits a moment for a small request; if none comes, a large one has its turn. */
  async #hold(): Promise<void> {
    const came = new Promise<void>((wake) => {
      this.#wake = wake;
    });
    await Promise.race([came, this.#deps.pause(HOLD)]);
    // What arrived while this thread was busy is read only now.
    await this.#deps.breathe();
    if (this.#lanes.isHeld) this.#lanes.forgive();
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    const { observer } = this.#deps;
    let group = inOrder(waiting);
    let started = 0;
    try {
      if (this.#broken !== null) throw this.#broken;
      while (group.length > 0) {
        const commits = group.map(({ commit }) => commit);
        started = observer.tick();
        const result = await this.#transact(commits);
        if (result.head !== null) this.#deps.onHead(result.head);
        if (result.kept) {
          for (const [i, { resolve }] of group.entries())
            resolve({ at: result.at, first: result.firsts[i] ?? -1 });
          break;
        }
        observer.again(result.failed.size);
        for (const i of result.failed) group[i]?.resolve(null);
        group = group.filter((_, i) => !result.failed.has(i));
      }
    } catch (error) {
      await this.#failed(group, error);
      return;
    }
    // After what is caught: a group that is durable is not tried again, whatever becomes of its figures.
    if (group.length > 0) observer.group(group.length, weightOfAll(group), observer.tick() - started);
  }

  /**
   * A group with a large request is written beside this thread. For single ones, telling another thread costs more than
   * it saves, and each writer's commit empties the other's page cache.
   */
  #transact(commits: readonly Commit[]): Promise<GroupResult> {
    const { store, now, seal, rowsKey } = this.#deps;
    if (commits.some((commit) => weightOf(commit) > ASIDE_WEIGHT))
      return store.transactAside(commits, now, rowsKey);
    return store.transact(() => groupTransaction(commits, now, seal));
  }

  async #failed(group: readonly Waiting[], error: unknown): Promise<void> {
    const failure = failureOf(error);
    if (error === this.#broken) {
      for (const { reject } of group) reject(failure);
    } else if (failure.kind === 'io' || error instanceof HeadInvalid) {
      this.#closed = failure;
      this.#broken = failure;
      for (const { reject } of [...group, ...this.#lanes.takeAll()]) reject(failure);
      this.#deps.onFatal(failure);
    } else if (failure.kind === 'other' && group.length > 1) {
      for (const one of group) await this.#commit([one]);
    } else {
      this.#deps.observer.failed(group.length, failure.kind);
      this.#deps.onFailure(failure);
      for (const { reject } of group) reject(failure);
    }
  }
}

/**
 * The order within a group: what shows, then what ends tokens or replaces values, then what raises the epoch. Of those that
 * end something, they that rely on other values come first. So whatever was decided beside an erasure or a revocation
 * stands before it in the log, and what closes the store stands behind all.
 */
const inOrder = (waiting: readonly Waiting[]): Waiting[] =>
  waiting.toSorted((a, b) => rank(a.commit) - rank(b.commit));

function rank(commit: Commit): number {
  if (commit.turn !== null) return 4;
  if (raisesEpoch(commit)) return 3;
  if (commit.endings.length + commit.replacements.length === 0) return 0;
  return commit.relied.length > 0 ? 1 : 2;
}

/** What callers and the operator are told: a store's own sentence, or that the head is not the vault's. */
function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  const message = error instanceof HeadInvalid ? error.message : 'a commit failed';
  return new StoreFailure('other', message, { cause: error });
}
