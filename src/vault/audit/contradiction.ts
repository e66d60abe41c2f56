import { openCheckpoint, type Checkpoint } from '../../log/checkpoint.ts';
import { verifyConsistency } from '../../log/proof.ts';
import { TileMissing } from '../../log/prove.ts';
import { unlessRefused, type Verifier } from '../../log/verifier.ts';
import { AnchorFailed, type AnchorNewest } from '../anchor.ts';
import type { LogTree } from './log-tree.ts';

/** Why a store is not what a place keeps of it. */
export type Contradiction = 'shorter' | 'forked' | 'unknown';

/** In integrity events; constant. */
export const CONTRADICTIONS: Readonly<Record<Contradiction, string>> = {
  shorter: 'the anchor keeps a checkpoint of more events than the log has',
  forked: 'the log does not continue what the anchor keeps',
  unknown: 'what the anchor keeps is signed by nobody that the vault knows',
};

/**
 * Holds what a place keeps against the log.
 * @returns the checkpoint, which the log continues (null where the place tells only a size), or why it does not
 */
export async function heldAgainst(
  { size, note }: AnchorNewest,
  tree: Pick<LogTree, 'size' | 'root' | 'consistency'>,
  verifiers: readonly Verifier[],
): Promise<{ readonly checkpoint: Checkpoint | null } | { readonly problem: Contradiction }> {
  if (note === null) return size > tree.size ? { problem: 'shorter' } : { checkpoint: null };
  const checkpoint = openedBy(note, verifiers);
  if (checkpoint === null) return { problem: 'unknown' };
  if (checkpoint.size > tree.size) return { problem: 'shorter' };
  return (await isContinued(checkpoint, tree)) ? { checkpoint } : { problem: 'forked' };
}

/** Null for a note that none of these signed. */
export function openedBy(note: string, verifiers: readonly Verifier[]): Checkpoint | null {
  for (const verifier of verifiers) {
    const checkpoint = unlessRefused(() => openCheckpoint(Buffer.from(note), verifier));
    if (checkpoint !== null) return checkpoint;
  }
  return null;
}

async function isContinued(
  { size: oldSize, root: oldRoot }: Checkpoint,
  { size: newSize, root: newRoot, consistency }: Pick<LogTree, 'size' | 'root' | 'consistency'>,
): Promise<boolean> {
  // Of an empty log nothing can be said that is not so.
  if (oldSize === 0) return true;
  const proof = await consistency(oldSize).catch((error: unknown) => {
    if (error instanceof TileMissing) return null;
    throw error;
  });
  return proof !== null && verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof });
}

/** The log does not continue what a place keeps. */
export class Contradicted extends AnchorFailed {
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
