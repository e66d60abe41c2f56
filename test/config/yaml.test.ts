import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { schemaProblems } from '../../src/config/problem.ts';
import { readYaml } from '../../src/config/yaml.ts';

function problemsIn(text: string) {
  const read = readYaml(text);
  return 'problems' in read ? read.problems : [];
}

function accepted(text: string) {
  const read = readYaml(text);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read;
}

describe('a text that is read', () => {
  const read = accepted('a:\n  b: [x, y]\n  c:\n    - d: 1\n    - d: 2\n"e f": null\n');

  test('gives its value', () => {
    expect(read.value).toEqual({ a: { b: ['x', 'y'], c: [{ d: 1 }, { d: 2 }] }, 'e f': null });
  });

  test.each([
    [['a'], 1],
    [['a', 'b'], 2],
    [['a', 'b', 1], 2],
    [['a', 'c'], 3],
    [['a', 'c', 1], 5],
    [['a', 'c', 1, 'd'], 5],
    [['e f'], 6],
    [['a', 'missing'], 1],
    [['a', 'c', 9], 3],
    [['e f', 'under nothing'], 6],
    [['missing'], null],
    [[], null],
  ])('knows the line of %j', (path, line) => {
    expect(read.lineOf(path)).toBe(line);
  });

  test.each([
    ['yes', 'yes'],
    ['0o17', 15],
    ['017', 17],
    ['2026-01-01', '2026-01-01'],
    ['1:30', '1:30'],
  ])('reads %s by the core schema of YAML 1.2', (text, value) => {
    expect(accepted(`a: ${text}`).value).toEqual({ a: value });
  });

  test('keeps every key as text', () => {
    expect(accepted('1: a\ntrue: b').value).toEqual({ 1: 'a', true: 'b' });
  });
});

describe('a text that is refused', () => {
  test.each([
    ['an alias', 'a: &x 1\nb: *x\n', 2, 'aliases are not supported: write the value out'],
    ['a key written twice', 'a: 1\nb: 2\na: 3\n', 3, 'this key is written twice'],
    ['a tag', 'a: 1\nb: !secret x\n', 2, 'tags are not supported'],
    ['a binary tag', 'a: !!binary aGk=\n', 1, 'tags are not supported'],
    ['a second document', 'a: 1\n---\nb: 2\n', 2, 'a second document starts here: the file must hold one'],
    ['a tab', 'a:\n\tb: 1\n', 2, 'indented with a tab: use spaces'],
    [
      'an open bracket',
      'a: [1, 2\nb: 1\n',
      2,
      'the indentation does not fit, or a bracket above is not closed',
    ],
    ['an open quote', 'a: "b', 1, 'a character is missing: a quote, bracket, comma or colon'],
    ['a list as a key', '? [a]\n: 1\n', 1, 'keys must be plain text'],
    ['the prototype as a key', 'a: 1\n__proto__: { admin: true }\n', 2, 'this key is not allowed'],
  ])('%s', (_, text, line, problem) => {
    expect(problemsIn(text)).toContainEqual({ line, path: '', problem });
  });

  test('answers every problem, one a line, in order', () => {
    expect(problemsIn('a: &x 1\na: 2\nb: *x\nc: !t 1\n').map(({ line }) => line)).toEqual([2, 3, 4]);
  });

  test.each([
    ['flow lists', '['.repeat(900_000)],
    ['block lists', '- '.repeat(400_000)],
    ['flow maps', '{a: '.repeat(200_000)],
  ])('%s nested without end, at once', (_, text) => {
    expect(problemsIn(text)).toEqual([{ line: null, path: '', problem: 'nested too deeply' }]);
  });

  test('more than a mebibyte', () => {
    const problem = 'the file is larger than 1 MiB';
    expect(problemsIn(`#${' '.repeat(1024 * 1024)}`)).toEqual([{ line: null, path: '', problem }]);
  });

  test.each([
    'a: hunter2: b',
    'a: "hunter2',
    'hunter2: 1\nhunter2: 2',
    'a: !hunter2 b',
    'a: *hunter2',
    '@hunter2',
  ])('never repeats what %j holds', (text) => {
    const problems = problemsIn(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});

describe('what a schema finds', () => {
  const schema = z.strictObject({
    name: z.string(),
    list: z.array(z.strictObject({ size: z.int('must be a whole number') })),
    kind: z.enum(['one', 'two']),
  });

  test('is answered whole, each with its path and line, without the values', () => {
    const read = accepted('list:\n  - size: hunter2\n  - size: 1\n    colour: hunter2\nkind: hunter2\n');
    const problems = schemaProblems(schema.safeParse(read.value).error?.issues ?? [], read);
    expect(problems).toEqual([
      { line: null, path: 'name', problem: 'missing' },
      { line: 2, path: 'list.0.size', problem: 'must be a whole number' },
      { line: 4, path: 'list.1.colour', problem: 'unknown key' },
      { line: 5, path: 'kind', problem: 'Invalid option: expected one of "one"|"two"' },
    ]);
  });
});
