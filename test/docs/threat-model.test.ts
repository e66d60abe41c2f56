import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { join } from 'node:path';
import { MUTANTS } from '../mutants/mutants.ts';
import { promiseTests } from '../mutants/promises.ts';
import { PROJECT, tableOf, textOf } from './documents.ts';

const model = textOf('docs/threat-model.md');
const rows = tableOf(model, 'attacker').map(([attacker = '', ...cells]) => ({ attacker, cells }));
const named = promiseTests(model);
const referred = (cell: string): number[] => [...cell.matchAll(/\[(\d+)\]/g)].map(([, n]) => Number(n));

/** Whether a file calls something of its runner with this name and a function: a test or a group, and not a skipped one. */
function holds(source: string, name: string): boolean {
  const quoted = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const call = new RegExp(String.raw`([^\n]*)\(\s*'${quoted}',\s*(?:async )?\(`);
  const [, head = null] = call.exec(source) ?? [];
  return head !== null && !/\.(?:skip|todo|fails)\b/.test(head);
}

it('starts with what is not promised', () => {
  expect(/^## (.*)$/m.exec(model)?.[1]).toBe('What is not promised');
});

it('answers for each attacker and promise: prevented, detected, not promised or out of reach', () => {
  expect(rows.map(({ attacker }) => attacker.replace(/ \(.*/, ''))).toEqual([
    'network',
    'stolen service key',
    'rogue client',
    'database reader',
    'database writer',
    'backup thief',
    'crash, power cut, full disk',
    'one custodian',
    'all custodians but one',
    'host owner',
  ]);
  for (const { attacker, cells } of rows) {
    expect(cells, attacker).toHaveLength(4);
    for (const cell of cells) {
      expect(cell, attacker).toMatch(/^(?:prevented|detected|not promised|out of reach)\b/);
      // A promise names its test; a detection says when.
      if (/\b(?:prevented|detected)\b/.test(cell)) expect(referred(cell), cell).not.toEqual([]);
      if (cell.startsWith('detected'))
        expect(cell).toMatch(/\b(?:when|within|on reading|at the next start)\b/);
    }
  }
});

it('numbers its tests without a gap, and uses each', () => {
  expect(named.map(({ number }) => number)).toEqual(named.map((_, i) => i + 1));
  const used = new Set(rows.flatMap(({ cells }) => cells.flatMap(referred)));
  expect([...used].toSorted((a, b) => a - b)).toEqual(named.map(({ number }) => number));
});

it('has a mutant for each, whose edit still fits the source', () => {
  expect(new Set(MUTANTS.map(({ promise }) => promise))).toEqual(new Set(named.map(({ number }) => number)));
  for (const { file, from } of MUTANTS.flatMap(({ edits }) => edits))
    expect(textOf(file).split(from), `${file}: ${from}`).toHaveLength(2);
});

it.each(named)('$file has the test: $name', ({ file, name }) => {
  expect(existsSync(join(PROJECT, file))).toBe(true);
  expect(file).toMatch(/^test\/.*\.test\.ts$/);
  expect(holds(textOf(file), name)).toBe(true);
});

it('takes neither a comment, a value nor a skipped test for a test', () => {
  expect(holds(`it('does it', async () => {`, 'does it')).toBe(true);
  expect(holds(`it.skipIf(shim === null)(\n  'does it',\n  async () => {`, 'does it')).toBe(true);
  expect(holds(`// it('does it')`, 'does it')).toBe(false);
  expect(holds(`const name = 'does it', other = () => 1`, 'does it')).toBe(false);
  expect(holds(`it.skip('does it', () => {`, 'does it')).toBe(false);
  expect(holds(`it('does it too', () => {`, 'does it')).toBe(false);
});
