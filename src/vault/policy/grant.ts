/** What a client may do: `action:collection-pattern[@purpose]`, or `role:name` for a role of the policy. */
export interface Grant {
  readonly action: Action;
  readonly pattern: string;
  readonly purpose: string | null;
}

/** Kinds of client exclude one another: services hold no keys and no audit grants, custodians and auditors no data. */
export const KINDS = ['service', 'custodian', 'auditor'] as const;
export type Kind = (typeof KINDS)[number];

/** Every action: the kind that may hold it, and whether it shows something of a value and so needs a purpose. */
const ACTIONS = {
  tokenise: { kind: 'service', purpose: false },
  detokenise: { kind: 'service', purpose: true },
  mask: { kind: 'service', purpose: true },
  verify: { kind: 'service', purpose: true },
  replace: { kind: 'service', purpose: false },
  lookup: { kind: 'service', purpose: false },
  describe: { kind: 'service', purpose: false },
  erase: { kind: 'service', purpose: false },
  clients: { kind: 'custodian', purpose: false },
  policy: { kind: 'custodian', purpose: false },
  keys: { kind: 'custodian', purpose: false },
  audit: { kind: 'auditor', purpose: false },
} as const satisfies Record<string, { kind: Kind; purpose: boolean }>;

export type Action = keyof typeof ACTIONS;

/** A collection's name is a path: `acme/payout-iban`. */
export const COLLECTION_NAME = /^[a-z0-9][a-z0-9-]{0,63}(?:\/[a-z0-9][a-z0-9-]{0,63}){0,7}$/;
export const PURPOSE_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const PATTERN = /^(?:\*|[a-z0-9][a-z0-9-]{0,63}(?:\/[a-z0-9][a-z0-9-]{0,63}){0,7}(?:\/\*)?)$/;

/** Whether a text is what a grant may have in the place of a collection's name. */
export const isPattern = (text: string): boolean => PATTERN.test(text);

const isAction = (text: string): text is Action => Object.hasOwn(ACTIONS, text);

/** The actions that use a collection. The others are duties, which touch none. */
const DATA_ACTIONS: readonly Action[] = Object.keys(ACTIONS)
  .filter(isAction)
  .filter((action) => ACTIONS[action].kind === 'service');

/** The actions that a collection is asked about: those, and reading what was done with it. */
export const COLLECTION_ACTIONS: readonly Action[] = [...DATA_ACTIONS, 'audit'];

export const needsPurpose = (action: Action): boolean => ACTIONS[action].purpose;

/**
 * Reads one grant.
 * @returns the grant, or a sentence that says what is wrong with it
 */
export function parseGrant(text: string): Grant | string {
  const [, action = '', pattern = '', purpose = null] = /^([a-z]+):([^@]*)(?:@(.*))?$/.exec(text) ?? [];
  if (!isAction(action))
    return `a grant is role:name, or action:collection[@purpose] with one of the actions ${Object.keys(ACTIONS).join(', ')}`;
  if (!PATTERN.test(pattern))
    return 'the collection is a name such as acme/cards, or * for whole trailing segments';
  if (needsPurpose(action) && (purpose === null || !PURPOSE_NAME.test(purpose))) {
    return `${action} shows something of a value and needs a purpose: ${action}:${pattern}@purpose`;
  }
  if (!needsPurpose(action) && purpose !== null) return `${action} takes no purpose`;
  return { action, pattern, purpose };
}

/** A grant as it is written. */
export const grantText = ({ action, pattern, purpose }: Grant): string =>
  `${action}:${pattern}${purpose === null ? '' : `@${purpose}`}`;

/** The role that `role:name` names, or null. */
export const roleOf = (text: string): string | null =>
  /^role:([a-z0-9][a-z0-9-]{0,63})$/.exec(text)?.[1] ?? null;

/** The one kind of client that may hold a grant. */
export const kindOf = ({ action }: Grant): Kind => ACTIONS[action].kind;

/** A kind of client in a sentence. */
export const aKind = (kind: Kind): string => `${kind === 'auditor' ? 'an' : 'a'} ${kind}`;

/** Whether a client of this kind may hold the grant at all. */
export const kindMayHold = (kind: Kind, grant: Grant): boolean => kindOf(grant) === kind;

/** Why a grant can never allow anything under a policy, or null: a name in it is mistyped, or not there yet. */
export function emptyGrant(
  { action, pattern, purpose }: Grant,
  known: {
    readonly collections: Pick<ReadonlySet<string>, 'has'>;
    readonly bases: Pick<ReadonlySet<string>, 'has'>;
  },
): string | null {
  if (purpose !== null && !known.bases.has(purpose)) return 'the policy has not registered the purpose';
  if (!COLLECTION_ACTIONS.includes(action) || pattern.endsWith('*') || known.collections.has(pattern))
    return null;
  return 'the policy has no such collection';
}

/** Whether a pattern covers a collection: the name itself, or `*` in place of whole trailing segments. */
export function covers(pattern: string, collection: string): boolean {
  if (pattern === '*' || pattern === collection) return true;
  return pattern.endsWith('/*') && collection.startsWith(pattern.slice(0, -1));
}
