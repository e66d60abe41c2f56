import { describe, expect, it } from 'vitest';
import { bindOptions, collectionSchema, FORMAT_NAMES, formats } from '../../src/formats/catalogue.ts';
import { newVault } from '../harness.ts';

/** Every format of the catalogue in a real vault, under the options of its example, random and deterministic. */

const environment = 'test';
const schema = collectionSchema({});
const cases = FORMAT_NAMES.map((name) => {
  const { options, value } = formats[name].about.example;
  const bound = bindOptions(schema.parse({ format: name, ...options }), { environment });
  const parsed = bound.parse(value);
  return { name, options, value, bound, normal: parsed.ok ? parsed.normal : '' };
});

const collectionOf = (name: string, more: object): string =>
  `  ${name}: ${JSON.stringify({ format: name, purposes: ['settlement'], ...more })}`;
const POLICY = [
  'purposes: { settlement: { basis: contract } }',
  'collections:',
  ...cases.map(({ name, options }) => collectionOf(name, options)),
  ...cases.map(({ name, options }) =>
    collectionOf(name, { ...options, tokens: 'deterministic', guessable: 'accepted' }).replace(
      name,
      `known/${name}`,
    ),
  ),
  '',
].join('\n');

type Item = { readonly token: string } | { readonly error: { readonly code: string } } | object;
const tokensOf = (items: readonly Item[]): string[] =>
  items.map((item) => ('token' in item ? item.token : ''));
const codesOf = (items: readonly Item[]): string[] =>
  items.map((item) => ('error' in item ? item.error.code : ''));

async function opened() {
  const made = await newVault(POLICY);
  const client = await made.add(['tokenise:*', 'detokenise:*@settlement']);
  return { ...made, client: client.vault };
}

describe('every format in a vault', () => {
  it('gives 20 random tokens of the shape, all different, and the value for each', async () => {
    const { client, host } = await opened();
    for (const { name, value, bound, normal } of cases) {
      const { items } = await client.tokenise({
        items: Array.from({ length: 20 }, () => ({ collection: name, value })),
      });
      const tokens = tokensOf(items);
      expect(new Set(tokens).size, name).toBe(20);
      for (const token of tokens) {
        expect(bound.isToken(token), token).toBe(true);
        expect([value, normal]).not.toContain(token);
      }
      const asked = tokens.map((token) => ({ collection: name, token }));
      const back = await client.detokenise({ purpose: 'settlement', items: asked });
      expect(back.items, name).toEqual(tokens.map(() => ({ value: normal })));
    }
    expect(await host.audit.verify()).toMatchObject({ ok: true, rows: 20 * cases.length, findings: [] });
  });

  it('gives a deterministic value its token again, in whatever spelling it comes', async () => {
    const { client, host } = await opened();
    for (const { name, value, bound, normal } of cases) {
      const collection = `known/${name}`;
      const items = [value, normal, value].map((spelling) => ({ collection, value: spelling }));
      const [first = '', ...others] = tokensOf((await client.tokenise({ items })).items);
      expect(bound.isToken(first), name).toBe(true);
      expect(first).not.toBe(normal);
      expect(others).toEqual([first, first]);
      const back = await client.detokenise({ purpose: 'settlement', items: [{ collection, token: first }] });
      expect(back.items).toEqual([{ value: normal }]);
    }
    expect(await host.audit.verify()).toMatchObject({ ok: true, rows: cases.length, findings: [] });
  });

  it('refuses a token as a value where tokens are apart from values, and takes it where they are not', async () => {
    const { client } = await opened();
    for (const { name, value, bound } of cases) {
      const [token = ''] = tokensOf((await client.tokenise({ items: [{ collection: name, value }] })).items);
      const again = await client.tokenise({
        items: [
          { collection: name, value: token },
          { collection: name, value },
        ],
      });
      expect(codesOf(again.items), name).toEqual([bound.disjoint ? 'already_token' : '', '']);
    }
  });

  it('refuses what is no value, item by item', async () => {
    const { client } = await opened();
    const items = cases.flatMap(({ name, value }) => [
      { collection: name, value: '' },
      { collection: name, value: '\ud800' },
      { collection: name, value },
      { collection: name, value: 'x'.repeat(5000) },
    ]);
    const answer = await client.tokenise({ items });
    expect(codesOf(answer.items)).toEqual(
      cases.flatMap(() => ['invalid_value', 'invalid_value', '', 'invalid_value']),
    );
  });
});
