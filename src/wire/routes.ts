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
  collectionsAnswer,
  describeAnswer,
  describeRequest,
  detokeniseAnswer,
  detokeniseRequest,
  eraseAnswer,
  eraseRequest,
  lookupAnswer,
  lookupRequest,
  maskAnswer,
  replaceAnswer,
  replaceRequest,
  tokeniseAnswer,
  tokeniseRequest,
  verifyAnswer,
  verifyRequest,
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
  mask: {
    operation: 'mask',
    method: 'post',
    path: '/v1/mask',
    action: 'mask',
    summary: 'Show what a mask leaves of values, for a purpose',
    request: detokeniseRequest,
    answer: maskAnswer,
    batch: true,
    idempotent: false,
  },
  verify: {
    operation: 'verify',
    method: 'post',
    path: '/v1/verify',
    action: 'verify',
    summary: 'Tell whether a token stands for a value, without revealing it',
    request: verifyRequest,
    answer: verifyAnswer,
    batch: true,
    idempotent: false,
  },
  replace: {
    operation: 'replace',
    method: 'post',
    path: '/v1/replace',
    action: 'replace',
    summary: 'Put a new value behind a token that stays as it is',
    request: replaceRequest,
    answer: replaceAnswer,
    batch: true,
    idempotent: true,
  },
  lookup: {
    operation: 'lookup',
    method: 'post',
    path: '/v1/lookup',
    action: 'lookup',
    summary: 'Find the tokens of values',
    request: lookupRequest,
    answer: lookupAnswer,
    batch: true,
    idempotent: false,
  },
  describe: {
    operation: 'describe',
    method: 'post',
    path: '/v1/describe',
    action: 'describe',
    summary: 'Tell everything of tokens but their values',
    request: describeRequest,
    answer: describeAnswer,
    batch: true,
    idempotent: false,
  },
  erase: {
    operation: 'erase',
    method: 'post',
    path: '/v1/erase',
    action: 'erase',
    summary: 'Destroy values for good; their tokens are never issued again',
    request: eraseRequest,
    answer: eraseAnswer,
    batch: true,
    idempotent: true,
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
