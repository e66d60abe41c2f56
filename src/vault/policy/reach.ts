import type { AccessChange } from '../../wire/policy.ts';
import type { Client, Clients } from '../access/clients.ts';
import type { ActivePolicy, Collection } from './active.ts';
import { decide, decideDuty, decideFound, DUTIES } from './decide.ts';
import { type Action, COLLECTION_ACTIONS, covers, grantText } from './grant.ts';
import { questionOf } from './question.ts';

/** A policy with the clients as they stand under it. */
export interface Side {
  readonly policy: ActivePolicy;
  readonly clients: Clients;
}

/** A caller as requests come: the decision may one day look at how. */
const OVER_HTTP = { via: 'http', to: 'caller' } as const;

/** A collection on both sides, by its id: its name may have changed. Null where the side has not opened it. */
interface Pair {
  readonly before: Collection | null;
  readonly after: Collection | null;
}

/**
 * Who may do what under one policy and not under the other: every usable client, action, collection and purpose is put
 * to the decision on both sides. Only what cannot have changed is left out.
 * @param note told of each change
 */
export async function accessChanges(
  before: Side,
  after: Side,
  isUsable: (client: Client) => boolean,
  { note, breathe }: { readonly note: (change: AccessChange) => void; readonly breathe: () => Promise<void> },
): Promise<void> {
  const pairs = pairsOf(before.policy, after.policy);
  const moved = pairs.filter((pair) => !isSame(pair, before.policy, after.policy));
  for (const client of before.clients.all().filter(isUsable)) {
    const then = after.clients.byId(client.row.id);
    if (then === null) continue;
    for (const change of dutyChanges(client, then)) note(change);
    // The decision is made of a client's grants and a collection: where neither has changed, it has not.
    for (const [i, pair] of (hasSameGrants(client, then) ? moved : pairs).entries()) {
      for (const change of pairChanges(client, then, pair, before.policy, after.policy)) note(change);
      if (i % 64 === 63) await breathe();
    }
    await breathe();
  }
}

function pairsOf(before: ActivePolicy, after: ActivePolicy): readonly Pair[] {
  const old = new Map([...before.collections.values()].map((collection) => [collection.id, collection]));
  const pairs: Pair[] = [...after.collections.values()].map((collection) => ({
    before: old.get(collection.id) ?? null,
    after: collection,
  }));
  const kept = new Set([...after.collections.values()].map(({ id }) => id));
  for (const [id, collection] of old) if (!kept.has(id)) pairs.push({ before: collection, after: null });
  return pairs;
}

/** Whether everything about a collection that the decision looks at is the same on both sides. */
function isSame({ before, after }: Pair, old: ActivePolicy, next: ActivePolicy): boolean {
  if (before === null || after === null || before.name !== after.name) return false;
  const sum = ({ purposes }: Collection, { bases }: ActivePolicy): string =>
    [...purposes]
      .map((purpose) => `${purpose} ${bases.get(purpose)}`)
      .toSorted()
      .join();
  return sum(before, old) === sum(after, next);
}

function hasSameGrants(before: Client, after: Client): boolean {
  const texts = ({ actor }: Client): string => actor.grants.map(grantText).toSorted().join();
  return texts(before) === texts(after);
}

function* dutyChanges(before: Client, after: Client): Generator<AccessChange> {
  for (const action of DUTIES) {
    const [had, has] = [before, after].map(({ actor }) => decideDuty(actor, action) === null);
    if (had !== has) yield { ...nameOf(after), change: has === true ? 'gains' : 'loses', action };
  }
}

const nameOf = ({ row: { id, name } }: Client): { client: string; name: string } => ({ client: id, name });

function* pairChanges(
  before: Client,
  after: Client,
  pair: Pair,
  old: ActivePolicy,
  next: ActivePolicy,
): Generator<AccessChange> {
  const had = allowedOn(before, pair.before, old);
  const has = allowedOn(after, pair.after, next);
  const name = pair.after?.name ?? pair.before?.name ?? '';
  const renamed = pair.before !== null && pair.after !== null && pair.before.name !== name;
  const about = { collection: name, ...(renamed ? { formerly: pair.before.name } : {}) };
  for (const [key, call] of has)
    if (!had.has(key)) yield { ...nameOf(after), change: 'gains', ...about, ...call };
  for (const [key, call] of had)
    if (!has.has(key)) yield { ...nameOf(after), change: 'loses', ...about, ...call };
}

interface Allowed {
  readonly action: Action;
  readonly purpose?: string;
}

/** Every call on a collection that a client would be allowed, as far as no token is asked about. */
function allowedOn(
  { actor }: Client,
  collection: Collection | null,
  policy: ActivePolicy,
): ReadonlyMap<string, Allowed> {
  if (collection === null) return NOTHING;
  const { name } = collection;
  const touched = actor.grants.filter(({ pattern }) => covers(pattern, name));
  if (touched.length === 0) return NOTHING;
  const allowed = new Map<string, Allowed>();
  // Whatever narrows it for now: that ends, and the policy stays.
  const asking = { grants: touched, restrictions: [] };
  // What no grant names is refused; what one does name is put to the decision.
  for (const { action, pattern, purpose } of touched) {
    // The whole log is a duty, and told as one.
    if (action === 'audit' && pattern === '*') continue;
    const key = `${action} ${purpose}`;
    if (allowed.has(key) || !COLLECTION_ACTIONS.includes(action)) continue;
    if (isAllowed(asking, policy, { action, name, purpose }))
      allowed.set(key, purpose === null ? { action } : { action, purpose });
  }
  return allowed;
}

const NOTHING: ReadonlyMap<string, Allowed> = new Map();

function isAllowed(
  actor: Pick<Client['actor'], 'grants' | 'restrictions'>,
  policy: ActivePolicy,
  asked: { readonly action: Action; readonly name: string; readonly purpose: string | null },
): boolean {
  if (decide(questionOf(policy, actor, OVER_HTTP, asked)) !== null) return false;
  if (asked.purpose === null) return true;
  const basis = policy.bases.get(asked.purpose) ?? 'consent';
  return decideFound({ state: 'live', basis, mayDescribe: true }) === null;
}
