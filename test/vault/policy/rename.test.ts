import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../src/vault/policy/bounds.ts';
import { nameAll } from '../../../src/vault/policy/rename.ts';

/** Which stored collection each name of a policy means. */

type Formerly = Readonly<Record<string, readonly string[]>>;

const named = (policy: Formerly) =>
  Object.fromEntries(Object.entries(policy).map(([name, formerly]) => [name, { formerly }]));

const naming = (policy: Formerly, stored: readonly string[]) => {
  const { taken, problems } = nameAll(named(policy), new Set(stored));
  return { taken: Object.fromEntries(taken), problems: problems.map(({ problem }) => problem) };
};

/** What a file with these former names is refused for, whatever is stored. */
function staticProblems(policy: Formerly): string[] {
  const collections = Object.fromEntries(
    Object.entries(policy).map(([name, formerly]) => [name, { format: 'text', formerly }]),
  );
  const read = readPolicy({ collections });
  return 'problems' in read ? read.problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`) : [];
}

const works: [string, Formerly, readonly string[], Record<string, string>][] = [
  ['a new name', { b: ['a'] }, ['a'], { b: 'a' }],
  ['one of several former names', { c: ['a', 'b'] }, ['b'], { c: 'b' }],
  ['a line that stays after the renaming', { b: ['a'] }, ['b'], { b: 'b' }],
  ['a former name that nothing ever had', { b: ['a'] }, [], {}],
  ['a chain', { b: ['a'], c: ['b'] }, ['a', 'b'], { b: 'a', c: 'b' }],
  [
    'a chain of three, in any order',
    { d: ['c'], b: ['a'], c: ['b'] },
    ['a', 'b', 'c'],
    { d: 'c', b: 'a', c: 'b' },
  ],
  ['a chain that stays', { b: ['a'], c: ['b'] }, ['b', 'c'], { b: 'b', c: 'c' }],
  [
    'a former name that is a collection of its own again',
    { a: [], b: ['a'] },
    ['a', 'b'],
    { a: 'a', b: 'b' },
  ],
  ['a former name that is to be a collection again', { a: [], b: ['a'] }, ['b'], { b: 'b' }],
];

it.each(works)('%s works', (_, policy, stored, taken) => {
  expect(staticProblems(policy)).toEqual([]);
  expect(naming(policy, stored)).toEqual({ taken, problems: [] });
});

const refused: [string, Formerly, readonly string[], RegExp][] = [
  [
    'a former name that is still in the policy',
    { a: [], b: ['a'] },
    ['a'],
    /nothing takes its place.*take a out/,
  ],
  ['two stored collections for one', { c: ['a', 'b'] }, ['a', 'b'], /a and b are all stored/],
  ['the name of another that is stored, closed or not', { b: ['a'] }, ['a', 'b'], /a and b are both stored/],
  ['a chain whose end is taken', { b: ['a'], c: ['b'] }, ['a', 'b', 'c'], /a and b are both stored/],
];

it.each(refused)('%s is refused, with what would work', (_, policy, stored, why) => {
  expect(staticProblems(policy)).toEqual([]);
  const { problems } = naming(policy, stored);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(why);
  expect(problems[0]).toContain('what would work');
});

describe('whatever is stored', () => {
  const never: [string, Formerly, RegExp][] = [
    [
      'a name that two claim',
      { b: ['a'], c: ['a'] },
      /^collections\.c\.formerly\.0: b was formerly called so too/,
    ],
    ['an exchange', { a: ['b'], b: ['a'] }, /^collections\.a\.formerly: names go round in a circle/],
    ['a circle of three', { a: ['c'], b: ['a'], c: ['b'] }, /names go round in a circle/],
    ['its own name', { a: ['a'] }, /this is the name that it has/],
    ['a name twice', { b: ['a', 'a'] }, /stands here twice/],
    ['what is no name', { b: ['A b'] }, /must be a collection's former name/],
  ];
  it.each(never)('%s is refused', (_, policy, why) => {
    expect(staticProblems(policy).join('\n')).toMatch(why);
  });
});

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const anyPolicy = fc
  .dictionary(fc.constantFrom(...NAMES), fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }), {
    noNullPrototype: true,
  })
  .filter((policy) => staticProblems(policy).length === 0);

it('no collection goes by two names, none is renamed unasked, and to apply a policy twice changes nothing more', () => {
  let renamed = 0;
  fc.assert(
    fc.property(anyPolicy, fc.uniqueArray(fc.constantFrom(...NAMES)), (policy, stored) => {
      const { taken, problems } = naming(policy, stored);
      if (problems.length > 0) return;
      const sources = Object.values(taken);
      expect(new Set(sources).size).toBe(sources.length);
      for (const [name, source] of Object.entries(taken)) {
        expect(stored).toContain(source);
        if (source === name) continue;
        renamed += 1;
        expect(policy[name]).toContain(source);
      }
      // What an open or closed collection is called now, as the vault would store it.
      const kept = stored.filter((name) => !sources.includes(name));
      expect(kept.filter((name) => Object.hasOwn(policy, name))).toEqual([]);
      const after = [...kept, ...Object.keys(policy)];
      const again = naming(policy, after);
      const same = Object.fromEntries(Object.keys(policy).map((name) => [name, name]));
      expect(again).toEqual({ taken: same, problems: [] });
    }),
    { numRuns: 2000 },
  );
  expect(renamed).toBeGreaterThan(50);
});
