import { expect, it } from 'vitest';
import { coded, tableOf, textOf } from './documents.ts';

const page = textOf('docs/pci-dss.md');
const captured = tableOf(page, 'requirement');
const details = tableOf(page, 'detail');

/** Actions of the page of events, whole. */
const actions = new Set(
  tableOf(textOf('docs/audit-events.md'), 'action').flatMap(([cell = '']) => coded(cell)),
);

const tests = new Map<string, string[]>();
for (const file of ['test/pci/actions.test.ts', 'test/pci/details.test.ts'])
  tests.set(
    file,
    [...textOf(file).matchAll(/^it\('(10\.2\.[^']+)'/gm)].map(([, name = '']) => name),
  );

const named = (cell: string): { readonly file: string; readonly name: string } => {
  const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(cell) ?? [];
  return { file, name };
};

it('has a row for each sub-requirement, whose test is there under its number and words', () => {
  expect(captured.map(([number]) => number)).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `10.2.1.${n}`));
  for (const [number = '', of = '', , test = ''] of captured) {
    const { file, name } = named(test);
    expect(name).toBe(`${number} ${of}`);
    expect(tests.get(file), test).toContain(name);
  }
});

it('names events that there are', () => {
  for (const [number, , events = ''] of captured) {
    const said = coded(events).filter((word) => word !== 'denied' && !word.endsWith('.*'));
    expect(said.length, number).toBeGreaterThan(1);
    for (const action of said) expect(actions.has(action), `${number}: ${action}`).toBe(true);
  }
});

it('has a row for each detail of 10.2.2, whose test is there', () => {
  expect(details).toHaveLength(6);
  const names = details.map(([detail = '', , test = '']) => {
    const { file, name } = named(test);
    expect(name.toLowerCase()).toBe(`10.2.2 ${detail.toLowerCase()}`);
    expect(file).toBe('test/pci/details.test.ts');
    return name;
  });
  expect(names).toEqual(tests.get('test/pci/details.test.ts'));
});

it('names fields that an event has', () => {
  const source = textOf('src/vault/commit/event.ts');
  const fields = new Set([...source.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name));
  const details1 = details.flatMap(([, where = '']) => coded(where.replace(/, and the.*/, '')));
  expect(details1.length).toBeGreaterThan(10);
  for (const field of details1) expect(fields.has(field) || field === 'at', field).toBe(true);
});
