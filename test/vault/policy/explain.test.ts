import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../attack/tamper.ts';
import { newVault, type TestVault } from '../../harness.ts';
import type { ItemAnswer } from '../../../src/vault/values/item.ts';

const PAN = '4111111111111111';

/** The harness's policy has cards for settlement and, on consent, marketing; notes for support. */
const HELD = [
  ['tokenise:cards', 'detokenise:cards@settlement'],
  ['role:settler'],
  ['role:settler', 'describe:*', 'detokenise:*@marketing'],
  ['detokenise:cards@marketing', 'detokenise:cards@support'],
  ['detokenise:*@settlement', 'tokenise:acme/*'],
  ['lookup:notes', 'lookup:cards-known', 'tokenise:cards-known'],
];
const COLLECTIONS = ['cards', 'cards-known', 'notes', 'acme/cards', 'nowhere'];
const PURPOSES = ['settlement', 'marketing', 'support', 'unheard-of'];

async function withTokens(): Promise<{ open: TestVault; tokens: Map<string, string> }> {
  const open = await newVault();
  const { vault } = await open.add(['tokenise:*']);
  const { items } = await vault.tokenise({
    items: COLLECTIONS.map((collection) => ({ collection, value: PAN })),
  });
  const tokens = COLLECTIONS.map((name, i) => [name, String(Reflect.get(items[i] ?? {}, 'token'))] as const);
  return { open, tokens: new Map(tokens) };
}

it('says of every call what asking comes to: allowed, or the code and what is needed', async () => {
  const { open, tokens } = await withTokens();
  const codes = new Set<string>();
  for (const grants of HELD) {
    const { vault } = await open.add(grants);
    for (const collection of COLLECTIONS) {
      const token = tokens.get(collection) ?? '';
      const asked = [
        {
          call: { action: 'tokenise', collection },
          real: await vault.tokenise({ items: [{ collection, value: PAN }] }),
        },
        {
          call: { action: 'lookup', collection },
          real: await vault.lookup({ items: [{ collection, value: PAN }] }),
        },
        ...(await Promise.all(
          PURPOSES.map(async (purpose) => ({
            call: { action: 'detokenise', collection, purpose },
            real: await vault.detokenise({ purpose, items: [{ collection, token }] }),
          })),
        )),
      ];
      for (const { call, real } of asked) {
        const { allowed, code, needed, rules } = await vault.explain(call);
        const item: ItemAnswer<object> | undefined = real.items[0];
        const error = item !== undefined && 'error' in item ? item.error : null;
        const told = { code, needed };
        expect({ allowed, ...told }, JSON.stringify([grants, call])).toEqual({
          allowed: error === null,
          code: error?.code,
          needed: error?.needed,
        });
        // The rule that refuses is the last that was asked.
        const outcomes = rules.map(({ outcome }) => outcome);
        expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(allowed ? 0 : 1);
        const rest = outcomes.slice(outcomes.indexOf('refused') + 1);
        if (!allowed) expect(new Set(rest).size).toBeLessThan(2);
        if (code !== undefined) codes.add(code);
      }
    }
  }
  expect([...codes].toSorted()).toEqual([
    'collection_not_found',
    'consent_required',
    'insufficient_grant',
    'not_supported',
    'purpose_not_allowed',
    'token_not_found',
  ]);
});

it('names the grants and roles behind each rule', async () => {
  const { open } = await withTokens();
  const { vault, name } = await open.add(['role:settler', 'lookup:*']);
  const asked = { action: 'detokenise', collection: 'cards', purpose: 'settlement' };
  const { rules } = await vault.explain(asked);
  expect(rules).toEqual([
    { rule: 'suspension', outcome: 'passed', sentence: 'the caller is not suspended' },
    {
      rule: 'collection',
      outcome: 'passed',
      sentence:
        'cards is open, and touched by lookup:*, tokenise:cards of role:settler, detokenise:cards@settlement of role:settler',
    },
    {
      rule: 'action',
      outcome: 'passed',
      sentence: 'detokenise is granted by detokenise:cards@settlement of role:settler',
    },
    {
      rule: 'purpose',
      outcome: 'passed',
      sentence: 'the purpose settlement is granted by detokenise:cards@settlement of role:settler',
    },
    { rule: 'listing', outcome: 'passed', sentence: 'cards lists the purpose settlement' },
    { rule: 'mask', outcome: 'passed', sentence: 'the caller is not masked' },
    { rule: 'approval', outcome: 'passed', sentence: 'the caller is under no approval' },
    { rule: 'token', outcome: 'for each token', sentence: 'the token must be one of this collection' },
    { rule: 'life', outcome: 'for each token', sentence: 'the token must not have expired or ended' },
    { rule: 'basis', outcome: 'passed', sentence: 'the purpose settlement stands on contract' },
  ]);
  const of = await open.host.policy.explain({ client: name, ...asked });
  expect(of.rules).toEqual([
    { rule: 'client', outcome: 'passed', sentence: 'its API key is taken' },
    ...rules,
  ]);
  const other = await vault.explain({ action: 'mask', collection: 'cards', purpose: 'settlement' });
  expect(other.rules.find(({ outcome }) => outcome === 'refused')?.sentence).toMatch(
    /^mask is not granted; what is, on cards: lookup:\*, tokenise:cards of role:settler, /,
  );
});

