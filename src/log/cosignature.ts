import { parseNote, type Signer, signatureLine } from './note.ts';
import { cosignedMessage, NoteRefused, TIME_BYTES, timeOf, type Verifier } from './verifier.ts';

/** That a witness saw a checkpoint, and when: a signature line of C2SP tlog-cosignature (c2sp.org/tlog-cosignature). */
export interface Cosignature {
  /** Ends with a newline; it is put after the other signatures of the checkpoint. */
  readonly line: string;
  /** Seconds since 1970. */
  readonly time: number;
}

/**
 * Cosigns the text of a checkpoint, which is kept by then as the newest that was seen.
 * @param time seconds since 1970
 */
export function cosign({ verifier, sign }: Signer, text: string, time: number): Cosignature {
  const stamp = Buffer.alloc(TIME_BYTES);
  stamp.writeBigUInt64BE(BigInt(time));
  const signature = sign(cosignedMessage(BigInt(time), text));
  return { line: signatureLine(verifier, Buffer.concat([stamp, signature])), time };
}

/**
 * The cosignature of a witness among the lines that it answered with; lines of other keys mean nothing.
 * @param note the checkpoint that was sent
 * @throws NoteRefused where there is none of this key, or one that does not hold for this checkpoint
 */
export function openCosignature(note: string, lines: string, witness: Verifier): Cosignature {
  const split = note.lastIndexOf('\n\n');
  const text = note.slice(0, split + 1);
  const { text: signed, signatures } = parseNote(Buffer.from(`${text}\n${lines}`));
  // A blank line among them would make a text of another length.
  if (signed !== text) throw new NoteRefused('what a witness answers is signature lines');
  const found = signatures.find(({ name, id }) => name === witness.name && id.equals(witness.id));
  if (found === undefined) throw new NoteRefused('the witness did not sign with its key');
  const { signature } = found;
  if (!witness.holds(text, signature)) throw new NoteRefused('the signature of the witness does not hold');
  const time = Number(timeOf(signature));
  if (!Number.isSafeInteger(time)) throw new NoteRefused('a witness signs at a time');
  return { line: signatureLine(witness, signature), time };
}
