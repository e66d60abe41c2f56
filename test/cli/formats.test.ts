import { expect, it } from 'vitest';
import { z } from 'zod';
import { bindOptions, collectionSchema, FORMAT_NAMES, formats } from '../../src/formats/catalogue.ts';
import { strongroom } from '../served.ts';

const listed = z.array(
  z.strictObject({
    name: z.enum(FORMAT_NAMES),
    title: z.string().min(1),
    value: z.string().min(1),
    token: z.string().min(1),
    disjoint: z.boolean(),
    guessable: z.boolean(),
    smallest: z.strictObject({ tokens: z.string().regex(/^\d+$/), of: z.string().min(1) }),
    example: z.strictObject({
      collection: z.looseObject({ format: z.string() }),
      value: z.string(),
      source: z.string().min(1),
      token: z.string(),
      mask: z.string(),
    }),
    keys: z.array(
      z.strictObject({
        key: z.string(),
        unless: z.unknown(),
        meaning: z.string().min(1),
        fixed: z.boolean(),
      }),
    ),
  }),
);

it('lists every format, with a value and a token of each, and needs no vault', async () => {
  const { code, stdout, stderr } = await strongroom(['formats']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.split('\n').slice(1);
  for (const [i, name] of FORMAT_NAMES.entries()) {
    expect(lines[i]).toMatch(new RegExp(`^${name} `));
    expect(lines[i]).toContain(formats[name].about.example.value);
  }
});

it('prints for scripts what a policy may say: each example works as it is printed', async () => {
  const { code, stdout } = await strongroom(['formats', '--json']);
  expect(code).toBe(0);
  const all = listed.parse(JSON.parse(stdout));
  expect(all.map(({ name }) => name)).toEqual(FORMAT_NAMES);
  for (const { name, disjoint, guessable, smallest, example, keys } of all) {
    const options = collectionSchema({}).parse(example.collection);
    const bound = bindOptions(options, { environment: 'production' });
    expect({ disjoint, guessable, tokens: smallest.tokens }).toEqual({
      disjoint: bound.disjoint,
      guessable: bound.guessable,
      tokens: String(bound.smallest.size),
    });
    expect(bound.isToken(example.token), name).toBe(true);
    const parsed = bound.parse(example.value);
    expect(parsed.ok && bound.mask(parsed.normal), name).toBe(example.mask);
    // What a key is unless it is said is what the schema fills in.
    const filled: object = collectionSchema({}).parse({ format: name });
    for (const { key, unless } of keys) expect(Reflect.get(filled, key)).toEqual(unless);
  }
});

it('tells all of one, without marks that are for a page', async () => {
  const { code, stdout } = await strongroom(['formats', 'iban']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^iban: International bank account number\n/);
  expect(stdout).toMatch(/\ncheckDigits +unissued +unissued: no token can be an account/);
  expect(stdout).toMatch(/No token is a value\.\n/);
  expect(stdout).not.toContain('`');
  expect((await strongroom(['formats', 'alphanumeric'])).stdout).toContain('A token could be another value.');
});

it('knows no other format, and one way of printing at a time', async () => {
  expect(await strongroom(['formats', 'luhn'])).toMatchObject({ code: 2, stdout: '' });
  expect(await strongroom(['formats', '--json', '--markdown'])).toMatchObject({ code: 2, stdout: '' });
});
