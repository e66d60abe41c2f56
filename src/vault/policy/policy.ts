import { z } from 'zod';
import { capacityProblem } from '../../formats/capacity.ts';
import {
  bindOptions,
  collectionSchema,
  FORMAT_NAMES,
  formats,
  optionsProblems,
} from '../../formats/catalogue.ts';
import type { BoundFormat } from '../../formats/format.ts';
import { canonical } from './canonical.ts';
import { parseDuration } from './duration.ts';
import { clearNames, UNKNOWN_KEY } from './clear-names.ts';
import { formerly, formerlyProblems } from './formerly.ts';
import {
  aKind,
  COLLECTION_NAME,
  emptyGrant,
  type Grant,
  type Kind,
  kindOf,
  parseGrant,
  PURPOSE_NAME,
} from './grant.ts';

/** GDPR article 6 (1): what a purpose's processing stands on. */
const BASES = [
  'consent',
  'contract',
  'legal-obligation',
  'legitimate-interests',
  'vital-interests',
  'public-task',
] as const;
export type Basis = (typeof BASES)[number];

const purposeName = z.string().regex(PURPOSE_NAME);

/** The keys that a collection has whatever its format. */
const common = {
  tokens: z.enum(['random', 'deterministic']).default('random'),
  purposes: z.array(purposeName).max(64).default([]),
  /** Said out loud where a caller that can tokenise could search the values. */
  guessable: z.literal('accepted').nullable().default(null),
  /** Random collections: whether a value's tokens can be looked up. Deterministic ones always answer that. */
  lookup: z.boolean().default(false),
  /** How long the value before a replacement stays readable by its version, as 24h; null destroys it at once. */
  overlap: z
    .string()
    .refine((text) => parseDuration(text) !== null, {
      error: 'must be a time of up to five digits and d, h or m, as 24h',
    })
    .nullable()
    .default(null),
  /** How many values are expected. */
  expect: z.int().min(1).nullable().default(null),
  /** Names that it had: what is stored under one of them is this collection. */
  formerly,
};

const collection = collectionSchema(common);

/** What the log must be for values to be shown. */
const anchors = z.strictObject({
  /** The age of the oldest event that no anchor covers, past which nothing of a value is shown. */
  maxAge: z.string().refine((text) => parseDuration(text) !== null, {
    error: 'must be a time of up to five digits and d, h or m, as 10m',
  }),
  /** How many anchors must cover it. */
  atLeast: z.int().min(1).max(16).default(1),
});

const policySchema = z.strictObject({
  purposes: z.record(purposeName, z.strictObject({ basis: z.enum(BASES) })).default({}),
  collections: z.record(z.string().regex(COLLECTION_NAME), collection).default({}),
  roles: z.record(z.string().regex(PURPOSE_NAME), z.array(z.string()).max(256)).default({}),
  audit: z.strictObject({ anchors: anchors.optional() }).optional(),
});

/** A policy that can work: every default filled in. */
export type Policy = z.output<typeof policySchema>;
type CollectionPolicy = Policy['collections'][string];

