import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Vault } from '../vault/vault.ts';
import type { Code } from '../wire/codes.ts';
import { ROUTES } from '../wire/routes.ts';
import { docsPage, documentText } from './document.ts';
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
export function createApp({ vault, now, random, addressOf, log }: AppDeps): OpenAPIHono<Env> {
  const app = new OpenAPIHono<Env>();
  const nextId = requestIds(random);
  const mounting: Mounting = { app, vault, nextId, now, addressOf, log };

  mount(mounting, ROUTES.tokenise, (bound, request, key) => bound.tokenise(request, key));
  mount(mounting, ROUTES.detokenise, (bound, request) => bound.detokenise(request));
  mount(mounting, ROUTES.collections, (bound) => bound.collections());
  mount(mounting, ROUTES.whoami, (bound) => bound.whoami());
  mount(mounting, ROUTES.addClient, (bound, request) => bound.clients.add(request));
  mount(mounting, ROUTES.listClients, (bound) => bound.clients.list());
  mount(mounting, ROUTES.revokeClient, (bound, request) => bound.clients.revoke(request));
  mount(mounting, ROUTES.verifyLog, (bound) => bound.audit.verify());
  mountHealth(mounting);

  const document = documentText(app);
  app.get('/openapi.json', () => new Response(document, { headers: answerHeaders(nextId()) }));
  app.get('/docs', () => page(docsPage(), nextId()));

  /** The methods of every path that exists, for the answer to a wrong one. */
  const methods = new Map<string, string>();
  for (const { path, method } of app.routes)
    methods.set(path, [methods.get(path) ?? [], method].flat().join(', '));

  // Not a route of its own: a second match would cost every request a middleware chain.
  app.notFound(({ req }) => {
    const allow = methods.get(req.path) ?? null;
    const code: Code = allow === null ? 'not_found' : 'method_not_allowed';
    const requestId = nextId();
    vault.refused(code);
    const response = problem(code, requestId);
    if (allow !== null) response.headers.set('allow', allow);
    const method = METHODS.has(req.method) ? req.method : 'OTHER';
    log({ requestId, method, route: allow === null ? '*' : req.path, status: response.status, ms: 0, code });
    return response;
  });
  app.onError(() => problem('internal', nextId()));
  return app;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const page = (html: string, requestId: string): Response =>
  new Response(html, {
    headers: {
      ...answerHeaders(requestId, 'text/html; charset=utf-8'),
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    },
  });
