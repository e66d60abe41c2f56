import { expect, it } from 'vitest';
import { formatsPage } from '../../src/cli/formats-page.ts';
import { FORMAT_NAMES } from '../../src/formats/catalogue.ts';
import { listFormats } from '../../src/formats/listing.ts';
import { textOf } from './documents.ts';

const RENEW = 'renew it: npm run build && node dist/main.js formats --markdown > docs/formats.md';

it('docs/formats.md is what the catalogue says', () => {
  expect(textOf('docs/formats.md'), RENEW).toBe(`${formatsPage(listFormats())}\n`);
});

it('docs/formats.md has a heading for each format, in the order of the catalogue', () => {
  const headings = [...textOf('docs/formats.md').matchAll(/^## (.+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(FORMAT_NAMES);
});
