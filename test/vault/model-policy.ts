import type { Kind } from '../../src/vault/policy/grant.ts';
import type { Code } from '../../src/wire/codes.ts';

/** The policy of a model's vault, and what it and grants say of a call: in memory, written out. */

const HOUR = 60 * 60 * 1000;

interface Collection {
  readonly format: 'pan' | 'text';
  readonly tokens: 'random' | 'deterministic';
  readonly purposes: readonly string[];
  /** Whether a random collection answers lookups; deterministic ones do. */
  readonly lookup?: true;
  /** In hours. */
  readonly overlap?: number;
}

/** In the order of its names. */
export const COLLECTIONS: Readonly<Record<string, Collection>> = {
  'acme/cards': { format: 'pan', tokens: 'random', purposes: ['settlement'] },
  cards: { format: 'pan', tokens: 'random', purposes: ['settlement', 'marketing'], lookup: true },
  'cards-known': { format: 'pan', tokens: 'deterministic', purposes: ['settlement'] },
  notes: { format: 'text', tokens: 'random', purposes: ['support'], overlap: 24 },
  'notes-known': { format: 'text', tokens: 'deterministic', purposes: ['support'], overlap: 12 },
};

/** The same, as a vault reads it. */
export const POLICY = `
purposes:
  settlement: { basis: contract }
  support: { basis: legitimate-interests }
  marketing: { basis: consent }
collections:
  acme/cards: { format: pan, lengths: { min: 16, max: 16 }, purposes: [settlement] }
  cards: { format: pan, lengths: { min: 15, max: 19 }, lookup: true, purposes: [settlement, marketing] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
  notes: { format: text, overlap: 24h, purposes: [support] }
  notes-known: { format: text, tokens: deterministic, overlap: 12h, purposes: [support] }
roles:
  settler: ["tokenise:cards", "detokenise:cards@settlement"]
`;

const NAMES = Object.keys(COLLECTIONS);
export const PURPOSES = ['settlement', 'support', 'marketing'];
const ROLES: Readonly<Record<string, readonly string[]>> = {
  'role:settler': ['tokenise:cards', 'detokenise:cards@settlement'],
};

/** What each pattern covers, written out: `*` stands for whole segments, at least one; a name is no prefix. */
export const COVERED: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(NAMES.map((name) => [name, [name]])),
  '*': NAMES,
  'acme/*': ['acme/cards'],
  acme: [],
  'cards/*': [],
};

/** A card number, which no clear field may hold. */
export const CARD = '4111111111111111';

/** Values as callers write them, and each as a card number: its normal form, or null if it is none. */
export const VALUES: Readonly<Record<string, string | null>> = {
  [CARD]: CARD,
  '4111 1111-1111 1111': CARD,
  '4012888888881881': '4012888888881881',
  '378282246310005': '378282246310005',
  '4111111111111112': null,
  'call back on Monday': null,
  'half a pair \ud83d': null,
};

/** Who asks: what of a client decides. */
export interface Holder {
  readonly grants: readonly string[];
}

export interface Denial {
  readonly code: Code;
  readonly reason: string;
  readonly needed?: object;
}

export function decide(client: Holder, action: string, name: string, purpose: string | null): Denial | null {
  const collection = COLLECTIONS[name];
  const mine = touching(client, name);
  const needed = {
    action,
    collection: name,
    ...(purpose !== null && PURPOSES.includes(purpose) && { purpose }),
  };
  if (collection === undefined) return { code: 'collection_not_found', reason: 'unknown collection' };
  if (mine.length === 0) return { code: 'collection_not_found', reason: 'no grant on the collection' };
  const granted = mine.filter((grant) => grant.action === action);
  if (granted.length === 0) return { code: 'insufficient_grant', reason: 'action not granted', needed };
  if (purpose === null) return null;
  const code = 'purpose_not_allowed';
  if (!granted.some((grant) => grant.purpose === purpose))
    return { code, reason: 'purpose not granted', needed };
  if (!collection.purposes.includes(purpose))
    return { code, reason: 'purpose not listed by the collection', needed };
  return null;
}

/** The grants of a client, its role's included, that cover a collection. */
export const touching = (client: Holder, collection: string) =>
  client.grants
    .flatMap((text) => ROLES[text] ?? [text])
    .map((text) => {
      const [action = '', pattern = '', purpose] = text.split(/[:@]/);
      return { action, pattern, purpose };
    })
    .filter(({ pattern }) => COVERED[pattern]?.includes(collection));

export const holds = (client: Holder, action: string, collection: string): boolean =>
  touching(client, collection).some((grant) => grant.action === action);

export function kindOf(grant: string): Kind {
  if (grant.startsWith('audit:')) return 'auditor';
  return /^(?:clients|policy):/.test(grant) ? 'custodian' : 'service';
}

/** A grant on a collection that is not there allows nothing. */
export const isIdle = (grant: string): boolean => grant.split(/[:@]/)[1] === 'acme';

const isPan = (collection: string): boolean => COLLECTIONS[collection]?.format === 'pan';
export const isKnown = (collection: string): boolean => COLLECTIONS[collection]?.tokens === 'deterministic';
export const isFound = (collection: string): boolean =>
  isKnown(collection) || COLLECTIONS[collection]?.lookup === true;

/** How long the version before a replacement is kept, in milliseconds; null where it is destroyed. */
export function overlapOf(collection: string): number | null {
  const hours = COLLECTIONS[collection]?.overlap;
  return hours === undefined ? null : hours * HOUR;
}

/** A value's normal form, or null if it is none of its collection's. */
export function normalOf({ collection, value }: { collection: string; value: string }): string | null {
  if (!isPan(collection)) return /\p{Surrogate}/u.test(value) ? null : value;
  const normal = VALUES[value] ?? null;
  return collection === 'acme/cards' && normal?.length !== 16 ? null : normal;
}

/** What a token of a value looks like. */
export const formOf = (collection: string, value: string): RegExp =>
  isPan(collection)
    ? new RegExp(`^${value.slice(0, 6)}[0-9]{${value.length - 10}}${value.slice(-4)}$`)
    : /^tok_test_[1-9A-HJ-NP-Za-km-z]{22}$/;

/** What a mask leaves of a value. */
export const maskOf = (collection: string, value: string): string =>
  isPan(collection) ? value.slice(-4).padStart(value.length, '*') : '*'.repeat(8);
