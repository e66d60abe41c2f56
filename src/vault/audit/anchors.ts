import type { Secret } from '../../crypto/key.ts';
import { type Checkpoint, parseCheckpoint, signCheckpoint } from '../../log/checkpoint.ts';
import { prover } from '../../log/prove.ts';
import { EMPTY, root } from '../../log/tree.ts';
import type { Verifier } from '../../log/verifier.ts';
import {
  ANCHOR_PATIENCE,
  type AnchorAsking,
  AnchorContradicts,
  AnchorFailed,
  type AnchorNewest,
} from '../anchor.ts';
import type { HeadSeal } from '../commit/head.ts';
import type { Core } from '../core.ts';
import { VaultError } from '../error.ts';
import { CannotOpen } from '../open.ts';
import { seldom } from '../pace.ts';
import { StoreFailure } from '../store.ts';
import { anchorRow } from './anchor-state.ts';
import { type AnchorPlace, anchorAt, type Shipping, shipping } from './anchoring.ts';
import { logSigner, logVerifiers, tileReader } from './checkpoints.ts';
import { type LogTree, publishedNow, treeNow, treeOf } from './log-tree.ts';
import { CONTRADICTIONS, type Contradiction, heldAgainst } from './read-back.ts';

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

interface Deps {
  readonly core: Pick<Core, 'store' | 'queue' | 'world' | 'epochs' | 'findings'>;
  readonly places: readonly AnchorPlace[];
  readonly rowsKey: Secret;
  readonly seal: HeadSeal;
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
  const { store, world, epochs, findings } = core;
  const known = new Map<string, Checkpoint>();
  let isRead = places.length === 0;
  let isClosing = false;

  /** @throws Contradicted */
  async function hold(
    name: string,
    newest: AnchorNewest,
    confirmed: number,
    tree: LogTree,
    verifiers: readonly Verifier[],
  ): Promise<void> {
    const held = await heldAgainst(newest, tree, verifiers);
    if ('problem' in held) {
      findings.note({
        table: 'followers',
        record: anchorRow(name),
        problem: CONTRADICTIONS[held.problem],
      });
      throw new Contradicted(name, held.problem, newest.size, tree.size);
    }
    if (newest.size < confirmed) throw new AnchorFailed(LOST);
    if (held.checkpoint !== null) known.set(name, held.checkpoint);
  }

  /** @throws CannotOpen */
  function shorter(name: string, size: number, signed: number): never {
    findings.note({ table: 'followers', record: anchorRow(name), problem: CONTRADICTIONS.shorter });
    throw new CannotOpen(contradictionSentence(name, 'shorter', size, signed));
  }

  /** Against what was filed where that is enough, as it is at all times but after a rollback. */
  async function holdNow(name: string, newest: AnchorNewest, confirmed: number): Promise<void> {
    const filed = await publishedNow(store, rowsKey);
    const isFiled = filed !== null && filed.edge.size >= newest.size;
    const tree = isFiled ? treeOf(store, filed) : await treeNow(core, rowsKey, seal);
    if (tree === null) throw new AnchorFailed('the log is not what its head says');
    await hold(name, newest, confirmed, tree, logVerifiers(await epochs.current(), tree.keys));
  }

  /** The newest that is signed and stored; before the first, one of an empty log: it says nothing that could be untrue. */
  async function asking(): Promise<AnchorAsking> {
    const filed = await publishedNow(store, rowsKey);
    if (filed !== null && filed.note !== '') {
      const { size } = parseCheckpoint(filed.note);
      const proofs = prover(size, tileReader(store, filed.edge));
      return { note: filed.note, size, consistency: (from) => proofs.consistency(from) };
    }
    const { keys, vaultId } = await epochs.current();
    const signer = logSigner(keys, vaultId);
    const empty = { origin: signer.verifier.name, size: 0, root: root(EMPTY) };
    return { note: signCheckpoint(empty, signer), size: 0, consistency: async () => [] };
  }

  /** What a place keeps, and what it had confirmed before it was asked. */
  async function readOne({ anchor, required }: AnchorPlace): Promise<Read | null> {
    const { at } = await anchorAt(store, anchor.name, rowsKey);
    try {
      const asked = await asking();
      const newest = (await anchor.newest(asked)) ?? NOTHING_KEPT;
      return { name: anchor.name, required, newest, asked: asked.size, confirmed: at.frontier.size };
    } catch (error) {
      return excused(anchor.name, required, error);
    }
  }

  /** @throws CannotOpen where it is required */
  function excused(name: string, required: boolean, error: unknown): null {
    if (error instanceof Contradicted) throw new CannotOpen(error.sentence);
    if (error instanceof AnchorContradicts) {
      contradicted(name);
      throw new CannotOpen(contradictionSentence(name, 'forked', error.size, 0));
    }
    if (!(error instanceof AnchorFailed)) throw error;
    if (required) throw new CannotOpen(unread(name, error.message));
    world.notice({ kind: 'anchor', anchor: name, reason: error.message });
    return null;
  }

