import { z } from 'zod';
import { time } from './shape.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const kind = z.enum(['service', 'custodian', 'auditor']);
const grant = z.string().min(1).max(256);
/** Subnets, as `10.0.0.0/8`; none for anywhere. Read in the vault: one that is none is the request's error. */
const from = z.array(z.string().min(2).max(64)).max(16);
/** By name or by id. */
const client = z.string().min(1).max(64);
/** Why, for whoever reads it later. No API key fits it, since they have a `_`. */
const reason = z.string().regex(/^[A-Za-z0-9.:#/,() -]{1,128}$/);
const restriction = z.enum(['suspended', 'masked', 'approval', 'throttled']);

export const addClientRequest = z.strictObject({
  name,
  kind: kind.default('service'),
  grants: z.array(grant).min(1).max(32),
  expiresAt: time.nullable().default(null),
  from: from.exactOptional(),
});
export type AddClientRequest = z.output<typeof addClientRequest>;

/** An API key: it is shown once. */
export const addClientAnswer = z.object({
  id: z.string(),
  name,
  key: z.string().nullable(),
  idle: z.array(z.string()),
  requestId: z.string(),
});

export const clientSummary = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  state: z.string(),
  grants: z.array(z.string()),
  createdAt: time,
  expiresAt: time.nullable(),
  from: z.array(z.string()),
  /** The ids of the keys that are taken, the current one first: never a key. */
  keys: z.array(
    z.object({ id: z.string(), createdAt: time, until: time.nullable(), lastUsedAt: time.nullable() }),
  ),
  restrictions: z.array(
    z.object({
      restriction: z.string(),
      until: time.nullable(),
      reason: z.string().nullable(),
      by: z.string(),
      at: time,
    }),
  ),
});
export type ClientSummary = z.output<typeof clientSummary>;

export const listClientsRequest = z.strictObject({});
export const listClientsAnswer = z.object({ clients: z.array(clientSummary), requestId: z.string() });

export const showClientRequest = z.strictObject({ client });
export type ShowClientRequest = z.output<typeof showClientRequest>;
export const showClientAnswer = z.object({ client: clientSummary, requestId: z.string() });

/** @see priorKeyUntil until when the key before is taken too; null to end it at once */
export const rotateClientRequest = z.strictObject({ client, priorKeyUntil: time.nullable().default(null) });
export type RotateClientRequest = z.input<typeof rotateClientRequest>;
export const rotateClientAnswer = z.object({
  id: z.string(),
  name: z.string(),
  key: z.string().nullable(),
  priorKeyUntil: time.nullable(),
  requestId: z.string(),
});

export const retireClientRequest = z.strictObject({ client });
export type RetireClientRequest = z.output<typeof retireClientRequest>;

const restricting = { client, until: time.nullable().default(null), reason: reason.exactOptional() };

export const suspendClientRequest = z.strictObject(restricting);
export type SuspendClientRequest = z.input<typeof suspendClientRequest>;

export const resumeClientRequest = z.strictObject({ client });
export type ResumeClientRequest = z.output<typeof resumeClientRequest>;

export const restrictClientRequest = z.strictObject({
  ...restricting,
  restriction: restriction.exclude(['suspended']),
});
export type RestrictClientRequest = z.input<typeof restrictClientRequest>;

export const liftClientRequest = z.strictObject({
  client,
  restriction: restriction.exclude(['suspended']),
});
export type LiftClientRequest = z.output<typeof liftClientRequest>;

export const expireClientRequest = z.strictObject({ client, expiresAt: time.nullable() });
export type ExpireClientRequest = z.output<typeof expireClientRequest>;

export const admitClientRequest = z.strictObject({ client, from });
export type AdmitClientRequest = z.output<typeof admitClientRequest>;

export const revokeClientRequest = z.strictObject({ client });
export type RevokeClientRequest = z.output<typeof revokeClientRequest>;

export const changeClientAnswer = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  requestId: z.string(),
});
