import { describe, expect, it } from 'vitest';
import { type Answer, listening, withoutId } from '../http/listening.ts';
import { newVault } from '../harness.ts';
import { eventsOf } from './tamper.ts';

/** Policies and explanations in the hands of somebody who means no good. */

const PAN = '4111111111111111';
const cards = { format: 'pan', lengths: { min: 16, max: 16 }, purposes: ['settlement'] };
const purposes = { settlement: { basis: 'contract' } };

const seen = (answer: Answer) => {
  const { date: _date, 'x-request-id': _id, ...headers } = answer.headers;
  return { status: answer.status, headers, body: withoutId(answer) };
};

const ROLES = `
purposes: { settlement: { basis: contract } }
collections: { cards: { format: pan, lengths: { min: 16, max: 16 }, purposes: [settlement] } }
roles: { keeper: ["policy:*"], auditing: ["audit:*"] }
`;

describe('a custodian of the policy', () => {
  it('gives himself no data by a role, and nobody who is no service', async () => {
    const open = await newVault(ROLES);
    const keeper = await open.add(['role:keeper', 'policy:*'], { kind: 'custodian' });
    const auditor = await open.add(['role:auditing'], { kind: 'auditor' });
    const data = ['tokenise:cards', 'detokenise:cards@settlement', 'mask:cards@settlement'];
    const policy = { purposes, collections: { cards }, roles: { keeper: data, auditing: data } };
    const compared = await keeper.vault.policy.diff({ policy });
    expect(compared.access).toEqual([
      { client: auditor.id, name: auditor.name, change: 'loses', action: 'audit' },
    ]);
    await expect(keeper.vault.policy.apply({ policy })).resolves.toMatchObject({ applied: true });
    for (const { vault } of [keeper, auditor]) {
      const { items } = await vault.tokenise({ items: [{ collection: 'cards', value: PAN }] });
      expect(items[0]).toHaveProperty('error');
      expect(await vault.explain({ action: 'tokenise', collection: 'cards' })).toMatchObject({
        allowed: false,
      });
    }
    // A role of both kinds is no policy.
    const mixed = { purposes, collections: { cards }, roles: { keeper: ['policy:*', ...data] } };
    await expect(keeper.vault.policy.apply({ policy: mixed })).rejects.toMatchObject({
      code: 'invalid_policy',
    });
  });

  it('gives himself no other duty, and the attempt is an event', async () => {
    const open = await newVault(ROLES);
    const keeper = await open.add(['role:keeper'], { kind: 'custodian' });
    const other = await open.add(['policy:*'], { kind: 'custodian' });
    const policy = { roles: { keeper: ['policy:*', 'clients:*'] } };
    await expect(keeper.vault.policy.apply({ policy })).rejects.toMatchObject({
      code: 'insufficient_grant',
      needed: { action: 'clients' },
    });
    expect(eventsOf(open.storePath).at(-1)).toMatchObject({
      action: 'policy.apply',
      outcome: 'denied',
      reason: 'a duty for the caller',
      actor: { id: keeper.id },
    });
    await expect(keeper.vault.clients.list()).rejects.toMatchObject({ code: 'insufficient_grant' });
    await expect(other.vault.policy.apply({ policy })).resolves.toMatchObject({ applied: true });
    await expect(keeper.vault.clients.list()).resolves.toHaveProperty('clients');
  });
});

