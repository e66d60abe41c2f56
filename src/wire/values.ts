import { z } from 'zod';
import {
  batch,
  collectionName,
  failedItem,
  metadata,
  purposeName,
  ref,
  subjectRef,
  ticket,
  time,
  token,
  value,
} from './shape.ts';

export const tokeniseRequest = z.strictObject({
  items: batch(
    z.strictObject({
      collection: collectionName,
      value,
      subject: subjectRef.exactOptional(),
      expiresAt: time.exactOptional(),
      metadata: metadata.exactOptional(),
      ref: ref.exactOptional(),
    }),
  ),
});
export type TokeniseRequest = z.output<typeof tokeniseRequest>;

export const tokeniseAnswer = z.object({
  items: z.array(
    z.union([
      z.object({
        ref: ref.exactOptional(),
        token: z.string(),
        created: z.boolean().exactOptional(),
        expiresAt: time.exactOptional(),
      }),
      failedItem,
    ]),
  ),
  requestId: z.string(),
});

export const detokeniseRequest = z.strictObject({
  purpose: purposeName,
  ticket: ticket.exactOptional(),
  items: batch(z.strictObject({ collection: collectionName, token, ref: ref.exactOptional() })),
});
export type DetokeniseRequest = z.output<typeof detokeniseRequest>;

export const detokeniseAnswer = z.object({
  items: z.array(z.union([z.object({ ref: ref.exactOptional(), value: z.string() }), failedItem])),
  requestId: z.string(),
});

export const collectionsAnswer = z.object({
  collections: z.array(
    z.object({
      name: z.string(),
      format: z.string(),
      tokens: z.enum(['random', 'deterministic']),
      purposes: z.array(z.string()),
      actions: z.array(z.string()),
    }),
  ),
  requestId: z.string(),
});

export const whoamiAnswer = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  grants: z.array(z.string()),
  expiresAt: time.nullable(),
  environment: z.string(),
  requestId: z.string(),
});
