import { base58 } from './base58.ts';

const PREFIX = {
  key: 'key',
  client: 'cli',
  collection: 'col',
  subject: 'sub',
  vault: 'vlt',
  copy: 'cpy',
} as const;

/** A random id that names its kind: `col_3xT9…`, 72 random bits. */
export const newId = (kind: keyof typeof PREFIX, random: (bytes: number) => Uint8Array): string =>
  `${PREFIX[kind]}_${base58(random(9), 13)}`;

/** Characters of a collection's id. */
export const COLLECTION_ID = PREFIX.collection.length + 1 + 13;

const ID = new RegExp(`^(?:${Object.values(PREFIX).join('|')})_[1-9A-HJ-NP-Za-km-z]{13}$`);

/** Whether a text has the form of such an id. */
export const isId = (text: string): boolean => ID.test(text);

/** Bytes of a row id. */
export const ROW_ID = 16;
/** Of those, what all rows of one request share. */
export const ROW_STEM = 12;

/**
 * The stem of a request's row ids: its time in milliseconds (6 bytes), then 6 random bytes. Ids that grow with time
 * keep inserts at the end of the table; the log finds a request's rows by their stem.
 */
export function rowStem(now: number, random: Uint8Array): Uint8Array {
  const stem = Buffer.alloc(ROW_STEM);
  stem.writeUIntBE(now, 0, 6);
  stem.set(random.subarray(0, ROW_STEM - 6), 6);
  return stem;
}

/** The id of the n-th row of a request. */
export function rowId(stem: Uint8Array, n: number): Uint8Array {
  const id = Buffer.alloc(ROW_ID);
  id.set(stem);
  id.writeUInt32BE(n, ROW_STEM);
  return id;
}

/** When a row was made, in milliseconds. */
export const rowTime = (id: Uint8Array): number =>
  Buffer.from(id.buffer, id.byteOffset, id.byteLength).readUIntBE(0, 6);
