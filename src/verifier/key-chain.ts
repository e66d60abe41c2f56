import { type Checkpoint, parseCheckpoint } from '../log/checkpoint.ts';
import {
  type KeyEvent,
  keyEventIn,
  MOST_KEYS,
  namesNext,
  openKeyChange,
  ROTATED,
} from '../log/key-change.ts';
import { openNote, parseNote } from '../log/note.ts';
import { NoteRefused, unlessRefused, type Verifier, verifierIn } from '../log/verifier.ts';

/** A key of the log, and the sizes of the checkpoints that it may sign: from the first on, up to the last. */
interface Reign {
  readonly verifier: Verifier;
  first: number;
  last: number;
}

/** A signed state of the log, and who has cosigned it. */
export interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly witnesses: readonly Verifier[];
}

/** More of them are not told one by one. */
const MOST_FOREIGN = 100;

/**
 * The keys of a log, followed from the one that is trusted: each change of key is an event, with a note by which the key before
 * names the next. A checkpoint that covers the event is the next key's, one that does not the key's before.
 */
export class KeyChain {
  readonly #witnesses: readonly Verifier[];
  readonly #reigns: Reign[];
  #tooMany: number | null = null;
  /** Changes that were not signed by a key of this chain. */
  #foreign: Change[] = [];

  constructor(pinned: Verifier, witnesses: readonly Verifier[]) {
    this.#witnesses = witnesses;
    this.#reigns = [{ verifier: pinned, first: 0, last: Infinity }];
  }

  /** The newest key. */
  get newest(): Verifier {
    return (this.#reigns.at(-1) ?? this.#oldest).verifier;
  }

  /** Reads the log's events, one after another. */
  read(index: number, bytes: Uint8Array): void {
    const change = keyEventIn(bytes);
    // A first key that nobody could sign for is trusted, or not, as it was given.
    if (change?.action !== ROTATED) return;
    const before = this.#reigns.at(-1) ?? this.#oldest;
    const next = nextOf(change.note, before.verifier);
    if (next !== null && this.#reigns.length >= MOST_KEYS) {
      this.#tooMany ??= index;
    } else if (next !== null) {
      before.last = index;
      this.#reigns.push({ verifier: next, first: index + 1, last: Infinity });
    } else if (this.#reigns.length === 1 && namesNext(change.note, before.verifier)) {
      // The key that is trusted was not the log's first.
      this.#reigns[0] = { ...before, first: index + 1 };
      this.#precede({ index, ...change });
    } else if (this.#foreign.length < MOST_FOREIGN) {
      this.#foreign.push({ index, ...change });
    }
  }

  /**
   * Takes in the keys before the trusted one, as far as the log itself tells of them, the newest first. They vouch for nothing but
   * what was signed then: whatever is held against the log by them was brought by whoever trusts the key.
   */
  #precede(change: Change): void {
    const earlier = this.#foreign;
    this.#foreign = [];
    for (const { index, key, note } of [change, ...earlier.toReversed()]) {
      const [first] = this.#reigns;
      const verifier = verifierIn(key);
      const next = verifier === null ? null : nextOf(note, verifier);
      if (verifier === null || next?.text !== first?.verifier.text) return;
      if (first !== undefined) first.first = index + 1;
      this.#reigns.unshift({ verifier, first: 0, last: index });
    }
  }

  /** Whether a checkpoint of that size was signed before the log had the key that is trusted. */
  isBefore(size: number): boolean {
    return size < this.#oldest.first;
  }

  /** The event that gave the log more keys than a vault does, from which on none is followed; null where none did. */
  get tooMany(): number | null {
    return this.#tooMany;
  }

  /** Events that say that the key changed, where the key before did not. */
  get foreign(): readonly number[] {
    return this.#foreign.map(({ index }) => index);
  }

  /**
   * Opens a checkpoint by the key that the log had at its size.
   * @throws NoteRefused with why it does not count, as the end of a sentence that starts with it
   */
  open(note: Uint8Array): OpenedCheckpoint {
    const checkpoint = parseCheckpoint(parseNote(note).text);
    const { size } = checkpoint;
    const reign = this.#reigns.find(({ first, last }) => first <= size && size <= last);
    if (checkpoint.origin !== this.#oldest.verifier.name) throw new NoteRefused('is of another log');
    if (this.isBefore(size) || reign === undefined)
      throw new NoteRefused(`is of ${size} events, when the log did not have the given key yet`);
    const { by } = openedBy(note, reign.verifier, this.#witnesses) ?? this.#refuse(note, reign);
    return { checkpoint, witnesses: by.filter(({ kind }) => kind === 'witness') };
  }

  #refuse(note: Uint8Array, due: Reign): never {
    const by = this.#reigns.find(({ verifier }) => verifier !== due.verifier && openedBy(note, verifier, []));
    if (openedBy(note, due.verifier, []) !== null)
      throw new NoteRefused('carries a cosignature of a known witness that does not hold');
    if (by === undefined) throw new NoteRefused('is not signed by the key of the log');
    throw new NoteRefused(
      by.first > due.first
        ? `is signed by a key that the log has only from event ${by.first - 1} on`
        : `is signed by a key that the log gave up with event ${by.last}`,
    );
  }

  get #oldest(): Reign {
    const [oldest] = this.#reigns;
    if (oldest === undefined) throw new RangeError('a chain starts with a key');
    return oldest;
  }
}

/** The note opened, if that key signed it; a signature of a witness that does not hold spoils it. */
function openedBy(note: Uint8Array, verifier: Verifier, witnesses: readonly Verifier[]) {
  const opened = unlessRefused(() => openNote(note, [verifier, ...witnesses]));
  return opened?.by.includes(verifier) === true ? opened : null;
}

/** An event by which the key changed, where it stands. */
interface Change extends Pick<KeyEvent, 'key' | 'note'> {
  readonly index: number;
}

const nextOf = (note: string, before: Verifier): Verifier | null =>
  unlessRefused(() => openKeyChange(Buffer.from(note), before));
