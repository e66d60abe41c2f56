import { Hono } from 'hono';
import type { App } from './app.ts';
import { shared } from './health.ts';
import { answerHeaders, problem } from './problem.ts';
import { type Env, requestIds } from './request.ts';

/** `GET /metrics` and nothing else. Its requests are not logged: one comes every few seconds. */
export function createMetricsApp(scrape: () => Promise<string>, random: (bytes: number) => Uint8Array): App {
  const nextId = requestIds(random);
  const refuse: App['refuse'] = (code) => problem(code, nextId());
  const scraped = shared(scrape);
  const app = new Hono<Env>();
  app.get('/metrics', async () => {
    // Prometheus' text format, version 0.0.4.
    const headers = answerHeaders(nextId(), 'text/plain; version=0.0.4; charset=utf-8');
    return new Response(await scraped(), { headers });
  });
  app.notFound(({ req }) => {
    if (req.path !== '/metrics') return refuse('not_found');
    const response = refuse('method_not_allowed');
    response.headers.set('allow', 'GET');
    return response;
  });
  app.onError(() => refuse('internal'));
  return { fetch: app.fetch, refuse };
}
