import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';

/** Keys of C2SP signed-note (c2sp.org/signed-note) and tlog-cosignature (c2sp.org/tlog-cosignature). */

/** A verifier key: who signs, and with what. */
export interface Verifier {
  readonly name: string;
  /** The first 4 bytes of SHA-256(name, newline, signature type, public key). */
  readonly id: Buffer;
  /** Who signs a log's state, or who saw it. */
  readonly kind: 'log' | 'witness';
  /** `name+id+key`, as C2SP writes it. */
  readonly text: string;
  /** Whether a signature over the text of a note holds. */
  readonly holds: (text: string, signature: Uint8Array) => boolean;
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
/** Ed25519 over a time and the note's text (C2SP tlog-cosignature, type 0x04). */
const COSIGNATURE = 0x04;
export const TIME_BYTES = 8;
export const ID_BYTES = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
// RFC 8410, section 4: what stands before the 32 bytes of a public key.
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** @throws NoteRefused for a name that no note can carry */
export function verifierOf(name: string, key: Uint8Array): Verifier {
  const publicKey = publicKeyOf(key);
  return named(name, ED25519, key, (text, signature) => isSigned(publicKey, Buffer.from(text), signature));
}

/**
 * The key of a witness: it signs when it saw a checkpoint, and the checkpoint.
 * @throws NoteRefused for a name that no note can carry
 */
export function cosignerOf(name: string, key: Uint8Array): Verifier {
  const publicKey = publicKeyOf(key);
  return named(name, COSIGNATURE, key, (text, signature) => {
    if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) return false;
    const message = cosignedMessage(timeOf(signature), text);
    return isSigned(publicKey, message, signature.subarray(TIME_BYTES));
  });
}

/** What a witness signs. @param time seconds since 1970 */
export const cosignedMessage = (time: bigint, text: string): Buffer =>
  Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);

/** When a cosignature says that it was made, in seconds since 1970. */
export const timeOf = (signature: Uint8Array): bigint => Buffer.from(signature).readBigUInt64BE(0);

function named(name: string, type: number, key: Uint8Array, holds: Verifier['holds']): Verifier {
  if (!isName(name)) throw new NoteRefused('the name of a key has no spaces and no +');
  const typed = Buffer.concat([Buffer.of(type), key]);
  const id = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed]), 'buffer').subarray(0, ID_BYTES);
  const text = `${name}+${id.toString('hex')}+${typed.toString('base64')}`;
  return { name, id, kind: type === ED25519 ? 'log' : 'witness', text, holds };
}

function publicKeyOf(key: Uint8Array): KeyObject {
  if (key.length !== KEY_BYTES) throw new NoteRefused('an Ed25519 public key is 32 bytes');
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, key]), format: 'der', type: 'spki' });
}

const isSigned = (key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean =>
  signature.length === SIGNATURE_BYTES && verify(null, message, key, signature);

/**
 * Reads a verifier key as C2SP writes it, of a log or of a witness.
 * @throws NoteRefused
 */
export function parseVerifier(text: string): Verifier {
  const [, name = '', id = '', key = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? [];
  const typed = base64(key);
  const made = typed?.[0] === ED25519 ? verifierOf : typed?.[0] === COSIGNATURE ? cosignerOf : null;
  if (typed === null || made === null) throw new NoteRefused('this is no Ed25519 verifier key');
  const verifier = made(name, typed.subarray(1));
  if (verifier.id.toString('hex') !== id) throw new NoteRefused('the id of the verifier key is another one');
  return verifier;
}

/** What a text names, or null where it is no verifier key. */
export const verifierIn = (text: string): Verifier | null => unlessRefused(() => parseVerifier(text));

/** What reading notes or keys comes to; null where one of them is refused. Other errors stay what they are. */
export function unlessRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoteRefused) return null;
    throw error;
  }
}

export const isName = (name: string): boolean => name !== '' && !/[\s+\p{Surrogate}]/u.test(name);

/** Strict: what is not the one way to write some bytes is none. */
export function base64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return text !== '' && bytes.toString('base64') === text ? bytes : null;
}