  async function readAll(): Promise<void> {
    const read = await all(places.map(readOne));
    // After them: another process may have brought one of them something newer meanwhile, but nothing that is not in the log.
    const tree = await treeNow(core, rowsKey, seal);
    if (tree === null) throw new VaultError('integrity');
    const verifiers = logVerifiers(await epochs.current(), tree.keys);
    const filed = (await publishedNow(store, rowsKey))?.edge.size ?? 0;
    await all(
      read.map(async (one) => {
        if (one === null) return;
        const { name, required, newest, asked, confirmed } = one;
        // Of a size alone nobody can say whether the log continues it. What was brought to a place is stored before.
        const signed = Math.max(asked, filed);
        if (newest.note === null && newest.size > signed) return shorter(name, newest.size, signed);
        await hold(name, newest, confirmed, tree, verifiers).catch((error: unknown) =>
          excused(name, required, error),
        );
      }),
    );
  }

  async function readBack(): Promise<void> {
    if (places.length > 0)
      await readAll().catch(async (error: unknown) => {
        await findings.raise(core.queue, world);
        throw error;
      });
    isRead = true;
  }

  const workers = places.map((place): Worker => {
    const { name } = place.anchor;
    return {
      place,
      shipping: shipping(place, {
        core,
        seat: { holder, rowsKey },
        hold: (newest, confirmed) => holdNow(name, newest, confirmed),
        isClosing: () => isClosing,
      }),
      tell: seldom(world.now, (reason) => world.notice({ kind: 'anchor', anchor: name, reason })),
      running: null,
      failures: 0,
      inARow: 0,
      next: 0,
    };
  });

  /** Where a place itself says so. */
  const contradicted = (name: string): void =>
    findings.note({ table: 'followers', record: anchorRow(name), problem: CONTRADICTIONS.forked });

  async function work(worker: Worker): Promise<void> {
    try {
      await worker.shipping.run();
      worker.inARow = 0;
    } catch (error) {
      if (error instanceof AnchorContradicts) contradicted(worker.place.anchor.name);
      worker.failures += 1;
      worker.inARow += 1;
      worker.next = world.now() + Math.min(MOST_WAIT, 1000 * 2 ** Math.min(worker.inARow - 1, 6));
      worker.tell(reasonOf(error));
    } finally {
      worker.running = null;
    }
  }

  return {
    readBack,
    isReadBack: () => isRead,
    known: () => [...known.values()],
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

interface Read {
  readonly name: string;
  readonly required: boolean;
  readonly newest: AnchorNewest;
  /** The size that it was asked with. */
  readonly asked: number;
  readonly confirmed: number;
}

const NOTHING_KEPT: AnchorNewest = { size: 0, note: null };

/** All of them, whatever becomes of one; then the first that failed. */
async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

const LOST = 'it keeps less than it confirmed: if its place was replaced, give the new one another name';

/** The log does not continue what a place keeps. */
class Contradicted extends AnchorFailed {
  readonly sentence: string;

  constructor(name: string, problem: Contradiction, size: number, events: number) {
    super(CONTRADICTIONS[problem]);
    this.name = 'Contradicted';
    this.sentence = contradictionSentence(name, problem, size, events);
  }
}

/** What an operator is told; doctor says the same. */
export function contradictionSentence(
  name: string,
  problem: Contradiction,
  size: number,
  events: number,
): string {
  const what = {
    shorter: `the anchor ${name} keeps a checkpoint of ${size} events, and the log of this store has ${events}: the store was put back to an older state, or is another vault's`,
    forked: `the anchor ${name} keeps a checkpoint of ${size} events that the log of this store does not continue: the store was put back and went on, or was changed`,
    unknown: `what the anchor ${name} keeps is no checkpoint that this vault signed, as far as this store tells: the store was put back to before its log got another key, or the place is another vault's, or was changed`,
  }[problem];
  return `${what}. It is not served. Keep both as evidence; docs/operations.md, "When an anchor is ahead", says what to do`;
}

const unread = (name: string, why: string): string =>
  `the anchor ${name} cannot be read back: ${why}. An anchor that is marked required: false holds up no start`;

function reasonOf(error: unknown): string {
  if (error instanceof AnchorFailed || error instanceof VaultError || error instanceof StoreFailure)
    return error.message;
  return 'something failed that should not have';
}

/** A lease that could not be given up runs out. */
function ignoreLost(error: unknown): void {
  if (!(error instanceof StoreFailure)) throw error;
}
