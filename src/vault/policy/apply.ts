import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import { holdsDuty } from '../access/duty.ts';
import type { Core } from '../core.ts';
import { signRow } from '../custody/authentic.ts';
import { newKey } from '../custody/new-key.ts';
import { newId } from '../id.ts';
import { roleOf } from './grant.ts';
import type { CollectionRow, Insert, Update } from '../store.ts';
import { type Policy, parsePolicy, policyText, type PolicyProblem, shapeOf } from './policy.ts';

export type Applied =
  | ({ readonly applied: true; readonly number: number } & Losses)
  | { readonly applied: false; readonly number: number }
  | { readonly problems: readonly PolicyProblem[] };

/**
 * Makes a policy the active one: a new numbered version, rows and data keys for collections that are new, one event.
 * A policy that says what the active one says changes nothing.
 * @param value the policy's part of strongroom.yaml, unchecked
 */
export async function applyPolicy(core: Core, caller: Caller, value: unknown): Promise<Applied> {
  const parsed = parsePolicy(value);
  if ('problems' in parsed) return parsed;
  const { policy } = parsed;
  const text = policyText(policy);
  return attempt(
    core,
    caller,
    { action: 'policy.apply', expected: 4096 },
    async (call): Promise<Applied | null> => {
      if (!(await holdsDuty(call, 'policy', 'policy.apply'))) return null;
      const { number } = call.epoch.policy;
      if (call.epoch.policy.text === text) return { applied: false, number };
      const change = await changeOf(call, policy);
      if ('problems' in change) return change;
      const next = number + 1;
      const row = signRow(call.epoch.keys.vault('rows').secret, 'policies', {
        number: next,
        text,
        at: call.now,
        revision: 1,
      });
      const losses = lossesOf(call, policy);
      const detail = {
        number: next,
        ...named('newCollections', change.names),
        ...named('closedCollections', losses.closed),
        ...named(
          'lostRoles',
          losses.roles.map(({ role }) => role),
        ),
      };
      const done = await commit(call, 'unavailable', {
        inserts: [{ table: 'policies', row }, ...change.inserts],
        updates: change.updates,
        mustBeEmpty: change.updates.map(({ row: { id } }) => id),
        drafts: [draft(call, 'policy.apply', 'done', { detail })],
      });
      return done === null ? null : { applied: true, number: next, ...losses };
    },
  );
}

/** What a policy takes away: open collections that it lacks, and roles that it lacks though clients hold them. */
interface Losses {
  readonly closed: readonly string[];
  readonly roles: readonly { readonly role: string; readonly clients: number }[];
}

function lossesOf({ epoch }: Call, { collections, roles }: Policy): Losses {
  const usable = epoch.clients.all().filter((client) => client.usable);
  const held = [...epoch.policy.roles.keys()].map((role) => ({
    role,
    clients: usable.filter(({ actor }) => actor.written.some((text) => roleOf(text) === role)).length,
  }));
  return {
    closed: [...epoch.policy.collections.keys()].filter((name) => !Object.hasOwn(collections, name)),
    roles: held.filter(({ role, clients }) => clients > 0 && !Object.hasOwn(roles, role)),
  };
}

/** Names that an event lists; of any more it says how many, and the policies' texts have them all. */
const MOST_NAMED = 32;

const named = (fact: string, names: readonly string[]): Record<string, readonly string[] | number> => ({
  [fact]: names.slice(0, MOST_NAMED),
  ...(names.length > MOST_NAMED ? { [`${fact}Beyond`]: names.length - MOST_NAMED } : {}),
});

interface Change {
  readonly inserts: Insert[];
  readonly updates: Extract<Update, { readonly table: 'collections' }>[];
  readonly names: string[];
}

/** What a policy asks of the collections: new ones get a row and keys; what is fixed may change while one is empty. */
async function changeOf(
  call: Call,
  policy: Policy,
): Promise<Change | { readonly problems: readonly PolicyProblem[] }> {
  const change: Change = { inserts: [], updates: [], names: [] };
  const problems: PolicyProblem[] = [];
  for (const [name, options] of Object.entries(policy.collections)) {
    const row = call.epoch.collections.get(name) ?? null;
    const shape = shapeOf(options);
    if (row === null) {
      change.inserts.push(...(await newCollection(call, name, shape)));
      change.names.push(name);
    } else if (row.shape !== shape && (await call.core.store.isEmpty(row.id))) {
      change.updates.push({ table: 'collections', row: reshaped(call, row, shape), was: row.mac });
    } else if (row.shape !== shape) {
      problems.push({
        path: ['collections', name],
        problem:
          'format, tokens and what a token keeps are fixed at the first value; name a new collection instead',
      });
    }
  }
  return problems.length > 0 ? { problems } : change;
}

function reshaped(call: Call, { mac: _mac, ...row }: CollectionRow, shape: string): CollectionRow {
  return signRow(call.epoch.keys.vault('rows').secret, 'collections', {
    ...row,
    shape,
    revision: row.revision + 1,
  });
}

async function newCollection(call: Call, name: string, shape: string): Promise<Insert[]> {
  const { core, epoch, now } = call;
  const rowsKey = epoch.keys.vault('rows').secret;
  const id = newId('collection', (n) => call.draw.take(n));
  const making = {
    masterKey: core.masterKey,
    vaultId: epoch.vaultId,
    random: core.world.random,
    now: () => now,
  };
  // Both from the start: a collection may become deterministic while it is empty.
  const seal = await newKey(making, 'seal', id);
  const fingerprint = await newKey(making, 'fingerprint', id);
  return [
    {
      table: 'collections',
      row: signRow(rowsKey, 'collections', { id, name, shape, createdAt: now, revision: 1 }),
    },
    { table: 'keys', row: signRow(rowsKey, 'keys', seal.row) },
    { table: 'keys', row: signRow(rowsKey, 'keys', fingerprint.row) },
  ];
}
