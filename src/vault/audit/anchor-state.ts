import type { FollowerRow } from '../rows.ts';

/** What is known of an anchor: the state in its follower's row, whose cursor is the size of the log that it confirmed. */
export interface AnchorState {
  /** When it confirmed that, in milliseconds; 0 before the first. */
  readonly at: number;
  /** For one that keeps the whole log: tiles and entries of so many events are there. */
  readonly filed: number;
  /** The checkpoint that it confirmed, with what others signed of it; empty before the first. */
  readonly note: string;
}

export const NO_ANCHOR: AnchorState = { at: 0, filed: 0, note: '' };

const PREFIX = 'anchor/';
/** Of its follower's row. */
export const anchorRow = (name: string): string => `${PREFIX}${name}`;
export const isAnchorRow = ({ name }: Pick<FollowerRow, 'name'>): boolean => name.startsWith(PREFIX);

const NUMBERS = 16;

/** Time and size in eight bytes each, then the note. */
export function encodeAnchor({ at, filed, note }: AnchorState): Uint8Array {
  const numbers = Buffer.alloc(NUMBERS);
  numbers.writeBigUInt64BE(BigInt(at));
  numbers.writeBigUInt64BE(BigInt(filed), NUMBERS / 2);
  return Buffer.concat([numbers, Buffer.from(note)]);
}

/** Null for bytes that are no state. */
export function decodeAnchor(bytes: Uint8Array): AnchorState | null {
  if (bytes.length < NUMBERS) return null;
  const buffer = Buffer.from(bytes);
  const at = Number(buffer.readBigUInt64BE());
  const filed = Number(buffer.readBigUInt64BE(NUMBERS / 2));
  return { at, filed, note: buffer.toString('utf8', NUMBERS) };
}
