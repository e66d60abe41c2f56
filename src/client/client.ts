import type { z } from 'zod';
import type { BoundVault } from '../vault/bound.ts';
import { VaultError } from '../vault/error.ts';
import { ROUTES } from '../wire/routes.ts';
import { isSafeUrl } from '../wire/url.ts';
import { problem } from '../wire/shape.ts';
import { Refused, secondsOf, Unreachable } from './failure.ts';
import { withRetries } from './retry.ts';

export { only } from './only.ts';
export { Refused, Unreachable, VaultError };
export type { BoundVault };
export type { Code } from '../wire/codes.ts';
export type { ItemError, Metadata, Needed } from '../wire/shape.ts';
export type {
  DescribeRequest,
  DetokeniseRequest,
  EraseRequest,
  LookupRequest,
  ReplaceRequest,
  TokeniseRequest,
  VerifyRequest,
} from '../wire/values.ts';

/** What a verb answers, as `Answer<'tokenise'>`; `Answer<'tokenise'>['items'][number]` is what an item comes to. */
export type Answer<Name extends keyof BoundVault> = BoundVault[Name] extends (
  ...asked: never[]
) => Promise<infer Answered>
  ? Answered
  : never;

/** How a vault is reached. */
export interface Connection {
  /** `https://vault.example` or, on loopback, `http://127.0.0.1:7420`. */
  readonly url: string;
  readonly apiKey: string;
  /** Milliseconds before a call is given up: 30,000 unless said. */
  readonly timeout?: number;
  /**
   * How many times more to ask where no answer came, or the vault could not take it then: none unless said. Reads are
   * asked again, and changes that have an idempotency key; a change without one never is. Each time may take `timeout`.
   */
  readonly retries?: number;
}

/** A route as the client asks for it. */
interface Asked<A> {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly answer: z.ZodType<A>;
  readonly batch: boolean;
}

/** How one call is asked. */
interface Way {
  readonly idempotencyKey?: string | null;
  /** Milliseconds for an answer, where that is not the connection's `timeout`. */
  readonly patience?: number;
  /** Whether it may happen twice without harm. */
  readonly repeatable?: boolean;
}

const TIMEOUT = 30_000;
const UNSAFE = 'url is https://host[:port] and nothing after it, or http:// on loopback';
/** What stands before a vault says of its own accord that the vault did not answer. */
const NO_ANSWER = [502, 503, 504];
/** Recomputing a whole log takes long. `fetch` itself waits no longer for an answer. */
const LONG_TIMEOUT = 290_000;

/**
 * A vault over HTTP, with the interface that a host has: the same verbs, answers and errors.
 * @throws TypeError where an API key may not be sent to `url`. Its verbs raise VaultError with the code that the vault answered;
 *   `unavailable` where it could not be reached
 */
export function connect({ url, apiKey, timeout = TIMEOUT, retries = 0 }: Connection): BoundVault {
  // An API key in clear on a network is given away.
  if (!isSafeUrl(url)) throw new TypeError(UNSAFE);
  const base = new URL(url);

  async function askOnce<A>(route: Asked<A>, body: object | null, way: Way): Promise<A> {
    const { idempotencyKey = null, patience = timeout } = way;
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
    const answered: unknown = await response.json().catch((error: unknown) => {
      // A connection that is lost halfway, or too slow, is no answer either.
      if (!(error instanceof SyntaxError)) throw new Unreachable(error);
      return null;
    });
    if (response.status === 200 || response.status === 207) return read(route.answer, answered);
    return refused(route, response, answered);
  }

  const ask = <A>(route: Asked<A>, body: object | null, way: Way = {}): Promise<A> =>
    withRetries(() => askOnce(route, body, way), way.repeatable === true ? retries : 0, pause);
  const show = <A>(route: Asked<A>, body: object | null): Promise<A> =>
    ask(route, body, { repeatable: true });
  const change = <A>(route: Asked<A>, body: object, idempotencyKey: string | null): Promise<A> =>
    ask(route, body, { idempotencyKey, repeatable: idempotencyKey !== null });

  return {
    tokenise: (request, idempotencyKey = null) => change(ROUTES.tokenise, request, idempotencyKey),
    detokenise: (request) => show(ROUTES.detokenise, request),
    mask: (request) => show(ROUTES.mask, request),
    verify: (request) => show(ROUTES.verify, request),
    replace: (request, idempotencyKey = null) => change(ROUTES.replace, request, idempotencyKey),
    lookup: (request) => show(ROUTES.lookup, request),
    describe: (request) => show(ROUTES.describe, request),
    erase: (request, idempotencyKey = null) => change(ROUTES.erase, request, idempotencyKey),
    collections: () => show(ROUTES.collections, null),
    whoami: () => show(ROUTES.whoami, null),
    explain: (request) => show(ROUTES.explain, request),
    clients: {
      add: (request, key = null) => change(ROUTES.addClient, request, key),
      list: () => show(ROUTES.listClients, {}),
      show: (request) => show(ROUTES.showClient, request),
      rotate: (request, key = null) => change(ROUTES.rotateClient, request, key),
      retire: (request, key = null) => change(ROUTES.retireClient, request, key),
      suspend: (request, key = null) => change(ROUTES.suspendClient, request, key),
      resume: (request, key = null) => change(ROUTES.resumeClient, request, key),
      restrict: (request, key = null) => change(ROUTES.restrictClient, request, key),
      lift: (request, key = null) => change(ROUTES.liftClient, request, key),
      expire: (request, key = null) => change(ROUTES.expireClient, request, key),
      admit: (request, key = null) => change(ROUTES.admitClient, request, key),
      revoke: (request, key = null) => change(ROUTES.revokeClient, request, key),
    },
    policy: {
      show: () => show(ROUTES.showPolicy, {}),
      diff: (request) => show(ROUTES.diffPolicy, request),
      apply: (request, key = null) => change(ROUTES.applyPolicy, request, key),
      explain: (request) => show(ROUTES.explainClient, request),
    },
    audit: {
      verify: () => ask(ROUTES.verifyLog, {}, { patience: Math.max(timeout, LONG_TIMEOUT) }),
      key: () => show(ROUTES.logKey, {}),
      rotateKey: () => change(ROUTES.rotateLogKey, {}, null),
      checkpoint: (request = {}) => show(ROUTES.newestCheckpoint, request),
      events: (request) => show(ROUTES.readEvents, request),
      prove: (request) => show(ROUTES.proveEvent, request),
    },
  };
}

function read<A>(schema: z.ZodType<A>, answered: unknown): A {
  const parsed = schema.safeParse(answered);
  if (!parsed.success) throw new VaultError('internal');
  return parsed.data;
}

/** A problem: a batch in which nothing succeeded is an answer with an error an item, all else is raised. */
function refused<A>(route: Asked<A>, { status, headers }: Response, answered: unknown): A {
  const parsed = problem.safeParse(answered);
  if (!parsed.success)
    throw NO_ANSWER.includes(status) ? new Unreachable(`HTTP ${status}`) : new VaultError('internal');
  const { items, requestId } = parsed.data;
  if (route.batch && items !== undefined) return read(route.answer, { items, requestId });
  throw new Refused(parsed.data, secondsOf(headers.get('retry-after')));
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, milliseconds));
