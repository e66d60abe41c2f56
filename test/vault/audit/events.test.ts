import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseProof, verifyProof } from '../../../src/log/proof-file.ts';
import { parseVerifier } from '../../../src/log/verifier.ts';
import type { EventPage } from '../../../src/vault/audit/events.ts';
import type { BoundVault } from '../../../src/vault/bound.ts';
import { cardNumber } from '../../cards.ts';
import { logOf, tamper } from '../../attack/tamper.ts';
import { newVault, type TestVault } from '../../harness.ts';

/** Some of everything that makes an event, in two collections at once and in neither. */
async function lived(): Promise<TestVault> {
  const open = await newVault();
  const both = await open.add(
    ['cards', 'acme/cards'].flatMap((name) => [
      `tokenise:${name}`,
      `describe:${name}`,
      `erase:${name}`,
      `detokenise:${name}@settlement`,
    ]),
  );
  const { vault } = both;
  const values = ['cards', 'acme/cards'].map((collection, i) => ({
    collection,
    value: cardNumber(i + 1),
  }));
  const { items } = await vault.tokenise({ items: values });
  const named = items.map((item, i) => ({
    collection: values[i]?.collection ?? '',
    token: 'token' in item ? item.token : '',
  }));
  await vault.detokenise({ purpose: 'settlement', items: named });
  await vault.detokenise({
    purpose: 'settlement',
    items: [{ collection: 'nowhere', token: '4000001234567899' }],
  });
  await vault.mask({ purpose: 'settlement', items: named });
  await vault.describe({ items: named });
  await vault.explain({ action: 'tokenise', collection: 'acme/cards' });
  await open.host.policy.explain({ client: both.name, action: 'tokenise', collection: 'acme/cards' });
  await vault.erase({ reason: 'asked', items: named });
  await vault.whoami();
  await open.vault.follow();
  return open;
}

/** All pages, and that each makes progress. */
async function everyEvent(vault: BoundVault, request: Parameters<BoundVault['audit']['events']>[0] = {}) {
  const pages: EventPage[] = [];
  for (let from = 0; ;) {
    const page = await vault.audit.events({ ...request, from });
    pages.push(page);
    expect(page.next > from || page.next >= page.size).toBe(true);
    if (page.next >= page.size) return pages.flatMap(({ events }) => events);
    from = page.next;
  }
}

const OF_A_VALUE = /^(?:tokenise|expire|detokenise|mask|verify|replace|lookup|describe|erase|reveal_failed)$/;

const PARTS = [
  [['audit:acme/*'], ['acme/cards']],
  [['audit:cards'], ['cards']],
  [
    ['audit:cards', 'audit:acme/cards'],
    ['cards', 'acme/cards'],
  ],
  [['audit:acme/other'], []],
  [['audit:notes'], []],
] as const;

it.each(PARTS)(
  'an auditor of a part reads what his grants cover, and nothing of others: %s',
  async (grants, names) => {
    const open = await lived();
    const { vault } = await open.add(grants, { kind: 'auditor' });
    const log = await logOf(open);
    const events = await everyEvent(vault, { limit: 2 });
    const due = log.flatMap((event, index) => {
      const { name = null } = (event['collection'] ?? {}) as { name?: string };
      const isHis = name !== null && (names as readonly string[]).includes(name);
      return isHis && OF_A_VALUE.test(String(event['action'])) ? [index] : [];
    });
    expect(events.map(({ index }) => index)).toEqual(due);
    expect(due.length > 0).toBe(names.length > 0);
    for (const { index, event } of events) expect(JSON.parse(event)).toEqual(log[index]);
    for (const other of ['cards', 'acme/cards', 'policy.apply', 'clients.add', 'explain'])
      if (!(names as readonly string[]).includes(other))
        expect(events.map(({ event }) => event).join('\n')).not.toContain(`"${other}"`);
  },
);

it('each event is proven with the public key alone, against one checkpoint', async () => {
  const open = await lived();
  const { vault } = await open.add(['audit:acme/*'], { kind: 'auditor' });
  const verifier = parseVerifier((await open.host.audit.key()).key);
  const { events, size } = await vault.audit.events({ proofs: true });
  expect(events.length).toBeGreaterThan(3);
  for (const { index, event, proof } of events) {
    const parsed = parseProof(proof ?? '');
    expect(parsed.index).toBe(index);
    expect(verifyProof(parsed, Buffer.from(event), verifier)).toBe(size);
    expect(() => verifyProof(parsed, Buffer.from(`${event} `), verifier)).toThrow();
  }
});