it('says of a lookup whether its collection keeps what finds a value', async () => {
  const { open } = await withTokens();
  const { vault } = await open.add(['lookup:*']);
  const of = async (collection: string) => {
    const { allowed, rules } = await vault.explain({ action: 'lookup', collection });
    return { allowed, last: rules.at(-1) };
  };
  expect(await of('notes')).toEqual({
    allowed: false,
    last: {
      rule: 'lookup',
      outcome: 'refused',
      sentence:
        'notes keeps nothing to find a value by: its policy says neither tokens: deterministic nor lookup: true',
    },
  });
  expect(await of('notes-known')).toEqual({
    allowed: true,
    last: { rule: 'lookup', outcome: 'passed', sentence: 'notes-known keeps what finds a value' },
  });
  expect(await of('nowhere')).toMatchObject({ allowed: false, last: { outcome: 'not reached' } });
});

it('tells of a suspended client what it is told, whatever it asks about', async () => {
  const { open } = await withTokens();
  const { vault, name } = await open.add(['detokenise:cards@settlement']);
  await open.host.clients.suspend({ client: name });
  for (const collection of ['cards', 'notes', 'nowhere']) {
    const asked = { action: 'detokenise', collection, purpose: 'settlement' };
    const of = await open.host.policy.explain({ client: name, ...asked });
    const items = [{ collection, token: 'unknown' }];
    await expect(vault.detokenise({ purpose: 'settlement', items })).rejects.toMatchObject({ code: of.code });
    expect(of).toMatchObject({ allowed: false, code: 'restricted' });
    expect(of.rules.find(({ outcome }) => outcome === 'refused')).toEqual({
      rule: 'suspension',
      outcome: 'refused',
      sentence: 'the caller is suspended',
    });
  }
});

it('says from where the key of a client is taken', async () => {
  const { open } = await withTokens();
  const { name } = await open.add(['detokenise:cards@settlement'], { from: ['10.0.0.0/8', '127.0.0.1'] });
  const asked = { client: name, action: 'detokenise', collection: 'cards', purpose: 'settlement' };
  expect((await open.host.policy.explain(asked)).rules[0]).toEqual({
    rule: 'client',
    outcome: 'passed',
    sentence: 'its API key is taken, from 10.0.0.0/8 and 127.0.0.1/32 alone',
  });
});

it('is an event before it is answered, which repeats nothing of a name that no policy has', async () => {
  const { open } = await withTokens();
  const { vault, id } = await open.add(['detokenise:cards@settlement']);
  const { requestId } = await vault.explain({
    action: 'detokenise',
    collection: 'notes',
    purpose: 'support',
  });
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({
    action: 'explain',
    outcome: 'done',
    actor: { id },
    request: requestId,
    collection: { name: 'notes' },
    purpose: 'support',
    detail: { action: 'detokenise', code: 'collection_not_found' },
  });
  await vault.explain({ action: 'mask', collection: 'my-secret', purpose: 'my-secret' });
  const last = eventsOf(open.storePath).at(-1);
  expect(last).toMatchObject({ action: 'explain', purpose: 'unregistered' });
  expect(JSON.stringify(last)).not.toContain('my-secret');
  for (const action of ['clients', 'policy', 'open', '__proto__', 'constructor'])
    await expect(vault.explain({ action, collection: 'cards' }), action).rejects.toMatchObject({
      code: 'invalid_request',
    });
  expect(eventsOf(open.storePath).at(-1)).toMatchObject({ action: 'explain', outcome: 'denied' });
});

describe('a client that is nobody', () => {
  it('has no rule but that, for whoever keeps the policy', async () => {
    const { open } = await withTokens();
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const late = await open.add(['tokenise:cards'], { expiresAt });
    const gone = await open.add(['tokenise:cards']);
    await open.host.clients.revoke({ client: gone.id });
    open.clock.offset = 120_000;
    const of = async (client: string) =>
      open.host.policy.explain({ client, action: 'tokenise', collection: 'cards' });
    for (const [client, sentence] of [
      [late.id, 'its API key has expired'],
      [gone.name, 'the client is revoked'],
    ] as const) {
      const { allowed, code, rules } = await of(client);
      expect({ allowed, code }).toEqual({ allowed: false, code: 'unauthenticated' });
      expect(rules[0]).toEqual({ rule: 'client', outcome: 'refused', sentence });
      expect(new Set(rules.slice(1).map(({ outcome }) => outcome))).toEqual(new Set(['not reached']));
    }
    await expect(of('nobody')).rejects.toMatchObject({ code: 'not_found' });
  });
});
