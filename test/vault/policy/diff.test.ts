import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { VaultError } from '../../../src/vault/error.ts';
import { newVault, type TestClient } from '../../harness.ts';
import { apply, told } from './policies.ts';

/** Who gains and loses what: held against what clients are really answered before and after. */

const ACTIONS = ['tokenise', 'detokenise', 'mask', 'describe'];
const PURPOSES = ['settlement', 'support'];
const NAMES = ['cards', 'acme/notes', 'payments'];
const GRANTS = [
  ['tokenise:*', 'detokenise:cards@settlement'],
  ['role:one'],
  ['role:one', 'mask:payments@support', 'tokenise:cards'],
  ['describe:acme/*', 'detokenise:*@support'],
  ['detokenise:payments@settlement'],
];

interface Choice {
  readonly bases: readonly string[];
  readonly collections: readonly { readonly name: string; readonly purposes: readonly string[] }[];
  readonly role: readonly string[];
}

const choice: fc.Arbitrary<Choice> = fc.record({
  bases: fc.tuple(fc.constantFrom('contract', 'consent'), fc.constantFrom('contract', 'legal-obligation')),
  collections: fc.uniqueArray(
    fc.record({ name: fc.constantFrom(...NAMES), purposes: fc.subarray(PURPOSES) }),
    { minLength: 1, selector: ({ name }) => name },
  ),
  role: fc.subarray(['tokenise:*', 'detokenise:*@settlement', 'mask:acme/*@support', 'describe:*'], {
    minLength: 1,
  }),
});

const yamlOf = ({ bases, collections, role }: Choice, formerly = ''): string => `
purposes: { settlement: { basis: ${bases[0]} }, support: { basis: ${bases[1]} } }
collections:
${collections.map(({ name, purposes }) => `  ${name}: { format: text, purposes: [${purposes.join()}]${name === 'payments' ? formerly : ''} }`).join('\n')}
roles: { one: [${role.map((grant) => `"${grant}"`).join()}] }
`;

/** Everything that clients are told that they may do; a collection that was renamed goes by its new name. */
async function reach(clients: readonly TestClient[], called: (name: string) => string): Promise<Set<string>> {
  const calls = clients.flatMap(({ name, vault }) =>
    NAMES.flatMap((collection) =>
      ACTIONS.flatMap((action) =>
        (action === 'tokenise' || action === 'describe' ? [[]] : PURPOSES.map((one) => [one])).map(
          async ([purpose]) => {
            const wanted = purpose === undefined ? {} : { purpose };
            const { allowed } = await vault.explain({ action, collection, ...wanted });
            const call = [name, action, called(collection), ...(purpose === undefined ? [] : [purpose])];
            return allowed ? [call.join(' ')] : [];
          },
        ),
      ),
    ),
  );
  return new Set((await Promise.all(calls)).flat());
}

/** The same choice where one collection changes its name, and nothing else has either name. */
const renaming = ({ collections, ...rest }: Choice, name: string): Choice => ({
  ...rest,
  collections: [
    ...collections.filter((one) => one.name !== 'cards' && one.name !== 'payments'),
    { purposes: collections[0]?.purposes ?? [], name },
  ],
});

it('the diff names each call that clients gain or lose, and no other', async () => {
  const seen = { gains: 0, loses: 0, renames: 0 };
  await fc.assert(
    fc.asyncProperty(choice, choice, fc.boolean(), async (one, two, isRenamed) => {
      const [before, after] = isRenamed ? [renaming(one, 'cards'), renaming(two, 'payments')] : [one, two];
      const open = await newVault(yamlOf(before));
      const clients = await Promise.all(GRANTS.map((grants) => open.add(grants)));
      const next = yamlOf(after, isRenamed ? ', formerly: cards' : '');
      const expected = await told(open, next);
      expect(expected.problems).toEqual([]);
      const had = await reach(clients, (name) => (isRenamed && name === 'cards' ? 'payments' : name));
      await apply(open, next);
      const may = await reach(clients, (name) => name);
      const lines = (change: 'gains' | 'loses', from: Set<string>, to: Set<string>): string[] =>
        [...to].filter((call) => !from.has(call)).map((call) => call.replace(' ', ` ${change} `));
      const [gains, loses] = [lines('gains', had, may), lines('loses', may, had)];
      const asked = expected.access.filter((line) => ACTIONS.includes(line.split(' ')[2] ?? ''));
      expect(asked.toSorted()).toEqual([...gains, ...loses].toSorted());
      seen.gains += gains.length;
      seen.loses += loses.length;
      seen.renames += isRenamed ? 1 : 0;
      await open.close();
    }),
    { numRuns: 30 },
  );
  expect(Math.min(seen.gains, seen.loses, seen.renames)).toBeGreaterThan(0);
});

