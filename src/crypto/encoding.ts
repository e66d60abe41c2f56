import { timingSafeEqual } from 'node:crypto';

/** What may be bound: bytes, text, a safe non-negative integer, or null for "missing". */
export type Field = Uint8Array | string | number | null;

const NULL = 0;
const BYTES = 1;
const TEXT = 2;
const UINT64 = 3;
const HEADER = 5;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The one way bytes are bound together before they are sealed, hashed or authenticated. Injective: two different
 * lists of fields never give the same bytes. Each field, the domain first (as text), is kind (1 byte: 0 null,
 * 1 bytes, 2 UTF-8 text, 3 uint64) | length (4 bytes, big-endian) | content (integers big-endian).
 * Throws RangeError for a number that is not a safe non-negative integer and for text with a lone surrogate.
 */
export function bindFields(domain: string, ...fields: readonly Field[]): Uint8Array {
  let size = HEADER + sizeOf(domain);
  for (const field of fields) size += HEADER + sizeOf(field);
  const out = Buffer.allocUnsafe(size);
  let at = writeField(out, 0, domain);
  for (const field of fields) at = writeField(out, at, field);
  return out;
}

/** Whether two byte strings are equal, in time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function sizeOf(field: Field): number {
  if (field === null) return 0;
  if (typeof field === 'string') return sizeOfText(field);
  if (typeof field === 'number') return 8;
  return field.length;
}

function sizeOfText(text: string): number {
  if (isAscii(text)) return text.length;
  // UTF-8 writes every lone surrogate as U+FFFD: two texts would become one.
  if (LONE_SURROGATE.test(text)) throw new RangeError('bound text must be well formed');
  return Buffer.byteLength(text, 'utf8');
}

function writeField(out: Buffer, at: number, field: Field): number {
  const content = at + HEADER;
  if (field === null) return writeHeader(out, at, NULL, 0);
  if (typeof field === 'string') return writeHeader(out, at, TEXT, writeText(out, content, field));
  if (typeof field === 'number') {
    if (!Number.isSafeInteger(field) || field < 0)
      throw new RangeError('bound numbers must be safe and not negative');
    writeUint32(out, content, Math.floor(field / 2 ** 32));
    writeUint32(out, content + 4, field);
    return writeHeader(out, at, UINT64, 8);
  }
  out.set(field, content);
  return writeHeader(out, at, BYTES, field.length);
}

/** Short ASCII is the hot path: a loop here beats a native call for each field. Returns the bytes written. */
function writeText(out: Buffer, at: number, text: string): number {
  if (!isAscii(text)) return out.write(text, at, 'utf8');
  for (let i = 0; i < text.length; i += 1) out[at + i] = text.charCodeAt(i);
  return text.length;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Writes a header and returns where the next field starts. */
function writeHeader(out: Buffer, at: number, kind: number, length: number): number {
  out[at] = kind;
  writeUint32(out, at + 1, length);
  return at + HEADER + length;
}

/** The low 32 bits, big-endian: `>>>` takes an integer modulo 2^32. */
function writeUint32(out: Buffer, at: number, integer: number): void {
  out[at] = integer >>> 24;
  out[at + 1] = integer >>> 16;
  out[at + 2] = integer >>> 8;
  out[at + 3] = integer >>> 0;
}
