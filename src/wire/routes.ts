import type { z } from 'zod';
import { verifyLogAnswer, verifyLogRequest } from './audit.ts';
import {
  addClientAnswer,
  addClientRequest,
  listClientsAnswer,
  listClientsRequest,
  revokeClientAnswer,
  revokeClientRequest,
} from './clients.ts';
import {
  applyPolicyAnswer,
  applyPolicyRequest,
  diffPolicyAnswer,
  diffPolicyRequest,
  explainAnswer,
  explainClientAnswer,
  explainClientRequest,
  explainRequest,
  showPolicyAnswer,
  showPolicyRequest,
} from './policy.ts';
import {
  collectionsAnswer,
  detokeniseAnswer,
  detokeniseRequest,
  tokeniseAnswer,
  tokeniseRequest,
  whoamiAnswer,
} from './values.ts';

/** One route, as it is validated, typed, documented and asked for by the client. */
export interface Route {
  readonly operation: string;
  readonly method: 'get' | 'post';
  readonly path: string;
  /** The grant that it asks for. */
  readonly action: string;
  readonly summary: string;
  readonly request: z.ZodType | null;
  readonly answer: z.ZodType;
  /** Takes items, each with its own outcome. */
  readonly batch: boolean;
  /** Takes an Idempotency-Key. */
  readonly idempotent: boolean;
}

/** Every route that a caller may use. */
export const ROUTES = {
  tokenise: {
    operation: 'tokenise',
    method: 'post',
    path: '/v1/tokenise',
    action: 'tokenise',
    summary: 'Swap values for tokens',
    request: tokeniseRequest,
    answer: tokeniseAnswer,
    batch: true,
    idempotent: true,
  },
  detokenise: {
    operation: 'detokenise',
    method: 'post',
    path: '/v1/detokenise',
    action: 'detokenise',
    summary: 'Give values back, for a purpose, with an audit record that is durable first',
    request: detokeniseRequest,
    answer: detokeniseAnswer,
    batch: true,
    idempotent: false,
  },
  collections: {
    operation: 'collections',
    method: 'get',
    path: '/v1/collections',
    action: 'any',
    summary: 'The collections that the caller can use',
    request: null,
    answer: collectionsAnswer,
    batch: false,
    idempotent: false,
  },
  whoami: {
    operation: 'whoami',
    method: 'get',
    path: '/v1/whoami',
    action: 'any',
    summary: 'Who the caller is, and its grants',
    request: null,
    answer: whoamiAnswer,
    batch: false,
    idempotent: false,
  },
  explain: {
    operation: 'explain',
    method: 'post',
    path: '/v1/explain',
    action: 'any',
    summary: 'Why a call of the caller would be allowed or refused: every rule, and no value read',
    request: explainRequest,
    answer: explainAnswer,
    batch: false,
    idempotent: false,
  },
  addClient: {
    operation: 'addClient',
    method: 'post',
    path: '/v1/clients/add',
    action: 'clients',
    summary: 'Add a client; its API key is answered once',
    request: addClientRequest,
    answer: addClientAnswer,
    batch: false,
    idempotent: false,
  },
  listClients: {
    operation: 'listClients',
    method: 'post',
    path: '/v1/clients/list',
    action: 'clients',
    summary: 'List clients and their grants',
    request: listClientsRequest,
    answer: listClientsAnswer,
    batch: false,
    idempotent: false,
  },
  revokeClient: {
    operation: 'revokeClient',
    method: 'post',
    path: '/v1/clients/revoke',
    action: 'clients',
    summary: 'Revoke a client for good',
    request: revokeClientRequest,
    answer: revokeClientAnswer,
    batch: false,
    idempotent: false,
  },
  showPolicy: {
    operation: 'showPolicy',
    method: 'post',
    path: '/v1/policy/show',
    action: 'policy',
    summary: 'The active policy',
    request: showPolicyRequest,
    answer: showPolicyAnswer,
    batch: false,
    idempotent: false,
  },
  diffPolicy: {
    operation: 'diffPolicy',
    method: 'post',
    path: '/v1/policy/diff',
    action: 'policy',
    summary: 'What a policy would change, and who would gain and lose what',
    request: diffPolicyRequest,
    answer: diffPolicyAnswer,
    batch: false,
    idempotent: false,
  },
  applyPolicy: {
    operation: 'applyPolicy',
    method: 'post',
    path: '/v1/policy/apply',
    action: 'policy',
    summary: 'Make a policy the active one',
    request: applyPolicyRequest,
    answer: applyPolicyAnswer,
    batch: false,
    idempotent: false,
  },
  explainClient: {
    operation: 'explainClient',
    method: 'post',
    path: '/v1/policy/explain',
    action: 'policy',
    summary: "Why another client's call would be allowed or refused",
    request: explainClientRequest,
    answer: explainClientAnswer,
    batch: false,
    idempotent: false,
  },
  verifyLog: {
    operation: 'verifyLog',
    method: 'post',
    path: '/v1/audit/verify',
    action: 'audit',
    summary: 'Recompute the audit log and hold every row against it',
    request: verifyLogRequest,
    answer: verifyLogAnswer,
    batch: false,
    idempotent: false,
  },
} as const satisfies Record<string, Route>;
