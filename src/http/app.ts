import { type Context, Hono } from 'hono';
import type { Vault } from '../vault/vault.ts';
import type { Code } from '../wire/codes.ts';
import { ROUTES } from '../wire/routes.ts';
import { Bodies } from './body.ts';
import { docsPage, documentText } from './document.ts';
import { mountLog } from './log.ts';
import { mountHealth } from './health.ts';
import { answerHeaders, problem } from './problem.ts';
import { type Env, requestIds } from './request.ts';
import { mount, type Mounting, type RequestLine } from './verb.ts';

export interface AppDeps {
  readonly vault: Vault;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly addressOf: (context: Context<Env>) => string | null;
  readonly log: (line: RequestLine) => void;
}

/** The vault over HTTP. */
export interface App {
  readonly fetch: Hono<Env>['fetch'];
  /** The answer to what never comes to a route: counted and logged as any other. */
  readonly refuse: (code: Code) => Response;
}

export function createApp({ vault, now, random, addressOf, log }: AppDeps): App {
  const app = new Hono<Env>();
  const nextId = requestIds(random);
  const mounting: Mounting = { app, vault, bodies: new Bodies(), nextId, now, addressOf, log };

  mount(mounting, ROUTES.tokenise, (bound, request, key) => bound.tokenise(request, key));
  mount(mounting, ROUTES.detokenise, (bound, request) => bound.detokenise(request));
  mount(mounting, ROUTES.mask, (bound, request) => bound.mask(request));
  mount(mounting, ROUTES.verify, (bound, request) => bound.verify(request));
  mount(mounting, ROUTES.replace, (bound, request, key) => bound.replace(request, key));
  mount(mounting, ROUTES.lookup, (bound, request) => bound.lookup(request));
  mount(mounting, ROUTES.describe, (bound, request) => bound.describe(request));
  mount(mounting, ROUTES.erase, (bound, request, key) => bound.erase(request, key));
  mount(mounting, ROUTES.collections, (bound) => bound.collections());
  mount(mounting, ROUTES.whoami, (bound) => bound.whoami());
  mount(mounting, ROUTES.explain, (bound, request) => bound.explain(request));
  mount(mounting, ROUTES.addClient, (bound, request, key) => bound.clients.add(request, key));
  mount(mounting, ROUTES.listClients, (bound) => bound.clients.list());
  mount(mounting, ROUTES.showClient, (bound, request) => bound.clients.show(request));
  mount(mounting, ROUTES.rotateClient, (bound, request, key) => bound.clients.rotate(request, key));
  mount(mounting, ROUTES.retireClient, (bound, request, key) => bound.clients.retire(request, key));
  mount(mounting, ROUTES.suspendClient, (bound, request, key) => bound.clients.suspend(request, key));
  mount(mounting, ROUTES.resumeClient, (bound, request, key) => bound.clients.resume(request, key));
  mount(mounting, ROUTES.restrictClient, (bound, request, key) => bound.clients.restrict(request, key));
  mount(mounting, ROUTES.liftClient, (bound, request, key) => bound.clients.lift(request, key));
  mount(mounting, ROUTES.expireClient, (bound, request, key) => bound.clients.expire(request, key));
  mount(mounting, ROUTES.admitClient, (bound, request, key) => bound.clients.admit(request, key));
  mount(mounting, ROUTES.revokeClient, (bound, request, key) => bound.clients.revoke(request, key));
  mount(mounting, ROUTES.showPolicy, (bound) => bound.policy.show());
  mount(mounting, ROUTES.diffPolicy, (bound, request) => bound.policy.diff(request));
  mount(mounting, ROUTES.applyPolicy, (bound, request, key) => bound.policy.apply(request, key));
  mount(mounting, ROUTES.explainClient, (bound, request) => bound.policy.explain(request));
  mount(mounting, ROUTES.verifyLog, (bound) => bound.audit.verify());
  mount(mounting, ROUTES.logKey, (bound) => bound.audit.key());
  mount(mounting, ROUTES.rotateLogKey, (bound) => bound.audit.rotateKey());
  mount(mounting, ROUTES.newestCheckpoint, (bound, request) => bound.audit.checkpoint(request));
  mount(mounting, ROUTES.readEvents, (bound, request) => bound.audit.events(request));
  mount(mounting, ROUTES.proveEvent, (bound, request) => bound.audit.prove(request));
  mountLog(mounting);
  mountHealth(mounting);
  mountPage(mounting, '/openapi.json', documentText(), 'application/json');
  mountPage(mounting, '/docs', docsPage(), 'text/html; charset=utf-8');

  /** The methods of every path that exists, for the answer to a wrong one. */
  const methods = new Map<string, string>();
  for (const { path, method } of app.routes)
    methods.set(path, [methods.get(path) ?? [], method].flat().join(', '));

  function refuse(code: Code, method: string, route: string, failure?: unknown): Response {
    const requestId = nextId();
    const response = problem(code, requestId);
    log({ requestId, method, route, status: response.status, ms: 0, code, failure });
    return response;
  }

  // Not a route of its own: a second match would cost every request a middleware chain.
  app.notFound((context) => {
    const { req } = context;
    const allow = methods.get(req.path) ?? null;
    const code: Code = allow === null ? 'not_found' : 'method_not_allowed';
    vault.refused(code, addressOf(context));
    const response = refuse(code, methodOf(req.method), allow === null ? '*' : req.path);
    if (allow !== null) response.headers.set('allow', allow);
    return response;
  });
  app.onError((failure, { req }) => refuse('internal', methodOf(req.method), '*', failure));
  return {
    fetch: app.fetch,
    refuse: (code) => {
      vault.refused(code, null);
      return refuse(code, 'OTHER', '*');
    },
  };
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** A method as it may be logged: one that is not known is what a caller wrote. */
const methodOf = (method: string): string => (METHODS.has(method) ? method : 'OTHER');

function mountPage({ app, nextId, log }: Mounting, route: string, text: string, type: string): void {
  app.get(route, () => {
    const requestId = nextId();
    log({ requestId, method: 'GET', route, status: 200, ms: 0 });
    return new Response(text, {
      headers: {
        ...answerHeaders(requestId, type),
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      },
    });
  });
}
