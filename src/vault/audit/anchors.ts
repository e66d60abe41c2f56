import type { Checkpoint } from '../../log/checkpoint.ts';
import { ANCHOR_PATIENCE, AnchorContradicts, AnchorFailed } from '../anchor.ts';
import { VaultError } from '../error.ts';
import { seldom } from '../pace.ts';
import { StoreFailure } from '../store.ts';
import { type AnchorPlace, anchorAt, type Shipping, shipping } from './anchoring.ts';
import { readBackOf, type ReadingBack } from './read-back.ts';

/** How an anchor does, for whoever watches it. */
export interface AnchorFigures {
  readonly name: string;
  /** Events of the log that it has confirmed, and when, in milliseconds; 0 before the first. */
  readonly size: number;
  readonly at: number;
  /** Times that it failed, since this process started. */
  readonly failures: number;
}

/** The places off the host, as this process sees to them. */
export interface Anchors {
  /**
   * Reads all of them back and holds the log against them.
   * @throws CannotOpen where the log does not continue one of them, or one that is required does not read
   */
  readonly readBack: () => Promise<void>;
  /** Whether that is done: until then nothing is signed. */
  readonly isReadBack: () => boolean;
  /** What they keep, as far as this process knows: whatever is signed must continue it. */
  readonly known: () => readonly Checkpoint[];
  /** Begins to bring each what it lacks, and waits for none. */
  readonly tick: () => void;
  readonly figures: () => Promise<readonly AnchorFigures[]>;
  readonly close: () => Promise<void>;
}

interface Deps extends ReadingBack {
  /** Names this process. */
  readonly holder: string;
}

/** One at work. */
interface Worker {
  readonly place: AnchorPlace;
  readonly shipping: Shipping;
  readonly tell: (reason: string) => void;
  running: Promise<void> | null;
  failures: number;
  inARow: number;
  /** Not before this time, in milliseconds. */
  next: number;
}

const isRunning = ({ running }: Worker): boolean => running !== null;

/** Between two looks at whether it has ended, in milliseconds. */
const GLANCE = 25;
/** The longest that a place which failed is left alone, in milliseconds. */
const MOST_WAIT = 60_000;

export function anchorsOf({ core, places, rowsKey, seal, holder }: Deps): Anchors {
  const { store, world } = core;
  const back = readBackOf({ core, places, rowsKey, seal });
  let isRead = places.length === 0;
  let isClosing = false;

  const workers = places.map((place): Worker => {
    const { name } = place.anchor;
    return {
      place,
      shipping: shipping(place, {
        core,
        seat: { holder, rowsKey },
        hold: (newest, confirmed) => back.hold(name, newest, confirmed),
        isClosing: () => isClosing,
      }),
      tell: seldom(world.now, (reason) => world.notice({ kind: 'anchor', anchor: name, reason })),
      running: null,
      failures: 0,
      inARow: 0,
      next: 0,
    };
  });

  async function work(worker: Worker): Promise<void> {
    try {
      await worker.shipping.run();
      worker.inARow = 0;
    } catch (error) {
      if (error instanceof AnchorContradicts) back.contradicted(worker.place.anchor.name);
      worker.failures += 1;
      worker.inARow += 1;
      worker.next = world.now() + Math.min(MOST_WAIT, 1000 * 2 ** Math.min(worker.inARow - 1, 6));
      worker.tell(reasonOf(error));
    } finally {
      worker.running = null;
    }
  }

  return {
    readBack: async () => {
      if (places.length > 0) await back.all();
      isRead = true;
    },
    isReadBack: () => isRead,
    known: back.known,
    tick: () => {
      if (!isRead || isClosing) return;
      const now = world.now();
      for (const worker of workers)
        // A clock that was put back keeps nothing waiting.
        if (worker.running === null && (now >= worker.next || worker.next - now > MOST_WAIT))
          worker.running = work(worker);
    },
    figures: () =>
      Promise.all(
        workers.map(async ({ place, failures }) => {
          const { name } = place.anchor;
          const { at } = await anchorAt(store, name, rowsKey);
          return { name, size: at.frontier.size, at: at.state.at, failures };
        }),
      ),
    close: async () => {
      isClosing = true;
      // One call may be under way; none is waited for that does not end when it must.
      for (let waited = 0; waited < ANCHOR_PATIENCE && workers.some(isRunning); waited += GLANCE)
        await world.pause(GLANCE);
      for (const worker of workers.filter((one) => !isRunning(one)))
        await worker.shipping.giveUp().catch(ignoreLost);
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof AnchorFailed || error instanceof VaultError || error instanceof StoreFailure)
    return error.message;
  return 'something failed that should not have';
}

/** A lease that could not be given up runs out. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof StoreFailure)) throw error;
}
