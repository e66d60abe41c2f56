import { type CellBinding, openCell, sealCell } from '../../crypto/cell.ts';
import { type Call, unauthentic } from '../call.ts';
import type { Key, Keyring } from '../custody/keyring.ts';
import type { EarlierRow, ValueRow } from '../rows.ts';

/** A value's row before it is sealed. */
type Bound = Omit<ValueRow, 'cell' | 'metadata'>;

/** The active key of a collection; without one the collection is closed. */
export function activeKey(call: Call, collection: { readonly id: string }, use: 'seal' | 'fingerprint'): Key {
  const key = call.epoch.keys.active(collection.id, use);
  if (key === null)
    throw unauthentic(call, { table: 'keys', record: collection.id, problem: `no usable ${use} key` });
  return key;
}

type Sealed = 'value' | 'value-with-metadata' | 'metadata' | 'earlier';

/** Which cell a value's is: whether the row has metadata is bound too, so that none can be taken away unseen. */
export const valueKind = (metadata: Uint8Array | string | null): Sealed =>
  metadata === null ? 'value' : 'value-with-metadata';

/** What a value's cell is bound to: its row. */
const bindingOf = (row: Bound, kind: Sealed): CellBinding => ({
  kind,
  keyId: row.keyId,
  collectionId: row.collection,
  row: row.row,
  token: row.token,
  subjectId: row.subject,
  expiresAt: row.expiresAt,
  version: row.version,
  creator: row.creator,
});

/**
 * Opens a located value with the one key that its row names, bound to the token that was asked for.
 * @param asked the token in its own form, and the id of its collection
 * @returns the value, or null if the cell does not open
 */
export function openValue(
  keys: Keyring,
  row: ValueRow,
  asked: { readonly token: string; readonly collection: string },
): string | null {
  return open(keys, { ...row, ...asked }, valueKind(row.metadata), row.cell);
}

/** The metadata of a row as JSON, or null if its cell does not open. */
export const openMetadata = (keys: Keyring, row: ValueRow, cell: Uint8Array): string | null =>
  open(keys, row, 'metadata', cell);

/**
 * What a row held before it was replaced, which opens under its own version and the time until which it is kept.
 * @returns the value, or null if the cell does not open
 */
export const openEarlier = (
  keys: Keyring,
  row: ValueRow,
  { cell, ...earlier }: EarlierRow,
  asked: { readonly token: string; readonly collection: string },
): string | null => open(keys, { ...row, ...asked, ...earlierOf(earlier) }, 'earlier', cell);

/** The columns of a value's row that are another's for its earlier version. */
const earlierOf = ({ keyId, version, until }: Omit<EarlierRow, 'cell' | 'row'>) => ({
  keyId,
  version,
  expiresAt: until,
});

/** Seals the value that a row held, to open until `until` and no later. */
export function sealEarlier(call: Call, key: Key, row: ValueRow, normal: string, until: number): EarlierRow {
  const kept = { row: row.row, version: row.version, keyId: key.id, until };
  return { ...kept, cell: sealValue(call, key, { ...row, ...earlierOf(kept) }, 'earlier', normal) };
}

function open(keys: Keyring, row: Bound, kind: Sealed, cell: Uint8Array): string | null {
  const key = keys.named(row.keyId);
  const opened = key === null ? null : openBound(key, cell, row, kind);
  return opened === null
    ? null
    : Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength).toString('utf8');
}

/** A column that cannot be bound at all (a negative number, say) is one that no cell was sealed with. */
function openBound(key: Key, cell: Uint8Array, row: Bound, kind: Sealed): Uint8Array | null {
  try {
    return openCell(key.secret, cell, bindingOf(row, kind));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Seals a text into a cell of its row, under a nonce that this request drew from the kernel. */
export const sealValue = (call: Call, key: Key, row: Bound, kind: Sealed, text: string): Uint8Array =>
  sealCell(key.secret, call.draw.take(24), Buffer.from(text), bindingOf(row, kind));
