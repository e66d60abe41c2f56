import { z } from 'zod';

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
