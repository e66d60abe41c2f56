import { z } from 'zod';

/** The last index that a log of this size of integers can have. */
const index = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

export const logKeyRequest = z.strictObject({});
/** `key`: a verifier key of C2SP signed-note. */
export const logKeyAnswer = z.object({ key: z.string(), requestId: z.string() });

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
