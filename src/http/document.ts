import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { idempotencyKey, problem as problemShape } from '../wire/shape.ts';
import { type Route, ROUTES } from '../wire/routes.ts';
import { z } from 'zod';
import type { Env } from './request.ts';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });

/** Adds a route to the OpenAPI document. Requests are parsed by zod itself, not by the document's middleware. */
export function documentRoute(app: OpenAPIHono<Env>, route: Route): void {
  const { operation, method, path, summary, action, request, answer, batch, idempotent } = route;
  const body = request === null ? {} : { body: { content: json(request), required: true } };
  const headers = idempotent ? { headers: z.object({ 'idempotency-key': idempotencyKey.optional() }) } : {};
  const partly = batch ? { 207: { description: 'Some items failed', content: json(answer) } } : {};
  const refused = {
    description: 'Refused or failed',
    content: { 'application/problem+json': { schema: problemShape } },
  };
  app.openAPIRegistry.registerPath(
    createRoute({
      operationId: operation,
      method,
      path,
      summary,
      description: action === 'any' ? 'Any client may ask.' : `Asks for a grant to \`${action}\`.`,
      security: [{ apiKey: [] }],
      request: { ...body, ...headers },
      responses: { 200: { description: 'Done', content: json(answer) }, ...partly, default: refused },
    }),
  );
}

/** The OpenAPI 3.1 document, as text. */
export function documentText(app: OpenAPIHono<Env>): string {
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' });
  const info = { title: 'Strongroom', version: '1', description: 'A tokenisation vault.' };
  return JSON.stringify(app.getOpenAPI31Document({ openapi: '3.1.0', info }));
}

/** One page that lists every route: no script, nothing from elsewhere. */
export function docsPage(): string {
  const rows = Object.values(ROUTES)
    .map(({ method, path, action, summary }) => {
      const cells = [`<code>${method.toUpperCase()} ${path}</code>`, `<code>${action}</code>`, summary];
      return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
    })
    .join('\n');
  return `<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Strongroom</title>
<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding:.3rem 1rem .3rem 0;vertical-align:top}</style>
</head>
<body>
<h1>Strongroom</h1>
<p>Every request carries <code>Authorization: Bearer &lt;API key&gt;</code>; bodies and answers are JSON; errors are <code>application/problem+json</code>. The whole contract, with every shape: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>
<table>
<tr><th align="left">route</th><th align="left">grant</th><th></th></tr>
${rows}
</table>
</body>
</html>
`;
}
