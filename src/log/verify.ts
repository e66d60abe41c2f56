import { append, EMPTY, leafHash, root } from './tree.ts';
import type { Frontier } from './tree.ts';

/** One leaf as it is stored: its place and the exact bytes that were hashed. */
export interface LogEntry {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface LogState {
  readonly size: number;
  readonly root: Uint8Array;
}

/**
 * `intact`: the entries are the whole log of that size and root. Otherwise the first index at which it is not:
 * `gap` (the entry is missing, or the log ends there), `order` (that index came again or late), `surplus` (an entry
 * past the expected size), `malformed` (not an event's bytes), `root` (all are there, but some byte of some entry
 * differs; the hash of a whole cannot say which, so `index` is null and `root` is what was computed).
 */
export type LogVerdict =
  | { readonly verdict: 'intact'; readonly size: number; readonly root: Uint8Array }
  | { readonly verdict: 'gap' | 'order' | 'surplus' | 'malformed'; readonly index: number }
  | { readonly verdict: 'root'; readonly index: null; readonly root: Uint8Array };

const EVENT_START = Buffer.from('{"v":1', 'utf8');
const GROUP = 256;

/**
 * Reads entries in order, in O(log n) memory, and needs nothing of the vault. Errors are those of the source.
 * @param after what comes before the first entry, taken on trust
 */
export async function verifyLog(
  entries: Iterable<LogEntry> | AsyncIterable<LogEntry>,
  expected: LogState,
  after: Frontier = EMPTY,
): Promise<LogVerdict> {
  let frontier = after;
  let leaves: Uint8Array[] = [];
  let next = after.size;
  for await (const { index, bytes } of entries) {
    if (index < next) return { verdict: 'order', index };
    if (next >= expected.size) return { verdict: 'surplus', index: next };
    if (index !== next) return { verdict: 'gap', index: next };
    if (!isEvent(bytes)) return { verdict: 'malformed', index };
    leaves.push(leafHash(bytes));
    next += 1;
    if (leaves.length === GROUP) {
      frontier = append(frontier, leaves);
      leaves = [];
    }
  }
  if (next < expected.size) return { verdict: 'gap', index: next };
  const computed = root(append(frontier, leaves));
  return Buffer.compare(computed, expected.root) === 0
    ? { verdict: 'intact', size: next, root: computed }
    : { verdict: 'root', index: null, root: computed };
}

/** Whether bytes start as those of every event do. */
export function isEvent(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, EVENT_START.length), EVENT_START) === 0;
}
