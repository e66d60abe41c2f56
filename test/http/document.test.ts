import { Ajv2020 } from 'ajv/dist/2020.js';
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

it('describes what is really sent and answered: the least, the most, in part and refused', async () => {
  const { asking, ask } = await listening();
  const document = (await ask('/openapi.json')).json as Document;
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(document, 'document');
  const holds = (pointer: string, value: unknown): void => {
    const isValid = ajv.validate({ $ref: `document#${pointer}` }, value);
    expect(isValid, `${pointer}: ${ajv.errorsText()} in ${JSON.stringify(value)}`).toBe(true);
  };
  const grants = ['tokenise:cards', 'lookup:cards', 'detokenise:cards@settlement', 'tokenise:notes'];
  const service = await asking(grants);
  const custodian = await asking(['clients:*'], { kind: 'custodian' });
  const auditor = await asking(['audit:*'], { kind: 'auditor' });
  const at = (path: string, method: string) => `/paths/${path.replaceAll('/', '~1')}/${method}`;
  const isProblem = /^application\/problem/;

  async function sends({ ask: send }: typeof service, path: string, body: object | null): Promise<unknown> {
    const method = body === null ? 'get' : 'post';
    if (body !== null) holds(`${at(path, method)}/requestBody/content/application~1json/schema`, body);
    const { status, headers, json } = await send(path, body === null ? {} : { body });
    if (isProblem.test(String(headers['content-type']))) holds('/components/schemas/problem', json);
    else holds(`${at(path, method)}/responses/${status}/content/application~1json/schema`, json);
    return json;
  }

  const card = { collection: 'cards', value: '4111111111111111' };
  const whole = { subject: 'cus_1', expiresAt: '2100-01-01T00:00:00Z', metadata: { a: 1 }, ref: 'r' };
  await sends(service, '/v1/tokenise', { items: [{ collection: 'notes', value: 'x' }] });
  await sends(service, '/v1/tokenise', {
    items: [
      { ...card, ...whole },
      { ...card, value: '1' },
    ],
  });
  await sends(service, '/v1/tokenise', { items: [{ ...card, value: '' }] });
  const made = await sends(service, '/v1/tokenise', { items: [card] });
  const { items } = made as { items: { token: string }[] };
  const asked = { purpose: 'settlement', items: [{ collection: 'cards', token: items[0]?.token }] };
  await sends(service, '/v1/detokenise', asked);
  await sends(service, '/v1/detokenise', { ...asked, ticket: 'T-1', purpose: 'support' });
  await sends(service, '/v1/collections', null);
  await sends(service, '/v1/whoami', null);
  await sends(service, '/v1/explain', { action: 'detokenise', collection: 'cards', purpose: 'support' });
  await sends(service, '/v1/explain', { action: 'tokenise', collection: 'nowhere' });
  const policy = { collections: { cards: { format: 'pan', lengths: { min: 16, max: 19 } } } };
  const keeper = await asking(['policy:*'], { kind: 'custodian' });
  await sends(keeper, '/v1/policy/show', {});
  await sends(keeper, '/v1/policy/diff', { policy });
  await sends(keeper, '/v1/policy/diff', { policy: { collections: { cards: { format: 'text' } } } });
  const reviewed = { client: service.client.name, action: 'detokenise', collection: 'cards' };
  await sends(keeper, '/v1/policy/explain', { ...reviewed, purpose: 'settlement' });
  await sends(keeper, '/v1/policy/apply', { policy, expected: 7 });
  await sends(keeper, '/v1/policy/apply', { policy, expected: 1 });
  await sends(service, '/v1/clients/list', {});
  await sends(custodian, '/v1/clients/add', { name: 'one', grants: ['tokenise:cards'] });
  await sends(custodian, '/v1/clients/add', { name: 'one', grants: ['tokenise:cards'], kind: 'service' });
  await sends(custodian, '/v1/clients/list', {});
  await sends(custodian, '/v1/clients/revoke', { client: 'one' });
  await sends(auditor, '/v1/audit/verify', {});
});