const base = `
purposes: { settlement: { basis: contract }, support: { basis: contract } }
collections:
  cards: { format: text, purposes: [settlement, support] }
  notes: { format: text, purposes: [support] }
roles: { desk: ["detokenise:cards@support"], keeper: ["clients:*"] }
`;

it('tells in one line each what changes: collections, purposes, roles, clients, idle grants', async () => {
  const open = await newVault(base);
  await open.add(['role:desk', 'detokenise:cards@settlement', 'mask:*@support', 'tokenise:notes'], {
    name: 'desk',
  });
  await open.add(['role:keeper'], { name: 'keeper', kind: 'custodian' });
  const gone = await open.add(['role:desk'], { name: 'gone' });
  const later = new Date(Date.now() + 60_000).toISOString();
  await open.add(['role:desk'], { name: 'expired', expiresAt: later });
  await open.host.clients.revoke({ client: gone.id });
  open.clock.offset = 120_000;
  expect(await told(open, base)).toEqual({ changes: [], access: [], idle: [], problems: [] });
  const next = `
purposes: { settlement: { basis: contract }, support: { basis: consent }, audit: { basis: contract } }
collections:
  payments: { format: text, purposes: [settlement, support], formerly: cards }
  more: { format: text }
roles: { desk: ["detokenise:payments@support", "tokenise:more"], keeper: ["policy:*"] }
`;
  expect(await told(open, next)).toEqual({
    changes: [
      'collection payments renamed cards payments',
      'collection more added',
      'collection notes closed',
      'purpose support changed basis contract consent',
      'purpose audit added basis contract',
      'role desk gains a grant detokenise:payments@support',
      'role desk gains a grant tokenise:more',
      'role desk loses a grant detokenise:cards@support',
      'role keeper gains a grant policy:*',
      'role keeper loses a grant clients:*',
    ],
    access: [
      'desk loses detokenise payments settlement',
      'desk loses mask payments support',
      'desk loses detokenise payments support',
      'desk gains tokenise more',
      'desk loses mask notes support',
      'desk loses tokenise notes',
      'keeper loses clients',
      'keeper gains policy',
    ],
    // The one has another name now, the other is closed.
    idle: ['desk detokenise:cards@settlement', 'desk tokenise:notes'],
    problems: [],
  });
});

it('tells of a thousand of each at most, and how many more there are', async () => {
  const open = await newVault(base);
  await open.add(['tokenise:*', 'replace:*']);
  const names = Array.from({ length: 1100 }, (_, i) => [`c${i}`, { format: 'text' }]);
  const policy = { collections: Object.fromEntries(names) as object };
  const { changes, access, more } = await open.host.policy.diff({ policy });
  expect([changes.length, access.length]).toEqual([1000, 1000]);
  // Two that close, two purposes and two roles with their grants.
  expect(more).toEqual({ changes: 100 + 2 + 2 + 4, access: 2200 + 4 - 1000, idle: 0, problems: 0 });
});

it('is done for one caller at a time, and whoever may not ask is told that first', async () => {
  const open = await newVault(base);
  const stranger = await open.add(['tokenise:*']);
  const names = Array.from({ length: 1000 }, (_, i) => [`c${i}`, { format: 'text' }]);
  const policy = { collections: Object.fromEntries(names) as object };
  const came = await Promise.allSettled([
    open.host.policy.diff({ policy }),
    open.host.policy.diff({ policy }),
    stranger.vault.policy.diff({ policy }),
  ]);
  const codes = came.map((one) => (one.status === 'rejected' ? (one.reason as VaultError).code : 'compared'));
  expect(codes.toSorted()).toEqual(['compared', 'insufficient_grant', 'unavailable']);
  await expect(open.host.policy.diff({ policy })).resolves.toMatchObject({ same: false });
});
