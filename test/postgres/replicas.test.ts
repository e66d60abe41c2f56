import { expect, it } from 'vitest';
import { connect } from '../../src/client/client.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { cardNumber } from '../cards.ts';
import { seeded } from '../crash/kill.ts';
import type { StoredEvent } from '../crash/made-vault.ts';
import { newRace, revealUntilRefused, shownAround } from '../crash/race.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { clusterOfFile } from './lifetimes.ts';
import { replicaRun } from './replicas.ts';
import { makeVaultOn, type PostgresVault } from './vaults.ts';

/** Several processes that serve one vault over one PostgreSQL. `npm run crash -- --store postgres` is a minute of it and more. */

const cluster = clusterOfFile();
const SECONDS = Number(process.env['STRONGROOM_TEST_REPLICA_SECONDS'] ?? '20');

const newVault = async (): Promise<PostgresVault> => {
  const database = await cluster().database();
  return makeVaultOn(tempDir(), database, (sql, name) => cluster().query(sql, name));
};

it('three replicas under load, one killed and one restarted, lose nothing that any acknowledged', async () => {
  const vault = await newVault();
  const run = { vault, seconds: SECONDS, random: seeded(20_261_128), say: () => undefined };
  const { acknowledged } = await replicaRun(run);
  expect(acknowledged).toBeGreaterThan(100);
}, 600_000);

interface Change {
  readonly make: (vault: BoundVault, custodian: BoundVault, token: string) => Promise<unknown>;
  /** What readers are told afterwards. */
  readonly told: string;
  readonly isIt: (event: StoredEvent) => boolean;
}

const CHANGES: Readonly<Record<string, Change>> = {
  'a revocation': {
    make: (_, custodian) => custodian.clients.revoke({ client: 'load' }),
    told: 'unauthenticated',
    isIt: ({ action }) => action === 'clients.revoke',
  },
  'an erasure': {
    make: (vault, _, token) => vault.erase({ reason: 'asked', items: [{ collection: 'cards', token }] }),
    told: 'token_not_found',
    isIt: ({ action }) => action === 'erase',
  },
  'a policy change': {
    make: async (_, custodian) => {
      const { policy } = await custodian.policy.show();
      return custodian.policy.apply({ policy: withoutPurpose(policy) });
    },
    told: 'purpose_not_allowed',
    isIt: ({ action }) => action === 'policy.apply',
  },
};

/** `cards` are no longer for settlement. */
function withoutPurpose(policy: unknown): Record<string, unknown> {
  const text = JSON.stringify(policy);
  const changed = JSON.parse(text) as { collections: { cards: { purposes: string[] } } };
  changed.collections.cards.purposes = [];
  return changed;
}

it.each(Object.entries(CHANGES))(
  'after %s is answered by one replica, the others reveal nothing more',
  async (_, { make, told, isIt }) => {
    const { config, apiKey, custodianKey, events } = await newVault();
    const urls = await Promise.all([0, 1, 2].map(async () => (await serveProcess(config)).url));
    const vaults = urls.map((url) => connect({ url, apiKey }));
    const [first] = vaults;
    if (first === undefined) return expect.fail('no replica');
    const { items } = await first.tokenise({ items: [{ collection: 'cards', value: cardNumber(1) }] });
    const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';

    const race = newRace();
    const readers = vaults.flatMap((vault) => [0, 1, 2].map(() => revealUntilRefused(vault, token, race)));
    while (race.before < 60) await new Promise((turn) => setImmediate(turn));
    await make(first, connect({ url: urls[0] ?? '', apiKey: custodianKey }), token);
    race.answered = true;
    expect(new Set(await Promise.all(readers))).toEqual(new Set([told]));
    expect(race.after).toBe(0);

    const around = shownAround(await events(), isIt);
    expect(around.after).toBe(0);
    expect(around.before).toBeGreaterThan(59);
    expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });
  },
);
