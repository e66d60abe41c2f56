import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { BoundVault } from '../vault/bound.ts';
import { RequestRefused, VaultError } from '../vault/error.ts';
import type { Vault } from '../vault/vault.ts';
import type { Code } from '../wire/codes.ts';
import type { Route } from '../wire/routes.ts';
import { idempotencyKey as idempotencyKeyShape } from '../wire/shape.ts';
import { batchAnswer, type BatchAnswer, type ItemTally, tallyOf } from './batch.ts';
import { type Bodies, BodyRefused, checkHeaders, parseBody, type SchemaKeys } from './body.ts';
import { answerHeaders, problem } from './problem.ts';
import { bearerOf, type Env, originOf } from './request.ts';

/** What mounting routes needs. */
export interface Mounting {
  readonly app: Hono<Env>;
  readonly vault: Vault;
  readonly bodies: Bodies;
  readonly nextId: () => string;
  readonly now: () => number;
  /** The caller's address, seen through the proxies that are trusted. */
  readonly addressOf: (context: Context<Env>) => string | null;
  readonly log: (line: RequestLine) => void;
}

/** One line a request: the route's pattern, never its path; nothing that a caller wrote. */
export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** Of a request that failed: whole, or in every item. */
  readonly code?: Code | undefined;
  /** Of a request with items. */
  readonly items?: ItemTally | undefined;
  readonly failure?: unknown;
  /** Why the vault is not ready: a sentence of ours. */
  readonly fault?: string;
}

/** An answer's type as the vault gives it: nobody changes it any more. */
type Frozen<T> = T extends readonly (infer U)[]
  ? readonly Frozen<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

/** What a verb must answer for its route: items with an outcome each, or what the route's schema says. */
type AnswerOf<R extends Route> = R['batch'] extends true ? BatchAnswer : Frozen<z.input<R['answer']>>;

/** Calls one verb of the bound vault with a parsed request. */
type Call<R extends Route> = (
  vault: BoundVault,
  request: R['request'] extends z.ZodType ? z.output<R['request']> : null,
  idempotencyKey: string | null,
) => Promise<AnswerOf<R>>;

/** Mounts one route of the wire: authenticate, parse, call, 200, 207 or a problem. */
export function mount<R extends Route>(mounting: Mounting, route: R, call: Call<R>): void {
  const { app, nextId, now, log } = mounting;
  const keys: SchemaKeys =
    route.request === null
      ? {}
      : (z.toJSONSchema(route.request, { io: 'input', unrepresentable: 'any' }) as SchemaKeys);
  const method = route.method.toUpperCase();

  async function handle(context: Context<Env>): Promise<Response> {
    const requestId = nextId();
    const started = now();
    try {
      const { response, code, items } = await answer(mounting, route, keys, call, context, requestId);
      log({
        requestId,
        method,
        route: route.path,
        status: response.status,
        ms: now() - started,
        code,
        items,
      });
      return response;
    } catch (error) {
      const response = refuse(mounting, error, context, requestId);
      const code = codeOf(error);
      const failure = code === 'internal' ? error : undefined;
      log({
        requestId,
        method,
        route: route.path,
        status: response.status,
        ms: now() - started,
        code,
        failure,
      });
      return response;
    }
  }

  app.on(method, route.path, handle);
}

interface Answered extends Pick<RequestLine, 'code' | 'items'> {
  readonly response: Response;
}

async function answer<R extends Route>(
  { vault, bodies, addressOf }: Mounting,
  route: R,
  keys: SchemaKeys,
  call: Call<R>,
  context: Context<Env>,
  requestId: string,
): Promise<Answered> {
  const { incoming } = context.env;
  if (route.request !== null) checkHeaders(incoming);
  const apiKey = bearerOf(incoming.headers);
  if (apiKey === null) throw new VaultError('unauthenticated');
  const from = addressOf(context);
  const who = await vault.authenticate(apiKey, from);
  const request = route.request === null ? null : parseBody(await bodies.read(incoming), route.request, keys);
  const bound = vault.bind({ who, origin: originOf(incoming.headers, from, requestId) });
  const key = route.idempotent ? idempotencyKeyOf(incoming.headers['idempotency-key']) : null;
  // The schema that parsed it is the one that types it: TypeScript does not carry that through the route's type.
  const answered = await call(bound, request as Parameters<typeof call>[1], key);
  if (route.batch) return batchAnswered(answered as BatchAnswer);
  return {
    response: new Response(JSON.stringify(answered), { status: 200, headers: answerHeaders(requestId) }),
  };
}

function batchAnswered(answered: BatchAnswer): Answered {
  const items = tallyOf(answered);
  const [first] = items.failed.keys();
  const failed = items.done === 0 && first !== undefined ? { code: first } : {};
  return { response: batchAnswer(answered), items, ...failed };
}

function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const parsed = idempotencyKeyShape.safeParse(header);
  if (!parsed.success) throw new BodyRefused('invalid_request', [{ pointer: '', code: 'idempotency_key' }]);
  return parsed.data;
}

const isPlaced = (error: unknown): error is BodyRefused | RequestRefused =>
  error instanceof BodyRefused || error instanceof RequestRefused;

const codeOf = (error: unknown): Code =>
  error instanceof VaultError || error instanceof BodyRefused ? error.code : 'internal';

/** An error as a problem; those before a caller is known or a body is parsed are counted. */
function refuse(
  { vault, addressOf }: Mounting,
  error: unknown,
  context: Context<Env>,
  requestId: string,
): Response {
  const code = codeOf(error);
  if (error instanceof BodyRefused || code === 'unauthenticated') vault.refused(code, addressOf(context));
  const errors = isPlaced(error) && error.errors.length > 0 ? { errors: error.errors } : {};
  const needed = error instanceof VaultError ? { needed: error.needed } : {};
  return problem(code, requestId, { ...needed, ...errors });
}
