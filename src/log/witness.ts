import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { openNote } from './note.ts';
import { base64, unlessRefused, type Verifier } from './verifier.ts';
import { verifyConsistency } from './proof.ts';
import { EMPTY, HASH_BYTES, root as rootOf } from './tree.ts';

/** What a witness decides on a request of C2SP tlog-witness (c2sp.org/tlog-witness), without its network and its disk. */

/** The newest checkpoint of a log that it cosigned; of size 0 before the first. */
export interface Witnessed {
  readonly size: number;
  readonly root: Uint8Array;
}

/** A log that it knows. */
export interface WitnessedLog {
  readonly verifiers: readonly Verifier[];
  readonly newest: Witnessed;
}

/** To be cosigned once it is kept that it was; or refused, with the status of HTTP. On 409 the answer is the size. */
export type WitnessDecision =
  | { readonly status: 200; readonly signed: SignedCheckpoint }
  | { readonly status: 409; readonly size: number; readonly signed: SignedCheckpoint }
  | { readonly status: 400 | 403 | 404 | 422; readonly signed: SignedCheckpoint | null };

/** A checkpoint whose signature of its log held. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** What was signed, other lines of the log's included. */
  readonly text: string;
  readonly note: Uint8Array;
}

const MOST_HASHES = 63;

/** @param logOf the log of an origin; null for one that is not witnessed */
export function decideCheckpoint(
  body: Uint8Array,
  logOf: (origin: string) => WitnessedLog | null,
): WitnessDecision {
  const request = parseRequest(body);
  if (request === null) return { status: 400, signed: null };
  const { oldSize, proof, note, text, checkpoint } = request;
  const log = logOf(checkpoint.origin);
  if (log === null) return { status: 404, signed: null };
  if (!opensUnder(note, log.verifiers)) return { status: 403, signed: null };
  const signed = { checkpoint, text, note };
  if (oldSize > checkpoint.size) return { status: 400, signed };
  const { size } = log.newest;
  if (oldSize !== size || contradicts(log.newest, checkpoint)) return { status: 409, size, signed };
  return isContinued(log.newest, checkpoint, proof) ? { status: 200, signed } : { status: 422, signed };
}

/** Whether a log has signed two states of one size: no honest one does. */
export const contradicts = ({ size, root }: Witnessed, checkpoint: Checkpoint): boolean =>
  size > 0 && size === checkpoint.size && Buffer.compare(root, checkpoint.root) !== 0;

function isContinued(
  { size, root }: Witnessed,
  { size: newSize, root: newRoot }: Checkpoint,
  proof: readonly Uint8Array[],
): boolean {
  if (size > 0) return verifyConsistency({ oldSize: size, oldRoot: root, newSize, newRoot, proof });
  // Whatever it begins with continues nothing, but there is only one empty log.
  return proof.length === 0 && (newSize > 0 || Buffer.compare(newRoot, rootOf(EMPTY)) === 0);
}

const opensUnder = (note: Uint8Array, verifiers: readonly Verifier[]): boolean =>
  unlessRefused(() => openNote(note, verifiers)) !== null;

interface AddCheckpoint {
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  readonly note: Uint8Array;
  readonly text: string;
  readonly checkpoint: Checkpoint;
}

/** `old SIZE`, hashes a line, an empty line, a checkpoint. */
export function encodeAddCheckpoint(
  oldSize: number,
  proof: readonly Uint8Array[],
  checkpoint: string,
): string {
  const hashes = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  return `old ${oldSize}\n${hashes}\n${checkpoint}`;
}

function parseRequest(body: Uint8Array): AddCheckpoint | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const end = bytes.indexOf('\n\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\n');
  const [, old] = /^old (0|[1-9]\d{0,15})$/.exec(first) ?? [];
  const proof = lines.flatMap((line) => base64(line) ?? []);
  const isProof = lines.length <= MOST_HASHES && proof.length === lines.length && proof.every(isHash);
  if (old === undefined || !Number.isSafeInteger(Number(old)) || !isProof) return null;
  const note = bytes.subarray(end + 2);
  const split = note.lastIndexOf('\n\n');
  const text = note.toString('utf8', 0, split + 1);
  const checkpoint = unlessRefused(() => parseCheckpoint(text));
  return checkpoint === null ? null : { oldSize: Number(old), proof, note, text, checkpoint };
}

const isHash = ({ length }: Uint8Array): boolean => length === HASH_BYTES;