it('a collection of others and one that is not there look the same', async () => {
  const open = await lived();
  const { vault, id } = await open.add(['audit:acme/*'], { kind: 'auditor' });
  const told = async (collection: string) => {
    const { requestId: _id, ...page } = await vault.audit.events({ collection });
    return page;
  };
  const foreign = await told('cards');
  expect(foreign).toEqual({ events: [], next: foreign.size, size: foreign.size });
  for (const absent of ['nowhere', 'acme/nowhere', 'globex/*']) expect(await told(absent)).toEqual(foreign);
  const pages = (await logOf(open)).filter(
    ({ action, actor }) => action === 'audit.events' && isOf(actor, id),
  );
  expect(new Set(pages.map(({ detail, outcome }) => JSON.stringify({ detail, outcome }))).size).toBe(1);
  await expect(vault.audit.events({ collection: 'Cards ' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
});

const isOf = (actor: unknown, id: string): boolean =>
  typeof actor === 'object' && actor !== null && Reflect.get(actor, 'id') === id;

it('an auditor of a part is refused the rest of the log, and a caller without the grant this', async () => {
  const open = await lived();
  const { vault } = await open.add(['audit:acme/*'], { kind: 'auditor' });
  const { audit } = vault;
  for (const asked of [
    () => audit.verify(),
    () => audit.key(),
    () => audit.checkpoint(),
    () => audit.prove({ index: 0 }),
    () => audit.rotateKey(),
  ])
    await expect(asked()).rejects.toMatchObject({ code: 'insufficient_grant' });
  for (const [grants, kind] of [
    [['tokenise:acme/cards'], 'service'],
    [['clients:*', 'policy:*', 'keys:*'], 'custodian'],
  ] as const) {
    const other = await open.add(grants, { kind });
    await expect(other.vault.audit.events({})).rejects.toMatchObject({ code: 'insufficient_grant' });
    expect((await logOf(open)).at(-1)).toMatchObject({ action: 'audit.events', outcome: 'denied' });
  }
});

it('an auditor of the whole reads every event, or those of some collections', async () => {
  const open = await lived();
  const { vault } = await open.add(['audit:*'], { kind: 'auditor' });
  const log = await logOf(open);
  const events = await everyEvent(vault, { limit: 100 });
  const { size } = await open.host.audit.checkpoint();
  expect(events.map(({ index }) => index)).toEqual(Array.from({ length: size }, (_, i) => i));
  for (const { index, event } of events) expect(JSON.parse(event)).toEqual(log[index]);
  const some = await everyEvent(vault, { collection: 'acme/*' });
  expect(some.length).toBeGreaterThan(3);
  for (const { event } of some)
    expect(JSON.parse(event)).toMatchObject({ collection: { name: 'acme/cards' } });
});

it('pages of any size, from anywhere, are one list', async () => {
  const open = await lived();
  const { vault } = await open.add(['audit:acme/*'], { kind: 'auditor' });
  const all = await everyEvent(vault);
  const { size } = await open.host.audit.checkpoint();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 7 }), fc.nat(size + 3), async (limit, from) => {
      const page = await vault.audit.events({ limit, from });
      const rest = all.filter(({ index }) => index >= from);
      expect(page.events).toEqual(rest.slice(0, limit));
      const last = page.events.at(-1);
      if (page.events.length === limit) expect(page.next).toBe((last?.index ?? 0) + 1);
      // An index that no event has yet is not answered: it may be anything.
      else expect(page.next).toBe(size);
    }),
    { numRuns: 30 },
  );
});

it('a page looks at 2,048 events and says how far it came', async () => {
  const open = await newVault();
  await Promise.all(Array.from({ length: 2100 }, () => open.host.whoami()));
  for (let turn = 0; turn < 3; turn++) await open.vault.follow();
  const { vault } = await open.add(['audit:acme/*'], { kind: 'auditor' });
  const { events, next } = await vault.audit.events({});
  expect({ events, next }).toEqual({ events: [], next: 2048 });
  const { size } = await open.host.audit.checkpoint();
  expect(await vault.audit.events({ from: next })).toMatchObject({ events: [], next: size });
});

it.each([
  ['an event', (bytes: string) => bytes.replace('"done"', '"DONE"')],
  // It would be nobody's, and so be left out.
  ['the collection of an event', (bytes: string) => bytes.replace(/"col_\w+"/, '"col_x"')],
])(
  '%s that was changed in the store stops the page: it is neither given out nor left out',
  async (_, change) => {
    const open = await lived();
    const { vault } = await open.add(['audit:acme/*'], { kind: 'auditor' });
    const { events } = await vault.audit.events({});
    const [first] = events;
    tamper(open.storePath, (db) =>
      db
        .prepare('update events set bytes = ? where "index" = ?')
        .run(Buffer.from(change(first?.event ?? '')), first?.index),
    );
    await expect(vault.audit.events({})).rejects.toMatchObject({ code: 'integrity' });
  },
);

it('a revoked auditor reads no page more, and grants of a part are told by explain', async () => {
  const open = await lived();
  const { vault, name } = await open.add(['audit:acme/*'], { kind: 'auditor' });
  expect((await vault.whoami()).grants).toEqual(['audit:acme/*']);
  expect((await vault.collections()).collections).toMatchObject([{ name: 'acme/cards', actions: ['audit'] }]);
  expect(await vault.explain({ action: 'audit', collection: 'acme/cards' })).toMatchObject({ allowed: true });
  expect(await vault.explain({ action: 'audit', collection: 'cards' })).toMatchObject({
    allowed: false,
    code: 'collection_not_found',
  });
  await open.host.clients.revoke({ client: name });
  await expect(vault.audit.events({})).rejects.toMatchObject({ code: 'unauthenticated' });
});
