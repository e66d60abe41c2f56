import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { filesIn, PROJECT, textOf } from './documents.ts';

const pages = [
  ...readdirSync(PROJECT).filter((name) => name.endsWith('.md')),
  ...filesIn('docs', '.md'),
  ...filesIn('examples', '.md'),
];

/** What a heading is called in a link, as forges do it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
const anchorsIn = (page: string): string[] =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));

/** Where a link within the project does not lead to a file, or to a heading of it. */
function broken(page: string): string[] {
  const targets = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '');
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor = null] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(PROJECT, file))) return true;
    return anchor !== null && !anchorsIn(file).includes(anchor);
  });
}

/** Files of the source, tests and migrations that a page names in backticks, and that are not there. */
function missing(page: string): string[] {
  const named = [...textOf(page).matchAll(/`((?:src|test|bench|drizzle)\/[\w./-]+\.\w+)`/g)];
  return named.map(([, file]) => file ?? '').filter((file) => !existsSync(join(PROJECT, file)));
}

it('there are pages with links', () => {
  expect(pages).toContain('README.md');
  expect(pages).toContain('docs/threat-model.md');
  expect(textOf('README.md')).toMatch(/\]\(docs\/threat-model\.md\)/);
});

it.each(pages)('%s leads nowhere that is not there', (page) => {
  expect(broken(page)).toEqual([]);
  expect(missing(page)).toEqual([]);
});

it('each page of docs/ and examples/ can be reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const page of reached) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\(([^)\s#]+\.md)(?:#[^)]*)?\)/g))
      reached.add(join(dirname(page), target));
  }
  // The folder of decisions is linked as a whole.
  const alone = pages.filter((page) => !reached.has(page) && !page.startsWith('docs/adr/'));
  expect(alone.filter((page) => /^(?:docs|examples)\//.test(page))).toEqual([]);
  expect(textOf('README.md')).toContain('](docs/adr)');
});
