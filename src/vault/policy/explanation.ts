import type { Code } from '../../wire/codes.ts';
import type { Needed } from '../../wire/shape.ts';
import { decide, decideFound, FOUND_RULES, type Question, RULES, touching } from './decide.ts';
import { demandText } from './demand.ts';
import { type Action, covers, needsPurpose } from './grant.ts';
import { type Asked, questionOf } from './question.ts';
import { type About, namedGrants, OF_TOKENS, PASSED, refused } from './rule-words.ts';

/** One rule of a decision, and what it said. */
export interface Explained {
  readonly rule: string;
  readonly outcome: 'passed' | 'refused' | 'not reached' | 'for each token';
  readonly sentence: string;
}

/** A decision, and every rule behind it. */
export interface Explanation {
  readonly allowed: boolean;
  /** What the caller would hear, and what it would be told that it needs. */
  readonly code?: Code;
  readonly needed?: Needed;
  readonly rules: readonly Explained[];
}

/** Actions that look for a token: the second decision is about what is found. */
const ON_TOKENS: ReadonlySet<Action> = new Set<Action>([
  'detokenise',
  'mask',
  'verify',
  'replace',
  'describe',
  'erase',
]);

/** Actions that show something of a value. */
const SHOWS: ReadonlySet<Action> = new Set<Action>(['detokenise', 'mask', 'verify', 'describe', 'lookup']);

const OVER_HTTP = { via: 'http', to: 'caller' } as const;

/** Runs the rules of both decisions, in their order, as far as they go without a token; no value is read. */
export function explanationOf(about: About, asked: Asked): Explanation {
  const question = questionOf(about.policy, about.actor, OVER_HTTP, asked);
  const denial = decide(question);
  const rules = firstRules(about, question);
  if (denial !== null) {
    const second = [
      ...foundRules(asked, 'not reached'),
      ...keptRules(about, asked, 'not reached'),
      ...anchorRules(about, asked, 'not reached'),
    ];
    return { ...refusal(denial), rules: [...rules, ...second] };
  }
  const { action, name, purpose } = asked;
  const basis = (purpose === null ? null : about.policy.bases.get(purpose)) ?? 'consent';
  const mayDescribe = about.actor.grants.some(
    (grant) => grant.action === 'describe' && covers(grant.pattern, name),
  );
  const found = needsPurpose(action)
    ? decideFound({ state: 'live', basis, mayDescribe })
    : unsupported(about, asked);
  const second = [
    ...foundRules(asked, basis),
    ...keptRules(about, asked, 'reached'),
    ...anchorRules(about, asked, 'reached'),
  ];
  return { ...(found === null ? { allowed: true } : refusal(found)), rules: [...rules, ...second] };
}

/** A lookup is answered only where fingerprints are kept: what it comes to then is no matter of grants. */
const unsupported = ({ policy }: About, { action, name }: Asked): Parameters<typeof refusal>[0] | null =>
  action === 'lookup' && policy.collections.get(name)?.printing.prints === null
    ? { code: 'not_supported', needed: null }
    : null;

function keptRules(about: About, asked: Asked, reached: 'reached' | 'not reached'): readonly Explained[] {
  if (asked.action !== 'lookup') return [];
  const rule = 'lookup';
  if (reached === 'not reached') return [{ rule, outcome: 'not reached', sentence: NOT_REACHED }];
  return unsupported(about, asked) === null
    ? [{ rule, outcome: 'passed', sentence: `${asked.name} keeps what finds a value` }]
    : [
        {
          rule,
          outcome: 'refused',
          sentence: `${asked.name} keeps nothing to find a value by: its policy says neither tokens: deterministic nor lookup: true`,
        },
      ];
}

/** What shows something of a value also waits for the anchors: no matter of this caller, and asked at each call. */
function anchorRules({ policy }: About, { action }: Asked, reached: 'reached' | 'not reached'): Explained[] {
  const demand = demandText(policy.policy);
  if (demand === null || !SHOWS.has(action)) return [];
  const rule = 'anchors';
  if (reached === 'not reached') return [{ rule, outcome: 'not reached', sentence: NOT_REACHED }];
  const sentence = `asked at each call: refused while something of the log has gone unanchored for longer than ${demand}`;
  return [{ rule, outcome: 'passed', sentence }];
}

const refusal = ({
  code,
  needed,
}: {
  readonly code: Code;
  readonly needed: Needed | null;
}): Omit<Explanation, 'rules'> => ({ allowed: false, code, ...(needed === null ? {} : { needed }) });

export const NOT_REACHED = 'not asked: a rule before it refuses';

function firstRules(about: About, question: Question): readonly Explained[] {
  const touched = touching(question);
  let isOver = false;
  return RULES.map(({ rule, refuses, wants }): Explained => {
    if (isOver) return { rule, outcome: 'not reached', sentence: NOT_REACHED };
    const reason = refuses(question, touched);
    isOver = reason !== null;
    if (reason !== null)
      return { rule, outcome: 'refused', sentence: refused(reason, about, question, touched) };
    const because = touched.filter((grant) => wants(grant, question));
    return { rule, outcome: 'passed', sentence: PASSED[rule](question, namedGrants(about, because)) };
  });
}

/** The second decision, as far as it can be told before a token is looked for. */
function foundRules({ action, purpose }: Asked, basis: Basis | 'not reached'): readonly Explained[] {
  if (!ON_TOKENS.has(action)) return [];
  return FOUND_RULES.filter(({ of }) => of === 'token' || needsPurpose(action)).map(
    ({ rule, of, refuses }): Explained => {
      if (basis === 'not reached') return { rule, outcome: 'not reached', sentence: NOT_REACHED };
      if (of === 'token') return { rule, outcome: 'for each token', sentence: OF_TOKENS[rule] };
      const isRefused = refuses({ state: 'live', basis, mayDescribe: true }) !== null;
      const stands = `the purpose ${purpose} stands on ${basis}`;
      return isRefused
        ? { rule, outcome: 'refused', sentence: `${stands}, and no consent is on record` }
        : { rule, outcome: 'passed', sentence: stands };
    },
  );
}

type Basis = Parameters<typeof decideFound>[0]['basis'];
