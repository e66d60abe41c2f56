import { openNote, type Signer, signNote } from './note.ts';
import { NoteRefused, parseVerifier, type Verifier } from './verifier.ts';

/** A log's next key, which counts because the one before signed it: a note of C2SP signed-note (c2sp.org/signed-note). */

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
