import { z } from 'zod';
import { CODE_NAMES } from './codes.ts';
import { collectionName, needed, purposeName, time } from './shape.ts';

/** What strongroom.yaml has under purposes, collections and roles: read by the vault, with every problem at once. */
const policy = z.record(z.string(), z.unknown());

const pathStep = z.union([z.string(), z.int()]);
const problem = z.object({ path: z.array(pathStep), problem: z.string() });

/** One line of a comparison. `from` and `to` are names, grants, or options as JSON. */
const change = z.object({
  what: z.enum(['collection', 'purpose', 'role', 'audit']),
  name: z.string(),
  change: z.enum([
    'added',
    'closed',
    'reopened',
    'renamed',
    'changed',
    'removed',
    'gains a grant',
    'loses a grant',
  ]),
  option: z.string().exactOptional(),
  from: z.string().exactOptional(),
  to: z.string().exactOptional(),
  /** The option is fixed at the first value: it may change, since the collection has none yet. */
  fixed: z.boolean().exactOptional(),
});
export type PolicyChange = Readonly<z.output<typeof change>>;

/** What a client may do under one policy and may not under the other. */
const access = z.object({
  client: z.string(),
  name: z.string(),
  change: z.enum(['gains', 'loses']),
  action: z.string(),
  /** By its name under the new policy; by its old one where that closes it. None for a duty. */
  collection: z.string().exactOptional(),
  formerly: z.string().exactOptional(),
  purpose: z.string().exactOptional(),
});
export type AccessChange = Readonly<z.output<typeof access>>;

const idle = z.object({ client: z.string(), name: z.string(), grant: z.string() });
export type IdleGrant = Readonly<z.output<typeof idle>>;

/** At most so many of each are told; `more` says how many others there are. */
const more = z.object({ changes: z.int(), access: z.int(), idle: z.int(), problems: z.int() });

const comparison = {
  /** The number of the active policy. */
  number: z.int(),
  same: z.boolean(),
  problems: z.array(problem),
  changes: z.array(change),
  access: z.array(access),
  /** Grants that allow nothing any more: they name what is no longer there under that name. */
  idle: z.array(idle),
  more,
};

export const diffPolicyRequest = z.strictObject({ policy });
export type DiffPolicyRequest = z.output<typeof diffPolicyRequest>;
export const diffPolicyAnswer = z.object({ ...comparison, requestId: z.string() });

export const applyPolicyRequest = z.strictObject({
  policy,
  /** The number that must be the active one's. */
  expected: z.int().min(0).exactOptional(),
});
export type ApplyPolicyRequest = z.output<typeof applyPolicyRequest>;
export const applyPolicyAnswer = z.object({
  applied: z.boolean(),
  number: z.int(),
  note: z.string().exactOptional(),
  requestId: z.string(),
});

export const showPolicyRequest = z.strictObject({});
export const showPolicyAnswer = z.object({
  number: z.int(),
  at: time.nullable(),
  policy,
  requestId: z.string(),
});

export const explainRequest = z.strictObject({
  action: z.string().min(1).max(32),
  collection: collectionName,
  purpose: purposeName.exactOptional(),
});
export type ExplainRequest = z.output<typeof explainRequest>;

export const explainClientRequest = z.strictObject({
  client: z.string().min(1).max(64),
  action: z.string().min(1).max(32),
  collection: collectionName,
  purpose: purposeName.exactOptional(),
});
export type ExplainClientRequest = z.output<typeof explainClientRequest>;

const explanation = {
  allowed: z.boolean(),
  code: z.enum(CODE_NAMES).exactOptional(),
  needed: needed.exactOptional(),
  rules: z.array(
    z.object({
      rule: z.string(),
      outcome: z.enum(['passed', 'refused', 'not reached', 'for each token']),
      sentence: z.string(),
    }),
  ),
};
export const explainAnswer = z.object({ ...explanation, requestId: z.string() });
export const explainClientAnswer = z.object({
  client: z.string(),
  name: z.string(),
  ...explanation,
  requestId: z.string(),
});
