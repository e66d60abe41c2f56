import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';

/** Signed notes as C2SP signed-note has them (c2sp.org/signed-note): text, a blank line, signature lines. */

/** A verifier key: who signs, and with what. */
export interface Verifier {
  readonly name: string;
  /** The first 4 bytes of SHA-256(name, newline, algorithm, public key). */
  readonly id: Buffer;
  readonly publicKey: KeyObject;
  /** `name+id+key`, as C2SP writes it. */
  readonly text: string;
}

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

/** Not a note, or not signed as is asked. */
export class NoteRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'NoteRefused';
  }
}

/** Ed25519 over the note's text (C2SP signed-note, signature type 0x01). */
const ED25519 = 0x01;
const ID_BYTES = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const MOST_BYTES = 1_000_000;
const MOST_SIGNATURES = 100;

// RFC 8410, section 4: what stands before the 32 bytes of a public key.
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** @throws NoteRefused for a name that no note can carry */
export function verifierOf(name: string, key: Uint8Array): Verifier {
  if (!isName(name)) throw new NoteRefused('the name of a key has no spaces and no +');
  if (key.length !== KEY_BYTES) throw new NoteRefused('an Ed25519 public key is 32 bytes');
  const typed = Buffer.concat([Buffer.of(ED25519), key]);
  const id = Buffer.from(
    hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').subarray(0, ID_BYTES),
  );
  const der = Buffer.concat([PUBLIC_PREFIX, key]);
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return { name, id, publicKey, text: `${name}+${id.toString('hex')}+${typed.toString('base64')}` };
}

/**
 * Reads a verifier key as C2SP writes it.
 * @throws NoteRefused
 */
export function parseVerifier(text: string): Verifier {
  const [, name = '', id = '', key = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? [];
  const typed = base64(key);
  if (typed === null || typed[0] !== ED25519) throw new NoteRefused('this is no Ed25519 verifier key');
  const verifier = verifierOf(name, typed.subarray(1));
  if (verifier.id.toString('hex') !== id) throw new NoteRefused('the id of the verifier key is another one');
  return verifier;
}

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
    if (
      signature.length !== SIGNATURE_BYTES ||
      !verify(null, Buffer.from(text), verifier.publicKey, signature)
    )
      throw new NoteRefused('a signature of a known key does not hold');
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

const isName = (name: string): boolean => name !== '' && !/[\s+\p{Surrogate}]/u.test(name);

/** Lines of UTF-8, each ended by a newline, without other control characters. */
const isText = (text: string): boolean =>
  // oxlint-disable-next-line no-control-regex -- that there are none is what is asked
  text.endsWith('\n') && !/[\x00-\x09\x0b-\x1f\x7f]|\p{Surrogate}/u.test(text);

function utf8(bytes: Uint8Array): string | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  // What is no UTF-8 becomes replacement characters, which are other bytes.
  return Buffer.compare(Buffer.from(text), bytes) === 0 ? text : null;
}

/** Strict: what is not the one way to write some bytes is none. */
export function base64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : null;
}
