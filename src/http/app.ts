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

  /** Every path that exists, for the answer to a wrong method. */
  const paths = new Set(app.routes.map(({ path }) => path));
  const refuse = (code: Code, route: string, method: string): Response => {
    const requestId = nextId();
    vault.refused(code);
    const response = problem(code, requestId);
    log({
      requestId,
      method: METHODS.has(method) ? method : 'OTHER',
      route,
      status: response.status,
      ms: 0,
      code,
    });
    return response;
  };
  for (const path of paths) {
    app.all(path, ({ req }) => {
      const response = refuse('method_not_allowed', path, req.method);
      response.headers.set('allow', app.routes.find((known) => known.path === path)?.method ?? 'GET');
      return response;
    });
  }
  app.notFound(({ req }) => refuse('not_found', '*', req.method));
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
