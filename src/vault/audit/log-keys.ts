import { ed25519 } from '../../crypto/ed25519.ts';
import { type Checkpoint, openCheckpoint, parseCheckpoint } from '../../log/checkpoint.ts';
import { FOUNDED, keyEventIn, openKeyChange } from '../../log/key-change.ts';
import { parseNote, type Signer } from '../../log/note.ts';
import {
  NoteRefused,
  parseVerifier,
  unlessRefused,
  type Verifier,
  verifierIn,
  verifierOf,
} from '../../log/verifier.ts';
import type { Keyring } from '../custody/keyring.ts';

/** The keys of the log, one after another, as the log itself proves them: what a row of a key says of it counts for nothing. */

/** A key, and the size of the smallest checkpoint that is signed by it: the one that covers the event by which it came. */
export interface LogKeySpan {
  readonly from: number;
  readonly verifier: Verifier;
}

/** In order. Empty until the first key is known: by what it signed, or by the event that ended it. */
export type LogKeys = readonly LogKeySpan[];

/** The key that a store says is active, and how. */
export interface ActiveLogKey extends Signer {
  /** The first key that a vault is founded with is 1: no event says how it came. */
  readonly version: number;
}

/** Of a store's key that is not the one by which the log is signed. */
export const NOT_NAMED = 'the key of the log is not the one that the log names';

/** Signs for the log: its key's name, and its origin, is `strongroom/<vault id>`. Null where the store has no key for that. */
export function activeLogKey(keys: Keyring, vaultId: string): ActiveLogKey | null {
  const [key, row] = [keys.vaultOrNull('checkpoints'), keys.vaultRow('checkpoints')];
  if (key === null || row === null) return null;
  const { publicKey, sign } = ed25519(key.secret);
  return { verifier: verifierOf(`strongroom/${vaultId}`, publicKey), sign, version: row.version };
}

/** The key that a checkpoint of that size is signed by; null where it is not known yet. */
export const keyAt = (keys: LogKeys, size: number): Verifier | null =>
  keys.findLast(({ from }) => from <= size)?.verifier ?? null;

/**
 * The keys after one more event.
 * @returns null where the event says that the key changed, and the key before does not
 */
export function keysAfter(keys: LogKeys, index: number, bytes: Uint8Array): LogKeys | null {
  const change = keyEventIn(bytes);
  if (change === null) return keys;
  const { action, key, note } = change;
  const from = index + 1;
  return unlessRefused(() => {
    // The first key of a store that had none: nobody could sign for it.
    if (action === FOUNDED) return keys.length > 0 ? null : [{ from, verifier: parseVerifier(key) }];
    const known = keys.length > 0 ? keys : [{ from: 0, verifier: parseVerifier(key) }];
    const before = known.at(-1);
    if (before === undefined || before.verifier.text !== key) return null;
    return [...known, { from, verifier: openKeyChange(Buffer.from(note), before.verifier) }];
  });
}

/**
 * Opens a checkpoint by the key that counts at its size.
 * @throws NoteRefused
 */
export function openByKeys(note: string, keys: LogKeys): Checkpoint {
  const bytes = Buffer.from(note);
  const { size } = parseCheckpoint(parseNote(bytes).text);
  const verifier = keyAt(keys, size);
  if (verifier === null) throw new NoteRefused('the log had no key that is known, at that size');
  return openCheckpoint(bytes, verifier);
}

/** One line a key: the size from which it counts, and the key. */
export const encodeLogKeys = (keys: LogKeys): Uint8Array =>
  Buffer.from(keys.map(({ from, verifier }) => `${from} ${verifier.text}\n`).join(''));

/** Null for bytes that are no keys in their order. */
export function decodeLogKeys(bytes: Uint8Array): LogKeys | null {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  if (lines.pop() !== '') return null;
  const keys: LogKeySpan[] = [];
  for (const line of lines) {
    const [, from = '', text = ''] = /^(0|[1-9]\d{0,14}) (\S+)$/.exec(line) ?? [];
    const verifier = verifierIn(text);
    if (verifier === null || Number(from) < (keys.at(-1)?.from ?? 0)) return null;
    keys.push({ from: Number(from), verifier });
  }
  return keys;
}
