import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  bindOptions,
  collectionSchema,
  FORMAT_NAMES,
  formats,
  optionsProblems,
} from '../../src/formats/catalogue.ts';
import file from '../vectors/formats.json' with { type: 'json' };

// Made by a program that shares no code with this one, from the words of docs/formats.md. What stands here is bound into
// stored fingerprints and issued tokens: a change is a release decision.

const vectors = z
  .array(
    z.strictObject({
      collection: z.record(z.string(), z.unknown()),
      value: z.string(),
      normal: z.string(),
      mask: z.string(),
      size: z.string(),
      tokens: z.record(z.string(), z.string()),
    }),
  )
  .parse(file);
const collection = collectionSchema({});

test('every format has one, under the first version of its normal form', () => {
  const named = new Set(vectors.map((vector) => vector.collection['format']));
  expect(named).toEqual(new Set(FORMAT_NAMES));
  for (const name of FORMAT_NAMES) expect(formats[name].normalisation).toBe(1);
});

test.each(vectors)('$collection.format: $value', (vector) => {
  const options = collection.parse(vector.collection);
  expect(optionsProblems(options)).toEqual([]);
  const bound = bindOptions(options, { environment: 'production' });
  expect(bound.parse(vector.value)).toEqual({ ok: true, normal: vector.normal });
  expect(bound.mask(vector.normal)).toBe(vector.mask);
  const space = bound.space(vector.normal);
  expect(String(space.size)).toBe(vector.size);
  for (const [index, token] of Object.entries(vector.tokens)) {
    expect(space.at(BigInt(index))).toBe(token);
    expect(bound.isToken(token)).toBe(true);
  }
});
