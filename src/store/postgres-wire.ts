import type { ColumnType } from './columns.ts';

/** Values on their way to PostgreSQL and back. */

/** The types of our columns: their names, and their ids in pg_type, which no release changes. */
export const TYPES = {
  buffer: { name: 'bytea', oid: 17 },
  number: { name: 'bigint', oid: 20 },
  string: { name: 'text', oid: 25 },
} as const satisfies Record<ColumnType, { readonly name: string; readonly oid: number }>;

/** Of dimensions, whether there are nulls, type; then length and first index of the one dimension. */
const HEADER = 20;

/**
 * An array in the binary format (array_recv in PostgreSQL's arrayfuncs.c): bytes stay bytes, and nothing is quoted.
 * @throws TypeError for what is not of the type, as a number that is no safe integer
 */
export function arrayOf(type: ColumnType, items: readonly unknown[]): Buffer {
  const encoded = items.map((item) => (item === null ? null : ENCODED[type](item)));
  const size = encoded.reduce((sum, item) => sum + 4 + (item?.length ?? 0), HEADER);
  const array = Buffer.allocUnsafe(size);
  array.writeInt32BE(1, 0);
  array.writeInt32BE(encoded.includes(null) ? 1 : 0, 4);
  array.writeInt32BE(TYPES[type].oid, 8);
  array.writeInt32BE(encoded.length, 12);
  array.writeInt32BE(1, 16);
  let at = HEADER;
  for (const item of encoded) {
    array.writeInt32BE(item?.length ?? -1, at);
    at += 4;
    if (item === null) continue;
    array.set(item, at);
    at += item.length;
  }
  return array;
}

const ENCODED = {
  buffer: (item) => {
    if (item instanceof Uint8Array) return item;
    throw new TypeError('a column of bytes takes bytes');
  },
  number: (item) => {
    if (!Number.isSafeInteger(item)) throw new TypeError('a column of integers takes safe integers');
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64BE(BigInt(Number(item)));
    return bytes;
  },
  string: (item) => {
    if (typeof item !== 'string') throw new TypeError('a column of text takes text');
    return Buffer.from(item);
  },
} satisfies Record<ColumnType, (item: unknown) => Uint8Array>;

/** How what comes back is read, by the id of its type: bytes, integers that are safe or NaN, and text as it is. */
export const PARSERS = {
  getTypeParser: (oid: number) => {
    if (oid === TYPES.buffer.oid) return (text: string) => Buffer.from(text.slice(2), 'hex');
    if (oid === TYPES.number.oid) return safeInteger;
    return asItIs;
  },
};

function safeInteger(text: string): number {
  const integer = Number(text);
  return Number.isSafeInteger(integer) ? integer : Number.NaN;
}

const asItIs = (text: string): string => text;
