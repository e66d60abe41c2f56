import type { Call } from '../call.ts';
import type { Facts } from '../commit/event.ts';
import { roleOf } from './grant.ts';
import type { Plan } from './plan.ts';
import { policyHash } from './policy-hash.ts';

/** What applying a policy did to collections, and to roles that clients hold: what its event and its operator are told. */
export interface Effects {
  readonly added: readonly string[];
  /** Open collections that it lacks. */
  readonly closed: readonly string[];
  /** Closed ones that it has again. */
  readonly opened: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  /** Roles that it lacks though clients hold them. */
  readonly roles: readonly { readonly role: string; readonly clients: number }[];
}

export function effectsOf({ epoch }: Call, { policy, planned }: Plan): Effects {
  const { collections } = epoch.policy.policy;
  const wasOpen = (name: string): boolean => Object.hasOwn(collections, name);
  const kept = new Set(planned.flatMap(({ row }) => (row === null ? [] : [row.id])));
  const stored = planned.flatMap(({ name, row }) => (row === null ? [] : [{ from: row.name, to: name }]));
  const usable = epoch.clients.all().filter((client) => client.usable);
  const held = [...epoch.policy.roles.keys()].map((role) => ({
    role,
    clients: usable.filter(({ actor }) => actor.written.some((text) => roleOf(text) === role)).length,
  }));
  return {
    added: planned.filter(({ row }) => row === null).map(({ name }) => name),
    closed: [...epoch.collections.values()]
      .filter(({ id, name }) => wasOpen(name) && !kept.has(id))
      .map(({ name }) => name),
    opened: stored.filter(({ from }) => !wasOpen(from)).map(({ to }) => to),
    renamed: stored.filter(({ from, to }) => from !== to),
    roles: held.filter(({ role, clients }) => clients > 0 && !Object.hasOwn(policy.roles, role)),
  };
}

/** What the event of an applied policy says. */
export const detailOf = (number: number, text: string, effects: Effects): NonNullable<Facts['detail']> => ({
  number,
  hash: policyHash(text),
  ...named('newCollections', effects.added),
  ...named('closedCollections', effects.closed),
  ...named('openedCollections', effects.opened),
  ...named(
    'renamedCollections',
    effects.renamed.map(({ from, to }) => `${from} > ${to}`),
  ),
  ...named(
    'lostRoles',
    effects.roles.map(({ role }) => role),
  ),
});

/** Names that an event lists, by number and in characters; the policies' texts have them all. */
const MOST_NAMED = 32;
const MOST_CHARACTERS = 2048;

function named(fact: string, names: readonly string[]): Record<string, readonly string[] | number> {
  const listed: string[] = [];
  let room = MOST_CHARACTERS;
  for (const name of names.slice(0, MOST_NAMED)) {
    room -= name.length;
    if (room < 0) break;
    listed.push(name);
  }
  const beyond = names.length - listed.length;
  return { [fact]: listed, ...(beyond > 0 ? { [`${fact}Beyond`]: beyond } : {}) };
}
