import { openNote, type Signer, signNote } from './note.ts';
import { NoteRefused, parseVerifier, type Verifier } from './verifier.ts';

/** A log's next key, which counts because the one before signed it: a note of C2SP signed-note (c2sp.org/signed-note). */

/** In the life of a log: whoever verifies it holds all of them. */
export const MOST_KEYS = 1000;

/** What no checkpoint has on its second line: a size is a number. */
const KIND = 'next key';

/**
 * The event that holds the note ends what the old key may sign: a checkpoint that covers the event is signed by the next key.
 * @throws NoteRefused where the next key is of another log, or the old one again
 */
export function signKeyChange(next: Verifier, signer: Signer): string {
  mustFollow(next, signer.verifier);
  return signNote(`${next.name}\n${KIND}\n${next.text}\n`, [signer]);
}

/**
 * The next key, of a note that the key before it signed.
 * @throws NoteRefused
 */
export function openKeyChange(note: Uint8Array, verifier: Verifier): Verifier {
  const { text } = openNote(note, [verifier]);
  const [origin, kind, key = '', ...rest] = text.split('\n');
  if (origin !== verifier.name || kind !== KIND || rest.join('\n') !== '')
    throw new NoteRefused('this is no note of the next key of that log');
  const next = parseVerifier(key);
  mustFollow(next, verifier);
  return next;
}

function mustFollow(next: Verifier, before: Verifier): void {
  if (next.kind !== 'log') throw new NoteRefused('a witness does not sign for a log');
  if (next.name !== before.name) throw new NoteRefused('the next key is of another log');
  if (next.text === before.text) throw new NoteRefused('the next key is the one before');
}

/** Whether the note, whoever signed it, gives the log over to that key. */
export const namesNext = (note: string, { name, text }: Verifier): boolean =>
  note.startsWith(`${name}\n${KIND}\n${text}\n\n`);

/** Gives a log its next key. */
export const ROTATED = 'audit.rotate-key';
/** Gives a log that had none its first: nobody could sign for it. */
export const FOUNDED = 'log.found-key';

/** What an event of a vault says of the key of its log; nothing of it is trusted yet. */
export interface KeyEvent {
  readonly action: typeof ROTATED | typeof FOUNDED;
  /** The key before, or the one that was founded. */
  readonly key: string;
  /** By which the key before names the next. */
  readonly note: string;
}

/** How an event with such an action looks: a quote inside a text of an event has a backslash before it. */
const MARKS = [ROTATED, FOUNDED].map((action) => Buffer.from(`"action":"${action}"`));

/** Null for an event of anything else. */
export function keyEventIn(bytes: Uint8Array): KeyEvent | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!MARKS.some((mark) => buffer.includes(mark))) return null;
  const { action, outcome, detail } = parsed(buffer);
  if ((action !== ROTATED && action !== FOUNDED) || outcome !== 'done') return null;
  const { key, note } = isObject(detail) ? detail : NOTHING;
  return { action, key: textOf(key), note: textOf(note) };
}

function parsed(buffer: Buffer): Loose {
  try {
    const event: unknown = JSON.parse(buffer.toString('utf8'));
    return isObject(event) ? event : NOTHING;
  } catch {
    return NOTHING;
  }
}

type Loose = { readonly [key in 'action' | 'outcome' | 'detail' | 'key' | 'note']?: unknown };

const NOTHING: Loose = {};
const isObject = (value: unknown): value is Loose => typeof value === 'object' && value !== null;
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
