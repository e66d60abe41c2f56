import { describe, expect, test } from 'vitest';
import { filesIn, textOf } from '../docs/documents.ts';
import { z } from 'zod';
import {
  bindOptions,
  collectionSchema,
  FORMAT_NAMES,
  formats,
  optionsProblems,
} from '../../src/formats/catalogue.ts';
import { listFormats } from '../../src/formats/listing.ts';

const environment = 'test';
const collection = collectionSchema({ tokens: z.enum(['random', 'deterministic']).default('random') });

test('every format is listed under its own name', () => {
  for (const name of FORMAT_NAMES) expect(formats[name].name).toBe(name);
  expect(listFormats().map(({ name }) => name)).toEqual(FORMAT_NAMES);
});

describe.each(FORMAT_NAMES)('%s', (name) => {
  const { shape, fixed, about } = formats[name];
  const options = collection.parse({ format: name, ...about.example.options });

  test('takes its own keys and the common ones, and no other', () => {
    expect(Object.keys(options).toSorted()).toEqual(['format', 'tokens', ...Object.keys(shape)].toSorted());
    expect(collection.safeParse({ format: name, nothing: 1 }).success).toBe(false);
    expect(collection.safeParse({ format: name, tokens: 'some' }).success).toBe(false);
  });

  test('says what each of its keys means, and which are fixed', () => {
    expect(Object.keys(about.keys)).toEqual(Object.keys(shape));
    for (const key of fixed) expect(Object.keys(shape)).toContain(key);
  });

  test('has an example that works', () => {
    expect(optionsProblems(options)).toEqual([]);
    const bound = bindOptions(options, { environment });
    expect(bound.name).toBe(name);
    const parsed = bound.parse(about.example.value);
    if (!parsed.ok) return expect.fail(parsed.reason);
    const token = bound.space(parsed.normal).at(12_345n);
    expect(bound.isToken(token)).toBe(true);
    expect(token).not.toBe(parsed.normal);
  });
});

test('no other format is taken', () => {
  for (const format of ['', 'PAN', 'luhn', 'toString'])
    expect(collection.safeParse({ format }).success).toBe(false);
});

test('a new format is a file and a line: nothing outside formats/ knows one by its file or by its name', () => {
  // The starter writes a policy with cards and text, as an operator would.
  const outside = filesIn('src', '.ts').filter(
    (file) => !file.startsWith('src/formats/') && file !== 'src/starter.ts',
  );
  expect(outside.length).toBeGreaterThan(80);
  const named = new RegExp(`'(?:${FORMAT_NAMES.filter((name) => name !== 'text').join('|')})'`);
  const imported = /formats\/(?!catalogue|format|capacity|clear-text|listing)[a-z-]+\.ts/;
  for (const file of outside) {
    expect(textOf(file), file).not.toMatch(named);
    expect(textOf(file), file).not.toMatch(imported);
  }
});
