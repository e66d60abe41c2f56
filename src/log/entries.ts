/** Entry bundles of C2SP tlog-tiles: each entry after its length in two bytes, big-endian. */

const LENGTH_BYTES = 2;
const MOST_BYTES = 65_535;

/** @throws RangeError for an entry of over 65,535 bytes */
export function encodeEntries(entries: readonly Uint8Array[]): Buffer {
  const size = entries.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  const bundle = Buffer.alloc(size);
  let at = 0;
  for (const entry of entries) {
    if (entry.length > MOST_BYTES) throw new RangeError('an entry has 65,535 bytes at the most');
    at = bundle.writeUInt16BE(entry.length, at);
    bundle.set(entry, at);
    at += entry.length;
  }
  return bundle;
}

/** The entries of a bundle; null where it ends within one. */
export function decodeEntries(bundle: Uint8Array): readonly Uint8Array[] | null {
  const entries = decodeLongest(bundle);
  const size = entries.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  return size === bundle.length ? entries : null;
}

/** The entries of a bundle up to where it ends within one. */
export function decodeLongest(bundle: Uint8Array): readonly Uint8Array[] {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const entries: Uint8Array[] = [];
  for (let at = 0; at + LENGTH_BYTES <= bytes.length;) {
    const from = at + LENGTH_BYTES;
    at = from + bytes.readUInt16BE(at);
    if (at > bytes.length) break;
    entries.push(new Uint8Array(bytes.subarray(from, at)));
  }
  return entries;
}
