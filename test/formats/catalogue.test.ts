import { expect, test } from 'vitest';
import { z } from 'zod';
import { FORMAT_NAMES, formatOf, formats } from '../../src/formats/catalogue.ts';

test('every format is listed under its own name', () => {
  expect([...FORMAT_NAMES]).toEqual(Object.keys(formats));
  for (const name of FORMAT_NAMES) expect(formatOf(name).name).toBe(name);
});

test('a collection of any format binds through the catalogue', () => {
  const collection = z.discriminatedUnion('format', [
    z.strictObject({ format: z.literal('pan'), ...formats.pan.shape }),
    z.strictObject({ format: z.literal('text'), ...formats.text.shape }),
  ]);
  for (const given of [{ format: 'pan', lengths: { min: 15, max: 19 } }, { format: 'text' }]) {
    const options = collection.parse(given);
    const format = formatOf(options.format);
    expect(format.problems(options)).toEqual([]);
    const bound = format.bind(options, { environment: 'test' });
    expect(bound.name).toBe(given.format);
    const parsed = bound.parse('4111111111111111');
    if (!parsed.ok) throw new Error(parsed.reason);
    const token = bound.space(parsed.normal).at(12_345n);
    expect(bound.isToken(token)).toBe(true);
    expect(token).not.toBe(parsed.normal);
  }
});

test('the options fixed at the first value are options', () => {
  for (const name of FORMAT_NAMES) {
    const { shape, fixed } = formatOf(name);
    for (const key of fixed) expect(Object.keys(shape)).toContain(key);
  }
});
