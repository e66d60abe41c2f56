import { type Checkpoint, parseCheckpoint, signCheckpoint } from '../../log/checkpoint.ts';
import { prover } from '../../log/prove.ts';
import { EMPTY, root } from '../../log/tree.ts';
import type { Verifier } from '../../log/verifier.ts';
import { type AnchorAsking, AnchorContradicts, AnchorFailed, type AnchorNewest } from '../anchor.ts';
import type { HeadSeal } from '../commit/head.ts';
import type { Core } from '../core.ts';
import type { Secret } from '../../crypto/key.ts';
import { VaultError } from '../error.ts';
import { CannotOpen } from '../open.ts';
import { anchorRow } from './anchor-state.ts';
import { type AnchorPlace, anchorAt } from './anchoring.ts';
import { logSigner, logVerifiers, tileReader } from './checkpoints.ts';
import {
  Contradicted,
  type Contradiction,
  CONTRADICTIONS,
  contradictionSentence,
  heldAgainst,
} from './contradiction.ts';
import { type LogTree, publishedNow, treeNow, treeOf } from './log-tree.ts';

/** What the places keep, held against the log. */
export interface ReadBack {
  /**
   * Reads all of them.
   * @throws CannotOpen where the log does not continue one of them, or one that is required does not read
   */
  readonly all: () => Promise<void>;
  /** Holds what one of them says against the log. @throws AnchorFailed */
  readonly hold: (name: string, newest: AnchorNewest, confirmed: number) => Promise<void>;
  /** Where a place itself says that the log does not continue what it keeps. */
  readonly contradicted: (name: string) => void;
  /** What they keep, as far as this process knows. */
  readonly known: () => readonly Checkpoint[];
}

export interface ReadingBack {
  readonly core: Pick<Core, 'store' | 'queue' | 'world' | 'epochs' | 'findings'>;
  readonly places: readonly AnchorPlace[];
  readonly rowsKey: Secret;
  readonly seal: HeadSeal;
}

export function readBackOf({ core, places, rowsKey, seal }: ReadingBack): ReadBack {
  const { store, world, epochs, findings } = core;
  const known = new Map<string, Checkpoint>();

  const note = (name: string, problem: Contradiction): void =>
    findings.note({ table: 'followers', record: anchorRow(name), problem: CONTRADICTIONS[problem] });

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
      note(name, held.problem);
      throw new Contradicted(name, held.problem, newest.size, tree.size);
    }
    if (newest.size < confirmed) throw new AnchorFailed(LOST);
    if (held.checkpoint !== null) known.set(name, held.checkpoint);
  }

  /** @throws CannotOpen */
  function shorter(name: string, size: number, signed: number): never {
    note(name, 'shorter');
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
      note(name, 'forked');
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

  return {
    all: () =>
      readAll().catch(async (error: unknown) => {
        await findings.raise(core.queue, world);
        throw error;
      }),
    hold: holdNow,
    contradicted: (name) => note(name, 'forked'),
    known: () => [...known.values()],
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

const unread = (name: string, why: string): string =>
  `the anchor ${name} cannot be read back: ${why}. An anchor that is marked required: false holds up no start`;