it('strangers learn nothing from comparing, applying, showing or explaining, and each try is an event', async () => {
  const served = await listening();
  const strangers = [
    await served.asking(['tokenise:cards', 'describe:cards']),
    await served.asking(['audit:*'], { kind: 'auditor' }),
    await served.asking(['clients:*'], { kind: 'custodian' }),
    await served.asking(['policy:cards'], { kind: 'custodian' }),
  ];
  const client = strangers[0]?.client.name ?? '';
  const bodies: [string, object][] = [
    ['/v1/policy/show', {}],
    ...[{}, { collections: { cards } }, { collections: { [PAN]: {} } }, { roles: 1 }].flatMap(
      (policy): [string, object][] => [
        ['/v1/policy/diff', { policy }],
        ['/v1/policy/apply', { policy }],
        ['/v1/policy/apply', { policy, expected: 1 }],
        ['/v1/policy/apply', { policy, expected: 2 }],
      ],
    ),
    ...[client, 'nobody'].map((name): [string, object] => [
      '/v1/policy/explain',
      { client: name, action: 'tokenise', collection: 'cards' },
    ]),
  ];
  for (const { ask, client: asker } of strangers) {
    const answers: ReturnType<typeof seen>[] = [];
    for (const [path, body] of bodies) {
      answers.push(seen(await ask(path, { body })));
      expect(eventsOf(served.open.storePath).at(-1)).toMatchObject({
        action: path.replace('/v1/', '').replace('/', '.'),
        outcome: 'denied',
        reason: 'action not granted',
        actor: { id: asker.id },
      });
    }
    expect(answers[0]).toMatchObject({ status: 403 });
    expect(answers[0]?.body).toContain('"needed":{"action":"policy"}');
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  }
});

it('explaining a collection that is foreign, closed or nowhere has one answer, to the byte', async () => {
  const served = await listening();
  const { ask } = await served.asking([
    'tokenise:cards',
    'detokenise:cards@settlement',
    'mask:acme@settlement',
  ]);
  const { host } = served.open;
  const { policy } = await host.policy.show();
  const { notes: _notes, ...others } = policy['collections'] as Record<string, unknown>;
  await host.policy.apply({ policy: { ...policy, collections: others, roles: {} } });
  const asking: [string, string | null][] = [
    ['tokenise', null],
    ['describe', null],
    ['detokenise', 'settlement'],
    ['detokenise', 'support'],
    ['detokenise', 'unheard-of'],
    ['detokenise', null],
  ];
  for (const [action, purpose] of asking) {
    const explain = (collection: string) =>
      ask('/v1/explain', { body: { action, collection, ...(purpose === null ? {} : { purpose }) } });
    const nowhere = await explain('nowhere');
    expect(nowhere).toMatchObject({
      status: 200,
      json: {
        allowed: false,
        code: 'collection_not_found',
        rules: [
          { rule: 'suspension', outcome: 'passed' },
          { rule: 'collection', outcome: 'refused' },
          ...restOf(nowhere),
        ],
      },
    });
    expect(nowhere.text).not.toContain('needed');
    for (const name of [
      'notes',
      'notes-known',
      'acme/cards',
      'acme',
      'Not A Name',
      '__proto__',
      'constructor',
      PAN,
    ])
      expect(seen(await explain(name)), `${action} ${name}`).toEqual(seen(nowhere));
    expect(seen(await explain('cards'))).not.toEqual(seen(nowhere));
  }
});

/** The rules after the first, which say nothing. */
const restOf = ({ json }: Answer): unknown[] =>
  (json as { rules: { rule: string }[] }).rules
    .slice(2)
    .map(({ rule }) => ({ rule, outcome: 'not reached', sentence: 'not asked: a rule before it refuses' }));

