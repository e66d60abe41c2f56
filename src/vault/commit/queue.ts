import type { Secret } from '../../crypto/key.ts';
import { type HeadRow, type Store, StoreFailure } from '../store.ts';
import { type Commit, type Committed, raisesEpoch, weightOf } from './commit.ts';
import type { HeadSeal } from './head.ts';
import { type GroupResult, groupTransaction, HeadInvalid } from './transaction.ts';

/** A group's cap, in rows and events: what waits behind it waits no longer than some milliseconds. */
const GROUP_WEIGHT = 1024;
/** A group with a request above this weight is written beside this thread. */
const ASIDE_WEIGHT = 64;
/** What may wait, in rows and events; past it callers are refused at once. */
const MOST_WAITING = 32_768;

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
  /** The head after a group, and what the group cost. */
  readonly onHead: (head: HeadRow) => void;
  /** The store can no longer be trusted to keep what it acknowledges: the process must end. */
  readonly onFatal: (failure: StoreFailure) => void;
}

/**
 * Group commit: whatever waits while one transaction runs makes up the next, and callers are answered after it is
 * durable. Large requests have a queue of their own, and groups alternate between the two.
 */
export class CommitQueue {
  readonly #deps: QueueDeps;
  readonly #small: Waiting[] = [];
  readonly #large: Waiting[] = [];
  #waiting = 0;
  #turn: 'small' | 'large' = 'small';
  #draining: Promise<void> | null = null;
  #closed: StoreFailure | null = null;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
  }

  /** Rows and events that wait. */
  get depth(): number {
    return this.#waiting;
  }

  /**
   * @returns what it became once durable, or null if something that it relied on no longer holds: decide again
   * @throws StoreFailure if it is not known to be durable
   */
  submit(commit: Commit): Promise<Committed | null> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const weight = weightOf(commit);
    if (this.#waiting + weight > MOST_WAITING) {
      return Promise.reject(new StoreFailure('busy', 'too much waits to be committed'));
    }
    this.#waiting += weight;
    return new Promise((resolve, reject) => {
      (weight > GROUP_WEIGHT ? this.#large : this.#small).push({ commit, resolve, reject });
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
    for (let group = this.#next(); group.length > 0; group = this.#next()) {
      await this.#commit(group);
      await this.#deps.breathe();
    }
    this.#draining = null;
  }

  #next(): Waiting[] {
    this.#turn = this.#turn === 'small' && this.#large.length > 0 ? 'large' : 'small';
    if (this.#turn === 'large' || this.#small.length === 0) return this.#take(this.#large, 1);
    let weight = 0;
    const cut = this.#small.findIndex(({ commit }) => (weight += weightOf(commit)) > GROUP_WEIGHT);
    return this.#take(this.#small, cut === -1 ? this.#small.length : Math.max(1, cut));
  }

  #take(queue: Waiting[], count: number): Waiting[] {
    const group = queue.splice(0, count);
    for (const { commit } of group) this.#waiting -= weightOf(commit);
    return group;
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    let group = inOrder(waiting);
    try {
      while (group.length > 0) {
        const commits = group.map(({ commit }) => commit);
        const result = await this.#transact(commits);
        if (result.head !== null) this.#deps.onHead(result.head);
        if (result.kept) {
          for (const [i, { resolve }] of group.entries())
            resolve({ at: result.at, first: result.firsts[i] ?? -1 });
          return;
        }
        for (const i of result.failed) group[i]?.resolve(null);
        group = group.filter((_, i) => !result.failed.has(i));
      }
    } catch (error) {
      await this.#failed(group, error);
    }
  }

  /**
   * A group with a large request is written beside this thread. For single ones, telling another thread costs more than
   * it saves, and each writer's commit empties the other's page cache.
   */
  #transact(commits: readonly Commit[]): Promise<GroupResult> {
    const { store, now, seal, rowsKey } = this.#deps;
    if (commits.some((commit) => weightOf(commit) > ASIDE_WEIGHT))
      return store.transactAside(commits, now(), rowsKey);
    return store.transact(() => groupTransaction(commits, now, seal));
  }

  async #failed(group: readonly Waiting[], error: unknown): Promise<void> {
    const failure = failureOf(error);
    if (failure.kind === 'io' || error instanceof HeadInvalid) {
      this.#closed = failure;
      for (const { reject } of [...group, ...this.#small.splice(0), ...this.#large.splice(0)])
        reject(failure);
      this.#deps.onFatal(failure);
    } else if (failure.kind === 'other' && group.length > 1) {
      for (const one of group) await this.#commit([one]);
    } else {
      for (const { reject } of group) reject(failure);
    }
  }
}

/**
 * The order within a group: what shows, then what ends tokens, then what raises the epoch. So whatever was decided
 * beside an erasure or a revocation stands before it in the log.
 */
const inOrder = (waiting: readonly Waiting[]): Waiting[] =>
  waiting.toSorted((a, b) => rank(a.commit) - rank(b.commit));

const rank = (commit: Commit): number => (raisesEpoch(commit) ? 2 : commit.endings.length > 0 ? 1 : 0);

/** What callers and the operator are told: a store's own sentence, or that the head is not the vault's. */
function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  const message = error instanceof HeadInvalid ? error.message : 'a commit failed';
  return new StoreFailure('other', message, { cause: error });
}
