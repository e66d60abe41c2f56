import { base64, ID_BYTES, isName, NoteRefused, type Verifier } from './verifier.ts';

/** Signed notes as C2SP signed-note has them (c2sp.org/signed-note): text, a blank line, signature lines. */

/** Who signs: this room has no private keys. */
export interface Signer {
  readonly verifier: Verifier;
  /** The signature of a message, as RFC 8032 has it. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** A note whose signatures by these verifiers hold. */
export interface OpenedNote {
  /** Ends with a newline. */
  readonly text: string;
  readonly by: readonly Verifier[];
}

const MOST_BYTES = 1_000_000;
const MOST_SIGNATURES = 100;

/**
 * Signs a text, which ends with a newline.
 * @throws NoteRefused for what is no text of a note
 */
export function signNote(text: string, signers: readonly Signer[]): string {
  if (!isText(text))
    throw new NoteRefused('the text of a note ends with a newline and has no control characters');
  const message = Buffer.from(text);
  const lines = signers.map(({ verifier, sign }) => signatureLine(verifier, sign(message)));
  return `${text}\n${lines.join('')}`;
}

/** `— name base64(id, signature)` and a newline. */
export const signatureLine = ({ name, id }: Pick<Verifier, 'name' | 'id'>, signature: Uint8Array): string =>
  `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;

/**
 * Opens a note. Signatures of keys that are not asked for mean nothing; one of a key that is, and that does not hold, refuses
 * the note.
 * @throws NoteRefused also where no signature is by any of these
 */
export function openNote(note: Uint8Array, verifiers: readonly Verifier[]): OpenedNote {
  const { text, signatures } = parseNote(note);
  const by: Verifier[] = [];
  for (const { name, id, signature } of signatures) {
    const verifier = verifiers.find((one) => one.name === name && one.id.equals(id));
    if (verifier === undefined || by.includes(verifier)) continue;
    if (!verifier.holds(text, signature)) throw new NoteRefused('a signature of a known key does not hold');
    by.push(verifier);
  }
  if (by.length === 0) throw new NoteRefused('the note has no signature of a known key');
  return { text, by };
}

/** A signature as it stands in a note; nothing is known of it. */
export interface NoteSignature {
  readonly name: string;
  readonly id: Buffer;
  readonly signature: Buffer;
}

/**
 * Takes a note apart.
 * @throws NoteRefused
 */
export function parseNote(note: Uint8Array): {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
} {
  if (note.length > MOST_BYTES) throw new NoteRefused('a note is a megabyte at the most');
  const whole = utf8(note);
  const split = whole?.lastIndexOf('\n\n') ?? -1;
  if (whole === null || split < 0) throw new NoteRefused('a note is text, a blank line and signatures');
  const text = whole.slice(0, split + 1);
  const lines = whole.slice(split + 2);
  if (!isText(text) || !lines.endsWith('\n'))
    throw new NoteRefused('a note is lines without control characters');
  const each = lines.slice(0, -1).split('\n');
  if (each.length > MOST_SIGNATURES) throw new NoteRefused('a note has 100 signatures at the most');
  return { text, signatures: each.map(parseSignature) };
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
  const bytes = base64(encoded);
  if (!isName(name) || bytes === null || bytes.length <= ID_BYTES)
    throw new NoteRefused('a signature line is a dash, a name and base64');
  return { name, id: bytes.subarray(0, ID_BYTES), signature: bytes.subarray(ID_BYTES) };
}

/** Lines of UTF-8, each ended by a newline, without other control characters. */
const isText = (text: string): boolean =>
  // oxlint-disable-next-line no-control-regex -- that there are none is what is asked
  text.endsWith('\n') && !/[\x00-\x09\x0b-\x1f]|\p{Surrogate}/u.test(text);

function utf8(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  // What is no UTF-8 becomes replacement characters, which are other bytes.
  return Buffer.compare(Buffer.from(text), bytes) === 0 ? text : null;
}
