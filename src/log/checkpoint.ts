import { openNote, type Signer, signNote } from './note.ts';
import { base64, NoteRefused, type Verifier } from './verifier.ts';
import { HASH_BYTES } from './tree.ts';

/** A state of a log, signed: a note of C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Names the log; also the name of the key that signs. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Lines of origin, size and root; what other logs may add after them is read over. */
const checkpointText = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;

export const signCheckpoint = (checkpoint: Checkpoint, signer: Signer): string =>
  signNote(checkpointText(checkpoint), [signer]);

/**
 * Reads the text of a checkpoint.
 * @throws NoteRefused
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', encoded = ''] = text.split('\n');
  const root = base64(encoded);
  const isDecimal = /^(?:0|[1-9]\d{0,15})$/.test(size) && Number.isSafeInteger(Number(size));
  if (origin === '' || !isDecimal || root?.length !== HASH_BYTES)
    throw new NoteRefused('a checkpoint is an origin, a size and a root');
  return { origin, size: Number(size), root };
}

/**
 * Opens a signed checkpoint of the log that this key signs for: the name of the key is the log's origin.
 * @throws NoteRefused
 */
export function openCheckpoint(note: Uint8Array, verifier: Verifier): Checkpoint {
  const checkpoint = parseCheckpoint(openNote(note, [verifier]).text);
  if (checkpoint.origin !== verifier.name) throw new NoteRefused('the checkpoint is of another log');
  return checkpoint;
}