/** A reason why a policy is refused. `path` is from the policy's root; the sentence quotes names, never values. */
export interface PolicyProblem {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

/** Reads a policy, with every problem at once, each with what would work. */
export function parsePolicy(
  value: unknown,
): { readonly policy: Policy } | { readonly problems: PolicyProblem[] } {
  const parsed = policySchema.safeParse(value);
  if (!parsed.success)
    return { problems: parsed.error.issues.flatMap((issue) => shapeProblems(issue, value)) };
  const problems = [
    ...collectionProblems(parsed.data),
    ...roleProblems(parsed.data),
    ...formerlyProblems(parsed.data.collections),
    ...clearNames(parsed.data),
  ];
  return problems.length > 0 ? { problems } : { policy: parsed.data };
}

/** The one text of a policy: what is stored, numbered and compared. */
export const policyText = (policy: Policy): string => canonical(policy);

/** The format of a collection, bound to its options. */
export const bindFormat = (options: CollectionPolicy, environment: string): BoundFormat =>
  bindOptions(options, { environment });

/** What is fixed at a collection's first value, as one text: format, how tokens are made, and the format's own. */
export function shapeOf(options: CollectionPolicy): string {
  // Values that came before lookups were answered would be missing from the answers.
  const found = options.tokens === 'random' ? ['lookup'] : [];
  const fixed: readonly string[] = ['format', 'tokens', ...found, ...formats[options.format].fixed];
  return canonical(Object.fromEntries(Object.entries(options).filter(([key]) => fixed.includes(key))));
}

function* collectionProblems({ collections, purposes }: Policy): Generator<PolicyProblem> {
  for (const [name, options] of Object.entries(collections)) {
    const path = ['collections', name];
    const own = optionsProblems(options);
    const bound = bindFormat(options, 'any');
    const capacity = own.length > 0 ? null : capacityProblem(bound.smallest, options.expect);
    for (const { path: at, problem, instead } of own) {
      yield { path: [...path, ...at], problem: `${problem}; what would work: ${instead}` };
    }
    if (capacity !== null) {
      yield {
        path: [...path, 'expect'],
        problem: `${capacity.problem}; what would work: ${capacity.instead}`,
      };
    }
    if (options.tokens === 'deterministic' && bound.guessable && options.guessable === null) {
      const problem =
        'deterministic tokens over so few values can be searched by any caller that may tokenise';
      yield {
        path: [...path, 'tokens'],
        problem: `${problem}; what would work: tokens: random, or guessable: accepted`,
      };
    }
    for (const [i, purpose] of options.purposes.entries()) {
      if (Object.hasOwn(purposes, purpose)) continue;
      yield {
        path: [...path, 'purposes', i],
        problem: 'the purpose is not registered; add it under purposes with its basis',
      };
    }
  }
}

function* roleProblems({ roles, collections, purposes }: Policy): Generator<PolicyProblem> {
  const known = { collections: new Set(Object.keys(collections)), bases: new Set(Object.keys(purposes)) };
  for (const [name, grants] of Object.entries(roles)) {
    const kinds = new Set<Kind>();
    for (const [i, text] of grants.entries()) {
      const grant = parseGrant(text);
      const fault = typeof grant === 'string' ? grant : emptyGrant(grant, known);
      if (fault !== null) yield { path: ['roles', name, i], problem: fault };
      if (typeof grant !== 'string') kinds.add(kindOf(grant));
    }
    if (kinds.size > 1) {
      const problem = `no client can hold it: its grants are of ${[...kinds].map(aKind).join(' and of ')}; what would work: a role for each`;
      yield { path: ['roles', name], problem };
    }
  }
}

/** The roles of a policy, each with its grants. */
export const rolesOf = ({ roles }: Policy): ReadonlyMap<string, readonly Grant[]> =>
  new Map(
    Object.entries(roles).map(([name, grants]) => [
      name,
      grants.map(parseGrant).filter((grant): grant is Grant => typeof grant !== 'string'),
    ]),
  );

function shapeProblems(issue: z.core.$ZodIssue, value: unknown): PolicyProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], problem: UNKNOWN_KEY }));
  return [{ path, problem: isMissing(value, path) ? 'missing' : sentenceOf(issue) }];
}

const isMissing = (value: unknown, path: readonly (string | number)[]): boolean =>
  path.reduce<unknown>(
    (within, key) => (typeof within === 'object' && within !== null ? Reflect.get(within, key) : undefined),
    value,
  ) === undefined;

/** What is expected, in words of a file and not of a parser. */
const EXPECTED: Readonly<Record<string, string>> = {
  object: 'must hold keys, as name: {…}',
  record: 'must hold keys, as name: {…}',
  array: 'must be a list, as [a, b]',
  string: 'must be text',
  number: 'must be a whole number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
};

const NAME =
  'a name is 1 to 64 of a to z, 0 to 9 and -, not - first; a collection may have up to 8, as acme/cards';

/** Our own words for what zod found: never the text that was given. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return EXPECTED[issue.expected] ?? `must be ${issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_union':
      return `must be one of ${FORMAT_NAMES.join(', ')}`;
    // A format's own words for its own keys.
    case 'custom':
      return issue.message;
    case 'invalid_key':
    case 'invalid_format':
      return NAME;
    default:
      return 'is not written as it must be';
  }
}
