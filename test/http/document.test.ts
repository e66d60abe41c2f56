import { expect, it } from 'vitest';
import { ROUTES } from '../../src/wire/routes.ts';
import { listening } from './listening.ts';

/** `/openapi.json`, held against OpenAPI 3.1.0 as far as it is used here. */

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly operationId: string;
  readonly security: readonly Json[];
  readonly requestBody?: { readonly required: boolean; readonly content: Json };
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Json }>>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: Json };
}

const documentOf = async (): Promise<Document> => {
  const { ask } = await listening();
  const { status, headers, json } = await ask('/openapi.json');
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'application/json' });
  return json as Document;
};

it('has the routes of the wire, no more and no fewer', async () => {
  const { openapi, info, paths, components } = await documentOf();
  expect(openapi).toBe('3.1.0');
  expect(info.title).not.toBe('');
  expect(info.version).not.toBe('');
  expect(components.securitySchemes).toEqual({ apiKey: { type: 'http', scheme: 'bearer' } });
  const documented = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId }]) => `${method} ${path} ${operationId}`),
  );
  const wire = Object.values(ROUTES).map(({ method, path, operation }) => `${method} ${path} ${operation}`);
  expect(documented.toSorted()).toEqual(wire.toSorted());
  expect(new Set(Object.values(ROUTES).map(({ operation }) => operation)).size).toBe(wire.length);
});

it('says of each operation what it takes, and every way in which it may end', async () => {
  const { paths } = await documentOf();
  for (const { method, path, request, batch, idempotent } of Object.values(ROUTES)) {
    const operation = paths[path]?.[method];
    expect(operation?.security, path).toEqual([{ apiKey: [] }]);
    expect(operation?.requestBody?.required ?? false, path).toBe(request !== null);
    const ends = batch ? ['200', '207', 'default'] : ['200', 'default'];
    expect(Object.keys(operation?.responses ?? {}).toSorted(), path).toEqual(ends);
    expect(Object.keys(operation?.responses['default']?.content ?? {})).toEqual(['application/problem+json']);
    for (const { description } of Object.values(operation?.responses ?? {})) expect(description).not.toBe('');
    const names = (operation?.parameters ?? []).map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(names, path).toEqual(idempotent ? ['header idempotency-key'] : []);
  }
});

it('uses the words of JSON Schema 2020-12, resolves its references, and shuts its requests', async () => {
  const document = await documentOf();
  const nodes: Json[] = [...walk(document)];
  // What 3.0 said otherwise: nullable, a boolean exclusiveMinimum, a single example.
  for (const node of nodes) {
    expect(node).not.toHaveProperty('nullable');
    expect(typeof node['exclusiveMinimum']).not.toBe('boolean');
    const reference = node['$ref'];
    if (typeof reference === 'string') expect(resolved(document, reference), reference).toBeDefined();
    const type = node['type'];
    if (typeof type === 'string') expect([...TYPES, 'http']).toContain(type);
    if (Array.isArray(node['required']) && typeof node['properties'] === 'object') {
      expect(Object.keys(node['properties'] ?? {})).toEqual(expect.arrayContaining(node['required']));
    }
  }
  const tokenise = document.paths['/v1/tokenise']?.['post']?.requestBody?.content['application/json'];
  const { items } = (tokenise as { schema: { properties: { items: Json } } }).schema.properties;
  expect(items).toMatchObject({ minItems: 1, maxItems: 1000, items: { additionalProperties: false } });
});

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

function* walk(node: unknown): Generator<Json> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield node as Json;
  for (const child of Object.values(node)) yield* walk(child);
}

/** What an internal reference (`#/components/…`) points at. */
const resolved = (document: object, reference: string): unknown =>
  reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>(
      (node, key) => (typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined),
      document,
    );
