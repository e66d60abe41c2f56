import { z } from 'zod';

/**
 * Events that are about one collection and tell of no other: what was done with a value of it, and what was refused there. All
 * others, a new one included until it is listed here, are for auditors of the whole log.
 */
const OF_ONE_COLLECTION: ReadonlySet<string> = new Set([
  'tokenise',
  'expire',
  'detokenise',
  'mask',
  'verify',
  'replace',
  'lookup',
  'describe',
  'erase',
  'reveal_failed',
]);

const shape = z.looseObject({ action: z.string(), collection: z.looseObject({ id: z.string() }) });

/** The id of the collection that an event belongs to; null where it belongs to none, or to several. */
export function collectionOf(bytes: Uint8Array): string | null {
  const parsed = shape.safeParse(read(bytes));
  if (!parsed.success || !OF_ONE_COLLECTION.has(parsed.data.action)) return null;
  return parsed.data.collection.id;
}

function read(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    return null;
  }
}
