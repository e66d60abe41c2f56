import { z } from 'zod';
import {
  batch,
  collectionName,
  failedItem,
  metadata,
  purposeName,
  reason,
  ref,
  subjectRef,
  ticket,
  time,
  token,
  value,
  version,
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

/** What names a token in a batch. */
const named = { collection: collectionName, token, ref: ref.exactOptional() };
/** A version of its value; without it the newest. */
const versioned = { ...named, version: version.exactOptional() };
const why = { purpose: purposeName, ticket: ticket.exactOptional() };

/** Each item's answer, or its error. */
const answers = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.object({
    items: z.array(z.union([z.object({ ref: ref.exactOptional(), ...shape }), failedItem])),
    requestId: z.string(),
  });

export const detokeniseRequest = z.strictObject({ ...why, items: batch(z.strictObject(versioned)) });
export type DetokeniseRequest = z.output<typeof detokeniseRequest>;
export const detokeniseAnswer = answers({ value: z.string() });
export const maskAnswer = answers({ masked: z.string() });

export const verifyRequest = z.strictObject({
  ...why,
  items: batch(z.strictObject({ ...versioned, value })),
});
export type VerifyRequest = z.output<typeof verifyRequest>;
export const verifyAnswer = answers({ match: z.boolean() });

export const replaceRequest = z.strictObject({
  items: batch(
    z.strictObject({
      ...named,
      value,
      ifVersion: version.exactOptional(),
      /** Null makes a value that never expires; without it the stored expiry stays. */
      expiresAt: time.nullable().exactOptional(),
      metadata: metadata.exactOptional(),
    }),
  ),
});
export type ReplaceRequest = z.output<typeof replaceRequest>;
export const replaceAnswer = answers({ version });

export const lookupRequest = z.strictObject({
  items: batch(
    z.strictObject({
      collection: collectionName,
      value,
      subject: subjectRef.exactOptional(),
      ref: ref.exactOptional(),
    }),
  ),
});
export type LookupRequest = z.output<typeof lookupRequest>;
export const lookupAnswer = answers({ tokens: z.array(z.string()), more: z.literal(true).exactOptional() });

export const describeRequest = z.strictObject({ items: batch(z.strictObject(named)) });
export type DescribeRequest = z.output<typeof describeRequest>;
export const describeAnswer = answers({
  created: time,
  creator: z.string(),
  version,
  expiresAt: time.exactOptional(),
  subject: subjectRef.exactOptional(),
  metadata: metadata.exactOptional(),
});

export const eraseRequest = z.strictObject({
  reason,
  ticket: ticket.exactOptional(),
  items: batch(z.strictObject(named)),
});
export type EraseRequest = z.output<typeof eraseRequest>;
export const eraseAnswer = answers({ erased: z.literal(true) });

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
