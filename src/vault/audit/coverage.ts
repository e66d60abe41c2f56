import { equalBytes } from '../../crypto/encoding.ts';
import type { Secret } from '../../crypto/key.ts';
import { verifyInclusion } from '../../log/proof.ts';
import { append, encodeFrontier, EMPTY, type Frontier, leafHash } from '../../log/tree.ts';
import type { Call } from '../call.ts';
import { timeIn } from '../commit/event.ts';
import type { HeadSeal } from '../commit/head.ts';
import type { Coverage, World } from '../core.ts';
import { VaultError } from '../error.ts';
import { seldom } from '../pace.ts';
import type { Demand } from '../policy/demand.ts';
import type { HeadRow } from '../rows.ts';
import { type Store, StoreFailure } from '../store.ts';
import { anchorAt } from './anchoring.ts';
import { publishedNow, treeOf } from './log-tree.ts';

/**
 * Refuses to show anything of a value while some event is older than the policy allows and no anchor covers it. Costs nothing
 * while that is not so.
 * @returns null where there is nothing to wait for
 * @throws VaultError `audit_unavailable`, from the promise
 */
export function mustBeAnchored({ core, epoch, now }: Call): Promise<void> | null {
  const { demand } = epoch.policy;
  return demand === null ? null : core.coverage.mustHold(demand, now);
}

/** What two clocks may be apart, in milliseconds. */
const APART = 2000;
/** How often a log that is behind is looked at again, in milliseconds. */
const AGAIN = 1000;
/** Uncovered events that are read to prove one of them, where no tiles do. */
const MOST_READ = 1024;
const NEVER = Number.NEGATIVE_INFINITY;

interface Deps {
  readonly store: Store;
  readonly world: World;
  readonly seal: HeadSeal;
  readonly rowsKey: Secret;
  /** Of the anchors that this process knows of. */
  readonly names: readonly string[];
}

export function coverageOf({ store, world, seal, rowsKey, names }: Deps): Coverage {
  /** No event that so many anchors do not cover was committed before this time: it only ever grows. */
  let since = { atLeast: 0, at: NEVER };
  let looked = { at: NEVER, done: Promise.resolve() };
  const tell = seldom<string>(world.now, (reason) => world.notice({ kind: 'anchor', anchor: '*', reason }));

  const sinceOf = (atLeast: number): number => (since.atLeast === atLeast ? since.at : NEVER);

  /** What `atLeast` of them have confirmed. Rows that were put back have confirmed less. */
  async function covered(atLeast: number): Promise<Frontier> {
    const rows = await Promise.all(names.map((name) => anchorAt(store, name, rowsKey)));
    const frontiers = rows.map(({ at }) => at.frontier).toSorted((a, b) => b.size - a.size);
    return frontiers[atLeast - 1] ?? EMPTY;
  }

  /** When the first uncovered event was committed, or could have been; NEVER where nothing proves that. */
  async function firstUncovered(atLeast: number): Promise<number> {
    const anchored = await covered(atLeast);
    const asked = world.now();
    const head = await store.head();
    if (head === null || !seal.verify(head) || anchored.size > head.size) return NEVER;
    if (anchored.size < head.size) return provenTime(anchored, head);
    return equalBytes(encodeFrontier(anchored), head.frontier) ? asked - APART : NEVER;
  }

  /** The time in an event that the log's tree has at that place: whoever writes the database could else make it younger. */
  async function provenTime(anchored: Frontier, head: HeadRow): Promise<number> {
    const index = anchored.size;
    const published = await publishedNow(store, rowsKey);
    if (published !== null && published.edge.size > index) {
      const [event] = await store.eventsFrom(index, 1);
      if (event === undefined || event.index !== index) return NEVER;
      const { size, root, inclusion } = treeOf(store, published);
      const proof = await inclusion(index).catch(() => []);
      const isProven = verifyInclusion({ leaf: leafHash(event.bytes), index, size, root, proof });
      return isProven ? (timeIn(event.bytes) ?? NEVER) : NEVER;
    }
    if (head.size - index > MOST_READ) return NEVER;
    const events = await store.eventsFrom(index, head.size - index);
    const grown = append(
      anchored,
      events.map(({ bytes }) => leafHash(bytes)),
    );
    const [first] = events;
    if (first === undefined || !equalBytes(encodeFrontier(grown), head.frontier)) return NEVER;
    return timeIn(first.bytes) ?? NEVER;
  }

  async function look(atLeast: number): Promise<void> {
    const at = await firstUncovered(atLeast);
    since = { atLeast, at: Math.max(sinceOf(atLeast), at) };
  }

  function lookAgain(atLeast: number): Promise<void> {
    const now = world.now();
    if (since.atLeast === atLeast && Math.abs(now - looked.at) < AGAIN) return looked.done;
    looked = { at: now, done: look(atLeast) };
    return looked.done;
  }

  async function mustHoldNow({ maxAge, atLeast }: Demand, now: number): Promise<void> {
    try {
      await lookAgain(atLeast);
    } catch (error) {
      if (error instanceof StoreFailure) throw new VaultError('audit_unavailable', null, error);
      throw error;
    }
    if (now - sinceOf(atLeast) <= maxAge) return;
    tell('the log is not anchored as the policy asks: nothing of a value is shown');
    throw new VaultError('audit_unavailable');
  }

  return {
    mustHold: (demand, now) =>
      now - sinceOf(demand.atLeast) <= demand.maxAge ? null : mustHoldNow(demand, now),
    keep: async (demand) => {
      if (demand === null || Math.abs(world.now() - sinceOf(demand.atLeast)) < demand.maxAge / 4) return;
      await lookAgain(demand.atLeast);
    },
  };
}
