import { type Commit, weightOf } from './commit.ts';

/** A group's cap, in rows and events: what waits behind it waits no longer than some milliseconds. */
const GROUP_WEIGHT = 1024;
/** What a group costs beside its rows and events, as so many of them: its sync. */
const GROUP_COST = 64;

/**
 * What waits to be committed, in two queues: requests heavier than a group have one of their own. After each large
 * request the small ones are owed as much as it cost, so that whoever asks for one thing waits for one large request
 * at most, and mostly for none, while large ones still have half of the time.
 */
export class Lanes<W extends { readonly commit: Commit }> {
  readonly #small: W[] = [];
  readonly #large: W[] = [];
  #weight = 0;
  /** What small groups may still cost before the next large request; at first, one group. */
  #owed = 1;
  /** Whether small requests have been taken since the large one before the last, and since the last. */
  #busy = { before: false, now: false };

  /** Rows and events that wait. */
  get weight(): number {
    return this.#weight;
  }

  add(waiting: W): void {
    const weight = weightOf(waiting.commit);
    this.#weight += weight;
    (weight > GROUP_WEIGHT ? this.#large : this.#small).push(waiting);
  }

  /** Whether a large request is next only because the small ones that are owed have not come yet, though some do come. */
  get isHeld(): boolean {
    const busy = this.#busy.before || this.#busy.now;
    return this.#owed > 0 && busy && this.#small.length === 0 && this.#large.length > 0;
  }

  /** Nobody came for what was owed. */
  forgive(): void {
    this.#owed = 0;
  }

  /** The next group; empty when nothing waits. */
  next(): W[] {
    const isSmall = this.#small.length > 0 && (this.#owed > 0 || this.#large.length === 0);
    return isSmall ? this.#nextSmall() : this.#nextLarge();
  }

  /** Everything that waits. */
  takeAll(): W[] {
    return [...this.#take(this.#small, this.#small.length), ...this.#take(this.#large, this.#large.length)];
  }

  #nextSmall(): W[] {
    let weight = 0;
    const cut = this.#small.findIndex(({ commit }) => (weight += weightOf(commit)) > GROUP_WEIGHT);
    const group = this.#take(this.#small, cut === -1 ? this.#small.length : Math.max(1, cut));
    if (this.#large.length > 0) this.#owed -= GROUP_COST + weightOfAll(group);
    this.#busy.now = true;
    return group;
  }

  #nextLarge(): W[] {
    const group = this.#take(this.#large, 1);
    if (group.length === 0) return group;
    this.#owed = weightOfAll(group);
    this.#busy = { before: this.#busy.now, now: false };
    return group;
  }

  #take(queue: W[], count: number): W[] {
    const group = queue.splice(0, count);
    this.#weight -= weightOfAll(group);
    return group;
  }
}

/** Rows and events of a group. */
export const weightOfAll = (group: readonly { readonly commit: Commit }[]): number =>
  group.reduce((sum, { commit }) => sum + weightOf(commit), 0);
