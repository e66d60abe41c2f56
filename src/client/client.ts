import type { z } from 'zod';
import type { BoundVault } from '../vault/bound.ts';
import { VaultError } from '../vault/error.ts';
import { ROUTES } from '../wire/routes.ts';
import { isSafeUrl } from '../wire/url.ts';
import { problem } from '../wire/shape.ts';

export { VaultError };

/** How a vault is reached. */
export interface Connection {
  /** `https://vault.example` or, on loopback, `http://127.0.0.1:7420`. */
  readonly url: string;
  readonly apiKey: string;
  /** Milliseconds before a call is given up. */
  readonly timeout?: number;
}

/** A route as the client asks for it. */
interface Asked<A> {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly answer: z.ZodType<A>;
  readonly batch: boolean;
}

/** No answer came: whether a change happened is not known. `reason` is the system's word for why, as `ECONNREFUSED`. */
export class Unreachable extends VaultError {
  readonly reason: string;

  constructor(error: unknown) {
    super('unavailable');
    this.name = 'Unreachable';
    this.reason = reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return error.name;
}

const TIMEOUT = 30_000;
/** Recomputing a whole log takes long. `fetch` itself waits no longer for an answer. */
const LONG_TIMEOUT = 290_000;

/**
 * A vault over HTTP, with the interface that a host has: the same verbs, answers and errors.
 * @throws VaultError with the code that the vault answered; `unavailable` where it could not be reached
 */
export function connect({ url, apiKey, timeout = TIMEOUT }: Connection): BoundVault {
  // An API key in clear on a network is given away.
  if (!isSafeUrl(url)) throw new VaultError('invalid_request');
  const base = new URL(url);

  async function ask<A>(
    route: Asked<A>,
    body: object | null,
    idempotencyKey: string | null = null,
    patience = timeout,
  ): Promise<A> {
    const response = await fetch(new URL(route.path, base), {
      method: route.method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === null ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: body === null ? null : JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
    }).catch((error: unknown) => {
      throw new Unreachable(error);
    });
    const answered: unknown = await response.json().catch(() => null);
    if (response.status === 200 || response.status === 207) return read(route.answer, answered);
    return refused(route, answered);
  }

  return {
    tokenise: (request, idempotencyKey = null) => ask(ROUTES.tokenise, request, idempotencyKey),
    detokenise: (request) => ask(ROUTES.detokenise, request),
    mask: (request) => ask(ROUTES.mask, request),
    verify: (request) => ask(ROUTES.verify, request),
    replace: (request, idempotencyKey = null) => ask(ROUTES.replace, request, idempotencyKey),
    lookup: (request) => ask(ROUTES.lookup, request),
    describe: (request) => ask(ROUTES.describe, request),
    erase: (request, idempotencyKey = null) => ask(ROUTES.erase, request, idempotencyKey),
    collections: () => ask(ROUTES.collections, null),
    whoami: () => ask(ROUTES.whoami, null),
    explain: (request) => ask(ROUTES.explain, request),
    clients: {
      add: (request) => ask(ROUTES.addClient, request),
      list: () => ask(ROUTES.listClients, {}),
      show: (request) => ask(ROUTES.showClient, request),
      rotate: (request) => ask(ROUTES.rotateClient, request),
      retire: (request) => ask(ROUTES.retireClient, request),
      suspend: (request) => ask(ROUTES.suspendClient, request),
      resume: (request) => ask(ROUTES.resumeClient, request),
      restrict: (request) => ask(ROUTES.restrictClient, request),
      lift: (request) => ask(ROUTES.liftClient, request),
      expire: (request) => ask(ROUTES.expireClient, request),
      admit: (request) => ask(ROUTES.admitClient, request),
      revoke: (request) => ask(ROUTES.revokeClient, request),
    },
    policy: {
      show: () => ask(ROUTES.showPolicy, {}),
      diff: (request) => ask(ROUTES.diffPolicy, request),
      apply: (request) => ask(ROUTES.applyPolicy, request),
      explain: (request) => ask(ROUTES.explainClient, request),
    },
    audit: { verify: () => ask(ROUTES.verifyLog, {}, null, Math.max(timeout, LONG_TIMEOUT)) },
  };
}

function read<A>(schema: z.ZodType<A>, answered: unknown): A {
  const parsed = schema.safeParse(answered);
  if (!parsed.success) throw new VaultError('internal');
  return parsed.data;
}

/** A problem: a batch in which nothing succeeded is an answer with an error an item, all else is raised. */
function refused<A>(route: Asked<A>, answered: unknown): A {
  const parsed = problem.safeParse(answered);
  if (!parsed.success) throw new VaultError('internal');
  const { code, needed, items, requestId } = parsed.data;
  if (route.batch && items !== undefined) return read(route.answer, { items, requestId });
  throw new VaultError(code, needed ?? null);
}
