import { z } from 'zod';
import { type Route, ROUTES } from '../wire/routes.ts';
import { idempotencyKey, problem } from '../wire/shape.ts';

/** JSON Schema 2020-12, as OpenAPI 3.1 takes it, of what is parsed (`input`) or answered (`output`). */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

const json = (schema: object) => ({ 'application/json': { schema } });

/** One route as an operation of OpenAPI 3.1. */
function operationOf({ operation, summary, action, request, answer, batch, idempotent }: Route): object {
  const answered = json(schemaOf(answer, 'output'));
  const key = { name: 'idempotency-key', in: 'header', schema: schemaOf(idempotencyKey, 'input') };
  return {
    operationId: operation,
    summary,
    description: action === 'any' ? 'Any client may ask.' : `Asks for a grant to \`${action}\`.`,
    security: [{ apiKey: [] }],
    ...(idempotent ? { parameters: [key] } : {}),
    ...(request === null
      ? {}
      : { requestBody: { required: true, content: json(schemaOf(request, 'input')) } }),
    responses: {
      200: { description: 'Done', content: answered },
      ...(batch ? { 207: { description: 'Some items failed', content: answered } } : {}),
      default: {
        description: 'Refused or failed',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/problem' } } },
      },
    },
  };
}

/** The OpenAPI 3.1 document, as text. */
export function documentText(): string {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of Object.values<Route>(ROUTES))
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  return JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Strongroom', version: '1', description: 'A tokenisation vault.' },
    paths,
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } },
      schemas: { problem: schemaOf(problem, 'output') },
    },
  });
}

/** One page that lists every route: no script, nothing from elsewhere. */
export function docsPage(): string {
  const rows = Object.values(ROUTES)
    .map(({ method, path, action, summary }) => {
      const cells = [`<code>${method.toUpperCase()} ${path}</code>`, `<code>${action}</code>`, summary];
      return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
    })
    .join('\n');
  const idempotent = Object.values(ROUTES)
    .filter((route) => route.idempotent)
    .map(({ path }) => `<code>${path}</code>`)
    .join(', ');
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
<p><code>GET /livez</code> and <code>GET /readyz</code> ask no key: the process answers; it can do its work. A batch answers 200 where all items succeeded, 207 where some failed, and a problem where all did. <code>Idempotency-Key</code> is taken by: ${idempotent}.</p>
</body>
</html>
`;
}
