import { expect, it } from 'vitest';
import { REASONS } from '../../src/vault/policy/decide.ts';
import { coded, filesIn, tableOf, textOf } from './documents.ts';

const page = textOf('docs/audit-events.md');

/** The places that make an event of an action that they are given: their callers name it. */
const PASSED_ON = [
  'src/vault/access/duty.ts: verb',
  'src/vault/attempt.ts: action',
  'src/vault/once.ts: action',
  'src/vault/once.ts: action',
  'src/vault/values/change.ts: action',
  'src/vault/values/change.ts: action',
  'src/vault/values/item.ts: action',
  'src/vault/values/seek.ts: action',
  'src/vault/values/show.ts: action',
];

/** Calls that make an event's draft, with their arguments from the action on. */
const MAKES = /(?<!function )\b(draft|denied|systemDraft|holdsDuty|holdsAudit)\(\s*([^;]*)/g;
const ARGUMENTS = {
  draft: /^call, (\S+), '(\w+)'/,
  denied: /^call, (\S+),()/,
  systemDraft: /^'\w+', (\S+), '(\w+)'/,
  holdsDuty: /^call, (?:'\w+'|duty), ([^)\s]+)()\)/,
  holdsAudit: /^call, ([^)\s]+)()\)/,
} as const;

interface Emitted {
  readonly file: string;
  readonly action: string;
  readonly outcome: string;
}

/** Every action with its outcome that some line of the source emits; a call that this cannot read is named as such. */
const emitted = filesIn('src', '.ts').flatMap((file): Emitted[] =>
  [...textOf(file).matchAll(MAKES)].map(([, maker = '', rest = '']) => {
    const [, action = `unread: ${rest}`, outcome = ''] =
      ARGUMENTS[maker as keyof typeof ARGUMENTS].exec(rest) ?? [];
    return { file, action, outcome: outcome === '' ? 'denied' : outcome };
  }),
);
/** Actions that are handed to the walks which seek tokens: each item is done, or denied. */
const sought = ['reveal', 'erase', 'replace', 'describe', 'verify', 'lookup'].flatMap((file) =>
  [...textOf(`src/vault/values/${file}.ts`).matchAll(/(?:action: |caller, )'(\w+)'/g)].map(
    ([, action = '']) => action,
  ),
);

/** Changes that are made once under an Idempotency-Key: whoever has not the duty is denied. */
const guarded = filesIn('src/vault', '.ts').flatMap((file) =>
  [...textOf(file).matchAll(/(?:CHANGE, action: |APPLY = \{ action: )'([a-z.]+)'/g)].map(
    ([, action = '']) => action,
  ),
);

const literal = /^'([a-z_.-]+)'$/;

it('each call that makes an event names its action', () => {
  const others = emitted.filter(({ action }) => !literal.test(action));
  expect(others.map(({ file, action }) => `${file}: ${action}`).toSorted()).toEqual(PASSED_ON);
});

it('each action is described with its outcomes, and none that nothing emits', () => {
  const told = tableOf(page, 'action').flatMap(([actions = '', outcome = '']) =>
    coded(actions).map((action) => ({ action, outcome })),
  );
  const whole = told.filter(({ action }) => !action.endsWith('*'));
  const described = told.flatMap(({ action, outcome }) =>
    action.endsWith('*')
      ? whole
          .filter((one) => one.action.startsWith(action.slice(0, -1)))
          .map((one) => `${one.action} ${outcome}`)
      : [`${action} ${outcome}`],
  );
  const made = emitted.flatMap(({ action, outcome }) => {
    const [, name = null] = literal.exec(action) ?? [];
    return name === null ? [] : [`${name} ${outcome}`];
  });
  made.push(...[...new Set(sought)].flatMap((action) => [`${action} done`, `${action} denied`]));
  expect(new Set(sought).size).toBe(7);
  made.push(...guarded.map((action) => `${action} denied`));
  expect(guarded.length).toBe(11);
  expect(made.length).toBeGreaterThan(15);
  expect([...new Set(described)].toSorted()).toEqual([...new Set(made)].toSorted());
});

it('each fact that an event may hold is explained', () => {
  const source = textOf('src/vault/commit/event.ts');
  const [, facts = ''] = /export interface Facts \{\n(.*?)\n\}/s.exec(source) ?? [];
  const names = [...facts.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name ?? '');
  expect(names.length).toBeGreaterThan(10);
  const words = new Set(coded(page));
  expect(names.filter((name) => !words.has(name))).toEqual([]);
});

it('each reason of a denial is listed', () => {
  const words = new Set(coded(page));
  expect(REASONS.filter((reason) => !words.has(reason))).toEqual([]);
});
