import { z } from 'zod';
import { CODE_NAMES } from './codes.ts';

/** Shapes that several routes share. Lengths are in UTF-16 units, as JavaScript counts them. */

/** A caller's own mark on an item: echoed, never stored or logged. */
export const ref = z.string().regex(/^[\x20-\x7e]{1,64}$/);
/** Looked up, never trusted: names that no policy has are answered like foreign ones. */
export const collectionName = z.string().min(1).max(256);
export const purposeName = z.string().min(1).max(64);
/** The caller's own reference to a person or firm, as `cus_42`. */
export const subjectRef = z.string().regex(/^[A-Za-z0-9._:@/-]{1,128}$/);
export const ticket = z.string().regex(/^[A-Za-z0-9._:#/ -]{1,64}$/);
export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,128}$/);
/** RFC 3339 in UTC. */
export const time = z.iso.datetime();
/** Bounded by the body, and by the format: one that is empty or too long is its item's error, not the request's. */
export const value = z.string();
export const token = z.string().min(1).max(512);

const METADATA_KEYS = 16;
const METADATA_BYTES = 1024;

/** An integer beyond 2^53 is not the one that was written: what comes back must be. */
const exactNumber = z.number().refine((number) => !Number.isInteger(number) || Number.isSafeInteger(number));

/** A flat map of at most 16 keys and 1 KiB of JSON. */
export const metadata = z
  .record(
    z.string().regex(/^[A-Za-z0-9_.-]{1,40}$/),
    z.union([z.string().max(512), exactNumber, z.boolean()]),
  )
  .refine((map) => Object.keys(map).length <= METADATA_KEYS)
  .refine((map) => Buffer.byteLength(JSON.stringify(map)) <= METADATA_BYTES);

export type Metadata = Readonly<z.output<typeof metadata>>;

/** Why values are erased: kept in the log for good, and so no API key fits it. */
export const reason = z.string().regex(/^(?!.*strongroom_)[A-Za-z0-9._:#/ -]{1,128}$/);
/** Of a value: 1 when it is first tokenised, one more with each replacement. */
export const version = z
  .int()
  .min(1)
  .max(2 ** 32 - 1);

/** Items of a batch. */
export const MOST_ITEMS = 1000;

export const batch = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(MOST_ITEMS);

/** What a caller would need for the call to be allowed; tells nothing of a token. */
export const needed = z.object({
  action: z.string(),
  collection: z.string().exactOptional(),
  purpose: z.string().exactOptional(),
});
export type Needed = Readonly<z.output<typeof needed>>;

const code = z.enum(CODE_NAMES);

/** What stands in the place of an item that failed. */
const itemError = z.object({ code, title: z.string(), needed: needed.exactOptional() });
export type ItemError = Readonly<z.output<typeof itemError>>;
export const failedItem = z.object({ ref: ref.exactOptional(), error: itemError });

/** RFC 9457. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code,
  requestId: z.string(),
  needed: needed.exactOptional(),
  errors: z.array(z.object({ pointer: z.string(), code: z.string() })).exactOptional(),
  items: z.array(failedItem).exactOptional(),
});
