import { z } from 'zod';
import { time } from './shape.ts';

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const kind = z.enum(['service', 'custodian', 'auditor']);
const grant = z.string().min(1).max(256);

export const addClientRequest = z.strictObject({
  name,
  kind: kind.default('service'),
  grants: z.array(grant).min(1).max(32),
  expiresAt: time.nullable().default(null),
});
export type AddClientRequest = z.output<typeof addClientRequest>;

/** The one answer that holds an API key: it is shown once. */
export const addClientAnswer = z.object({
  id: z.string(),
  name,
  key: z.string(),
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
});
export type ClientSummary = z.output<typeof clientSummary>;

export const listClientsRequest = z.strictObject({});
export const listClientsAnswer = z.object({ clients: z.array(clientSummary), requestId: z.string() });

/** By name or by id. */
export const revokeClientRequest = z.strictObject({ client: z.string().min(1).max(64) });
export type RevokeClientRequest = z.output<typeof revokeClientRequest>;
export const revokeClientAnswer = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  requestId: z.string(),
});
