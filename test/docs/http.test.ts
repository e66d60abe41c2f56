import { expect, it } from 'vitest';
import { z } from 'zod';
import { CODE_NAMES, statusOf } from '../../src/wire/codes.ts';
import { ROUTES } from '../../src/wire/routes.ts';
import { coded, tableOf, textOf } from './documents.ts';

const page = textOf('docs/http.md');

it('docs/http.md has every route with its grant, in the order of the wire', () => {
  const written = tableOf(page, 'route').map(([route = '', , , grant = '']) => ({
    route: route.replaceAll('`', ''),
    grant: grant.replaceAll('`', ''),
  }));
  expect(written).toEqual(
    Object.values(ROUTES).map(({ method, path, action }) => ({
      route: `${method.toUpperCase()} ${path}`,
      grant: action,
    })),
  );
});

it('docs/http.md names every key of every request and answer', () => {
  const rows = tableOf(page, 'route');
  for (const [i, { request, answer, path }] of Object.values(ROUTES).entries()) {
    const [, body = '', answered = ''] = rows[i] ?? [];
    expect(wordsOf(body), path).toEqual(request === null ? [] : keysOf(request));
    expect(wordsOf(answered), path).toEqual(keysOf(answer));
  }
});

it('docs/http.md has every code with its status', () => {
  const written = tableOf(page, 'code').map(([code = '', status]) => `${coded(code)[0]} ${status}`);
  expect(written).toEqual(CODE_NAMES.map((code) => `${code} ${statusOf(code)}`));
});

/** The keys that a cell of the table names in its shape. */
const wordsOf = (cell: string): string[] =>
  [...new Set((coded(cell)[0] ?? '').match(/\w+/g) ?? [])].toSorted();

/** The keys of a schema, at any depth; what stands in a failed item's place is told under Batches. */
function keysOf(schema: z.ZodType): string[] {
  const keys = new Set<string>();
  collect(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), keys);
  return [...keys].toSorted();
}

function collect(node: unknown, keys: Set<string>): void {
  if (typeof node !== 'object' || node === null) return;
  const properties: object = 'properties' in node ? Object(node.properties) : {};
  if ('error' in properties) return;
  for (const key of Object.keys(properties)) keys.add(key);
  for (const child of Object.values(node)) collect(child, keys);
}
