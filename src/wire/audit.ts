import { z } from 'zod';

/** The last index that a log of this size of integers can have. */
const index = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Events of one page. */
const MOST_EVENTS = 100;
/** As long as the longest name of a collection. */
const MOST_PATTERN = 520;

export const logKeyRequest = z.strictObject({});
/**
 * `key`: a verifier key of C2SP signed-note. `keys`: as the first `size` events prove them; each signs the checkpoints of `from`
 * events and more, up to the next one's.
 */
export const logKeyAnswer = z.object({
  key: z.string(),
  size: z.int(),
  keys: z.array(z.object({ from: z.int(), key: z.string() })),
  requestId: z.string(),
});

export const rotateLogKeyRequest = z.strictObject({});
/** `before`: the key that signed up to then; null where there was none. */
export const rotateLogKeyAnswer = z.object({
  key: z.string(),
  before: z.string().nullable(),
  from: z.int(),
  requestId: z.string(),
});

/** `cosigned`: the newest that a witness signed too; it may be older. */
export const newestCheckpointRequest = z.strictObject({ cosigned: z.boolean().default(false) });
export type NewestCheckpointRequest = z.input<typeof newestCheckpointRequest>;
/** `checkpoint`: a signed note of C2SP tlog-checkpoint. */
export const newestCheckpointAnswer = z.object({
  size: z.int(),
  checkpoint: z.string(),
  requestId: z.string(),
});

export const proveEventRequest = z.strictObject({ index });
export type ProveEventRequest = z.output<typeof proveEventRequest>;
/** `proof`: a proof of C2SP tlog-proof, whose extra data are the bytes of the event. */
export const proveEventAnswer = z.object({
  index: z.int(),
  size: z.int(),
  proof: z.string(),
  requestId: z.string(),
});

/** A page of events: those of the collections under `collection` that the caller may read, from an index on. */
export const readEventsRequest = z.strictObject({
  from: index.optional(),
  limit: z.int().min(1).max(MOST_EVENTS).optional(),
  collection: z.string().min(1).max(MOST_PATTERN).optional(),
  proofs: z.boolean().optional(),
});
export type ReadEventsRequest = z.output<typeof readEventsRequest>;
/**
 * `event`: the text of the event, whose UTF-8 are the bytes that were hashed. `proof`: where it is asked for, of C2SP tlog-proof,
 * whose extra data are the same bytes. `next`: the first index that was not looked at; `size`: that of the newest checkpoint.
 */
export const readEventsAnswer = z.object({
  events: z.array(z.object({ index: z.int(), event: z.string(), proof: z.string().optional() })),
  next: z.int(),
  size: z.int(),
  requestId: z.string(),
});

export const verifyLogRequest = z.strictObject({});

/** What `audit verify` found: a clean store has no findings. */
export const verifyLogAnswer = z.object({
  ok: z.boolean(),
  size: z.int(),
  root: z.string(),
  rows: z.int(),
  findings: z.array(z.object({ index: z.int().nullable(), table: z.string(), problem: z.string() })),
  requestId: z.string(),
});