describe('a policy over HTTP that is too large, too deep or full of account numbers', () => {
  const many = (count: number, one: unknown): Record<string, unknown> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, one]));
  const large: [string, object | string][] = [
    ['collections', { collections: many(5_000, { format: 'text' }) }],
    ['purposes', { purposes: many(1_025, { basis: 'contract' }) }],
    ['roles', { roles: many(1_025, []) }],
    ['', { roles: { r: Array.from({ length: 3_500_000 }, () => 1) } }],
    ['', `{"collections":{"c":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`],
    ['', { collections: { c: { format: 'x'.repeat(1024 * 1024) } } }],
    ['', many(200_000, 1)],
  ];

  it.each(large)('is one problem, at %s', async (path, policy) => {
    const served = await listening();
    const { ask } = await served.asking(['policy:*'], { kind: 'custodian' });
    const body = `{"policy":${typeof policy === 'string' ? policy : JSON.stringify(policy)}}`;
    const compared = await ask('/v1/policy/diff', { body });
    expect(compared).toMatchObject({
      status: 200,
      json: { changes: [], problems: [{ path: path === '' ? [] : [path] }] },
    });
    expect(compared.text.length).toBeLessThan(1_000);
    expect(await ask('/v1/policy/apply', { body })).toMatchObject({
      status: 422,
      json: { code: 'invalid_policy' },
    });
    expect(
      eventsOf(served.open.storePath)
        .filter(({ action }) => action === 'policy.apply')
        .at(-1),
    ).toMatchObject({
      outcome: 'denied',
      reason: 'invalid_policy',
    });
  });

  it('keeps no more collections than it may, closed ones included, and the event of many has its size', async () => {
    const served = await listening();
    const { ask } = await served.asking(['policy:*'], { kind: 'custodian' });
    const long = (i: number) => Array.from({ length: 8 }, () => `${i}`.padEnd(64, 'x')).join('/');
    const names = Array.from({ length: 100 }, (_, i) => long(i));
    const policy = { collections: Object.fromEntries(names.map((name) => [name, { format: 'text' }])) };
    expect(await ask('/v1/policy/apply', { body: { policy } })).toMatchObject({ status: 200 });
    const detail = eventsOf(served.open.storePath).at(-1)?.['detail'] as Record<string, unknown>;
    expect(detail['newCollections']).toEqual(names.slice(0, 3));
    expect(detail['newCollectionsBeyond']).toBe(97);
    const full = { collections: many(4_096, { format: 'text' }) };
    expect(await ask('/v1/policy/diff', { body: { policy: full } })).toMatchObject({
      json: { problems: [{ path: ['collections'], problem: expect.stringContaining('at most 4096') }] },
    });
    expect(await served.open.host.audit.verify()).toMatchObject({ ok: true });
  });

  const text = { format: 'text' };
  const inClear: object[] = [
    { collections: { [PAN]: text } },
    { collections: { 'acme/4111-1111-1111-1111': text } },
    { collections: { a: { ...text, formerly: PAN } } },
    { purposes: { [PAN]: { basis: 'contract' } } },
    { roles: { 'gb82-west-1234-5698-7654-32': [] } },
  ];
  it('with a number for a name is refused whole, and the number is nowhere', async () => {
    const served = await listening();
    const { ask } = await served.asking(['policy:*'], { kind: 'custodian' });
    const before = eventsOf(served.open.storePath).length;
    for (const policy of inClear) {
      for (const path of ['/v1/policy/diff', '/v1/policy/apply']) {
        const answer = await ask(path, { body: { policy } });
        expect(answer, JSON.stringify(policy)).toMatchObject({
          status: 422,
          json: { code: 'value_in_clear' },
        });
        expect(answer.text).not.toMatch(/4111-?1111|82-west/);
      }
    }
    const events = eventsOf(served.open.storePath).slice(before);
    expect(events).toHaveLength(inClear.length * 2);
    expect(JSON.stringify(events)).not.toMatch(/4111-?1111|82-west/);
    // What is not read as a policy has no names yet: a path stops before what a caller chose.
    const pathsOf = async (policy: object) => {
      const { json } = await ask('/v1/policy/diff', { body: { policy } });
      return (json as { problems: { path: unknown[] }[] }).problems.map(({ path }) => path.join('.'));
    };
    expect(await pathsOf({ collections: { [PAN]: { format: PAN } } })).toEqual(['collections']);
    expect(await pathsOf({ collections: { cards: { format: 'text', 'sk-live-1': 1 } } })).toEqual([
      'collections.cards',
    ]);
    expect(await pathsOf({ 'sk-live-1': 1, roles: { Sk_Live: 1 } })).toEqual(['roles', '']);
  });
});
