import { openCheckpoint } from './checkpoint.ts';
import { base64, NoteRefused, type Verifier } from './verifier.ts';
import { verifyInclusion } from './proof.ts';
import { HASH_BYTES, leafHash } from './tree.ts';

/** A proof that an entry is in a log, to be checked without the log: C2SP tlog-proof (c2sp.org/tlog-proof). */
export interface LogProof {
  readonly index: number;
  /** RFC 9162 2.1.3.1, from the leaf up. */
  readonly hashes: readonly Uint8Array[];
  /** The signed checkpoint, whole. */
  readonly checkpoint: string;
  /** Bytes of the log's own; empty where there are none. */
  readonly extra: Uint8Array;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
/** Of a tree of 2^63 leaves. */
const MOST_HASHES = 63;
const MOST_BYTES = 1_000_000;

export function encodeProof({ index, hashes, checkpoint, extra }: LogProof): string {
  const own = extra.length === 0 ? '' : `extra ${Buffer.from(extra).toString('base64')}\n`;
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  return `${HEADER}\n${own}index ${index}\n${lines}\n${checkpoint}`;
}

/** @throws NoteRefused */
export function parseProof(text: string): LogProof {
  const refused = new NoteRefused('this is no proof of c2sp.org/tlog-proof@v1');
  const end = text.indexOf('\n\n');
  if (text.length > MOST_BYTES || end < 0) throw refused;
  const [header, ...lines] = text.slice(0, end).split('\n');
  const extra =
    lines[0]?.startsWith('extra ') === true ? base64(lines.shift()?.slice('extra '.length) ?? '') : EMPTY;
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? [];
  if (header !== HEADER || extra === null || index === undefined || !Number.isSafeInteger(Number(index)))
    throw refused;
  const hashes = lines.map(base64);
  if (hashes.length > MOST_HASHES) throw refused;
  const whole = hashes.filter((hash) => hash?.length === HASH_BYTES) as Buffer[];
  if (whole.length !== hashes.length) throw refused;
  return { index: Number(index), hashes: whole, checkpoint: text.slice(end + 2), extra };
}

const EMPTY = Buffer.alloc(0);

/**
 * Holds an entry against its proof, under the log's key.
 * @returns the size of the log that it is shown to be in
 * @throws NoteRefused where it is not shown
 */
export function verifyProof(
  { index, hashes, checkpoint }: LogProof,
  entry: Uint8Array,
  verifier: Verifier,
): number {
  const { size, root } = openCheckpoint(Buffer.from(checkpoint), verifier);
  if (!verifyInclusion({ leaf: leafHash(entry), index, size, root, proof: hashes }))
    throw new NoteRefused('the proof does not lead from the entry to the checkpoint');
  return size;
}
