import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PolicyHistory } from '../../../src/vault/audit/policy-history.ts';
import { policyHash } from '../../../src/vault/policy/policy-hash.ts';
import { eventsOf, tamper } from '../../attack/tamper.ts';
import { newVault, openVaultDir, type TestVault } from '../../harness.ts';
import { apply, policyOf, told } from './policies.ts';

const PAN = '4111111111111111';

const CARDS = 'format: pan, lengths: { min: 16, max: 19 }';
const base = `
purposes: { settlement: { basis: contract } }
collections:
  cards: { ${CARDS}, tokens: deterministic, guessable: accepted, purposes: [settlement] }
  old: { format: text, purposes: [settlement] }
`;
const renamed = base.replace('  cards: {', '  payments: { formerly: cards,');

const value = { collection: 'cards', value: PAN };
const tokenIn = (items: readonly object[]): string => String(Reflect.get(items[0] ?? {}, 'token'));

async function filled() {
  const open = await newVault(base);
  const all = await open.add(['tokenise:*', 'detokenise:*@settlement']);
  const exact = await open.add(['tokenise:cards', 'detokenise:cards@settlement']);
  const token = tokenIn((await all.vault.tokenise({ items: [value] }, 'once')).items);
  return { open, all, exact, token };
}

const ids = ({ storePath }: TestVault): Record<string, string> => {
  const rows: { id: string; name: string }[] = [];
  tamper(storePath, (db) =>
    rows.push(...db.prepare<[], { id: string; name: string }>('select id, name from collections').all()),
  );
  return Object.fromEntries(rows.map(({ name, id }) => [name, id]));
};

describe('a collection that is renamed', () => {
  it('keeps its id, its tokens and its values, and loses the grants that name it', async () => {
    const { open, all, exact, token } = await filled();
    const before = ids(open);
    expect(await apply(open, renamed)).toMatchObject({ applied: true, number: 2 });
    expect(ids(open)).toEqual({ payments: before['cards'], old: before['old'] });
    expect(eventsOf(open.storePath).at(-1)).toMatchObject({
      action: 'policy.apply',
      detail: {
        number: 2,
        newCollections: [],
        closedCollections: [],
        renamedCollections: ['cards > payments'],
      },
    });
    const asked = (collection: string) => ({ purpose: 'settlement', items: [{ collection, token }] });
    expect((await all.vault.detokenise(asked('payments'))).items).toEqual([{ value: PAN }]);
    expect(await all.vault.tokenise({ items: [{ ...value, collection: 'payments' }] })).toMatchObject({
      items: [{ token }],
    });
    const gone = { error: { code: 'collection_not_found' } };
    expect((await all.vault.detokenise(asked('cards'))).items).toMatchObject([gone]);
    for (const name of ['cards', 'payments'])
      expect((await exact.vault.detokenise(asked(name))).items).toMatchObject([gone]);
    // What it was asked under the old name is decided afresh: there is no such collection any more.
    await expect(all.vault.tokenise({ items: [value] }, 'once')).resolves.toMatchObject({ items: [gone] });
    expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: 1 });
    await open.close();
    // A file from before would have callers meet an empty collection.
    await expect(openVaultDir(open.dir)).rejects.toThrow(
      /what had this name is called payments now, and would close/,
    );
    // Known under the new name after a restart, and the line may stay.
    const path = join(open.dir, 'strongroom.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace(base, renamed));
    const again = await openVaultDir(open.dir);
    expect(await apply(again, `${renamed}roles: { r: ["tokenise:payments"] }`)).toMatchObject({
      applied: true,
    });
    expect(ids(again)).toEqual({ payments: before['cards'], old: before['old'] });
    // The name is free for another, once the one that had it stays or has been closed.
    const beside = renamed.replace('  old:', `  cards: { ${CARDS} }\n  old:`);
    expect(await apply(again, beside)).toMatchObject({ applied: true });
    expect(ids(again)).toEqual({ ...ids(open), cards: expect.any(String) });
    expect(ids(again)['payments']).toBe(before['cards']);
    expect(await again.host.audit.verify()).toMatchObject({ ok: true });
  });

  it('in a chain, with others, and into another shape while it is empty', async () => {
    const { open } = await filled();
    const before = ids(open);
    const chain = `
purposes: { settlement: { basis: contract } }
collections:
  archive: { ${CARDS}, tokens: deterministic, guessable: accepted, purposes: [settlement], formerly: cards }
  cards: { ${CARDS}, purposes: [settlement], formerly: old }
`;
    expect(await apply(open, chain)).toMatchObject({ applied: true });
    expect(ids(open)).toEqual({ archive: before['cards'], cards: before['old'] });
    const { vault } = await open.add(['tokenise:*', 'detokenise:*@settlement']);
    const { items } = await vault.tokenise({ items: [value] });
    expect(items).toMatchObject([{ token: expect.stringMatching(/^411111\d{6}1111$/) }]);
    expect(await open.host.audit.verify()).toMatchObject({ ok: true, rows: 2 });
  });

  it('leaves its name to another, which a repeated request was not about: nobody is accused', async () => {
    const { open, all } = await filled();
    await apply(open, renamed);
    await apply(open, renamed.replace('  old:', `  cards: { ${CARDS} }\n  old:`));
    expect((await all.vault.tokenise({ items: [value] }, 'once')).items).toMatchObject([
      { error: { code: 'conflict' } },
    ]);
    await open.vault.maintain();
    expect(open.notices).toEqual([]);
    expect(eventsOf(open.storePath).filter(({ action }) => action === 'integrity')).toEqual([]);
  });

  it.each(['erase', 'replace'] as const)(
    'leaves its name to another, of which a repeated %s says nothing',
    async (verb) => {
      const open = await newVault(base);
      const { vault } = await open.add(['tokenise:*', `${verb}:*`]);
      const token = tokenIn((await vault.tokenise({ items: [value] })).items);
      const named = { collection: 'cards', token };
      const ask = async () =>
        verb === 'erase'
          ? vault.erase({ reason: 'asked', items: [named] }, 'once')
          : vault.replace({ items: [{ ...named, value: '5555555555554444' }] }, 'once');
      const done = verb === 'erase' ? { erased: true } : { version: 2 };
      expect((await ask()).items).toEqual([done]);
      expect((await ask()).items).toEqual([done]);
      await apply(open, renamed);
      await apply(open, renamed.replace('  old:', `  cards: { ${CARDS} }\n  old:`));
      expect((await ask()).items).toMatchObject([{ error: { code: 'conflict' } }]);
      const events = eventsOf(open.storePath).filter(({ action }) => action === verb);
      expect(events).toMatchObject([
        { outcome: 'done', collection: { id: ids(open)['payments'], name: 'cards' } },
        { outcome: 'done', collection: { id: ids(open)['payments'] }, detail: { repeated: true } },
        { outcome: 'denied', reason: 'conflict', collection: { id: ids(open)['cards'] } },
      ]);
      expect(events[2]).not.toHaveProperty('row');
      expect(await open.host.audit.verify()).toMatchObject({ ok: true });
    },
  );

  it('onto the name of one that is closed is refused, and of one that is closed and renamed away works', async () => {
    const { open } = await filled();
    const before = ids(open);
    const closed = base.replace(/ {2}old: .*\n/, '');
    await apply(open, closed);
    const onto = closed.replace('  cards: {', '  old: { formerly: cards,');
    const { problems } = await told(open, onto);
    expect(problems).toEqual([expect.stringMatching(/^collections\.old: cards and old are both stored/)]);
    await expect(apply(open, onto)).rejects.toMatchObject({ code: 'invalid_policy' });
    expect(ids(open)).toEqual(before);
    const away = `${onto}  older: { format: text, formerly: old }\n`;
    expect((await told(open, away)).changes).toEqual([
      'collection old renamed cards old',
      'collection older renamed old older',
      'collection older reopened',
    ]);
    expect(await apply(open, away)).toMatchObject({ applied: true });
    expect(ids(open)).toEqual({ old: before['cards'], older: before['old'] });
    expect(eventsOf(open.storePath).at(-1)).toMatchObject({ detail: { openedCollections: ['older'] } });
    expect(await open.host.audit.verify()).toMatchObject({ ok: true });
  });
});

it('what is shown is what the event binds, by its hash', async () => {
  const { open } = await filled();
  await apply(open, renamed);
  const { number, policy } = await open.host.policy.show();
  const last = eventsOf(open.storePath).findLast(({ action }) => action === 'policy.apply');
  const hash = createHash('sha256').update(Buffer.of(0)).update(JSON.stringify(policy)).digest('base64url');
  expect(last).toMatchObject({ detail: { number, hash } });
});

it('what is missing is closed, not lost, and open again under its name', async () => {
  const { open, all, token } = await filled();
  const without = base.replace(/ {2}cards: .*\n/, '');
  expect(await apply(open, without)).toMatchObject({ applied: true });
  const asked = { purpose: 'settlement', items: [{ collection: 'cards', token }] };
  expect((await all.vault.detokenise(asked)).items).toMatchObject([
    { error: { code: 'collection_not_found' } },
  ]);
  expect((await told(open, base)).changes).toEqual(['collection cards reopened']);
  await apply(open, base);
  expect((await all.vault.detokenise(asked)).items).toEqual([{ value: PAN }]);
  const details = eventsOf(open.storePath).flatMap(({ action, detail }) =>
    action === 'policy.apply' ? [detail] : [],
  );
  expect(details).toMatchObject([
    { newCollections: ['cards', 'old'], openedCollections: [] },
    { closedCollections: ['cards'], openedCollections: [] },
    { closedCollections: [], openedCollections: ['cards'] },
  ]);
});

it('what is fixed at the first value is refused by name, with what would work, renamed or not', async () => {
  const { open } = await filled();
  const wrong = (text: string) =>
    text
      .replace('lengths', 'keep: { first: 4, last: 4 }, luhn: valid, payable: accepted, lengths')
      .replace('deterministic', 'random');
  for (const [name, text] of [
    ['cards', wrong(base)],
    ['payments', wrong(renamed)],
  ] as const) {
    const { problems, changes } = await told(open, text);
    const fixed = (option: string, from: string, to: string) =>
      `collections.${name}.${option}: fixed at the first value, and the collection has one, not ${to}; what would work: ${option}: ${from}, or a new collection under another name`;
    expect(problems.toSorted()).toEqual([
      fixed('keep', '{"first":6,"last":4}', '{"first":4,"last":4}'),
      fixed('luhn', '"invalid"', '"valid"'),
      fixed('tokens', '"deterministic"', '"random"'),
    ]);
    expect(changes).toEqual([]);
    await expect(apply(open, text)).rejects.toMatchObject({ code: 'invalid_policy' });
  }
  const other = base.replace(CARDS, 'format: text').replace(', guessable: accepted', '');
  expect((await told(open, other)).problems).toEqual([
    expect.stringMatching(/^collections\.cards\.format: .*not "text"; what would work: format: "pan",/),
  ]);
  // What is not fixed changes freely, and what is may change while there is no value.
  const free = base
    .replace('lengths: { min: 16', 'mask: { last: 2 }, expect: 100, lengths: { min: 15')
    .replace('format: text', CARDS);
  const changes = (await told(open, free)).changes.filter(
    (line) => !/^collection old changed [^f]/.test(line),
  );
  expect(changes.toSorted()).toEqual([
    'collection cards changed expect null 100',
    'collection cards changed lengths {"max":19,"min":16} {"max":19,"min":15}',
    'collection cards changed mask {"first":0,"last":4} {"first":0,"last":2}',
    'collection old changed format "text" "pan" fixed',
  ]);
  expect(await apply(open, free)).toMatchObject({ applied: true });
});

it('one of two processes wins, and the other is told of the conflict', async () => {
  const { open } = await filled();
  const other = await openVaultDir(open.dir);
  for (let number = 1; number < 6; number++) {
    const policies = [0, 1].map((n) => ({
      policy: policyOf(base.replace('old:', `old-${number}-${n}:`)),
      expected: number,
    }));
    const came = await Promise.allSettled(
      [open, other].map(({ host }, i) => host.policy.apply(policies[i] ?? { policy: {} })),
    );
    const refusals = came.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
    expect(refusals).toMatchObject([{ code: 'conflict' }]);
    const [won] = came.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(won).toMatchObject({ applied: true, number: number + 1 });
  }
  const last = eventsOf(open.storePath).filter(({ action }) => action === 'policy.apply');
  expect(last.map(({ outcome }) => String(outcome)).toSorted()).toEqual([
    ...Array.from({ length: 5 }, () => 'denied'),
    ...Array.from({ length: 6 }, () => 'done'),
  ]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

describe('audit verify holds names against the log', () => {
  it('a row that was put back to its old name closes the vault and is found', async () => {
    const { open, all } = await filled();
    const kept: unknown[] = [];
    tamper(open.storePath, (db) =>
      kept.push(...(db.prepare(`select * from collections where name = 'cards'`).raw().get() as unknown[])),
    );
    await apply(open, renamed);
    expect(await open.host.audit.verify()).toMatchObject({ ok: true });
    await open.close();
    tamper(open.storePath, (db) => {
      db.exec(`delete from collections where name = 'payments'`);
      db.prepare(`insert into collections values (${kept.map(() => '?').join()})`).run(...kept);
    });
    await expect(openVaultDir(open.dir)).rejects.toMatchObject({ code: 'integrity' });
    expect(all.id).toMatch(/^cli_/);
  });

  const texts = [base, renamed, renamed.replace(/ {2}old: .*\n/, '')].map((yaml) => {
    const { collections } = policyOf(yaml) as { collections: Record<string, { formerly?: string }> };
    const named = Object.entries(collections).map(([name, { formerly }]) => [
      name,
      { formerly: formerly === undefined ? [] : [formerly] },
    ]);
    return JSON.stringify({ collections: Object.fromEntries(named) });
  });
  const rows = texts.map((text, i) => ({ number: i + 1, text, at: 0, revision: 1, mac: new Uint8Array() }));
  const collection = (name: string) => ({
    id: name,
    name,
    shape: '',
    createdAt: 0,
    revision: 1,
    mac: new Uint8Array(),
  });
  const found = (policies: typeof rows, names: readonly string[]): string[] => {
    const history = new PolicyHistory();
    for (const [i, text] of texts.entries()) history.read({ number: i + 1, hash: policyHash(text) });
    const problems: string[] = [];
    history.reconcile({ policies, collections: names.map(collection) }, (table, problem) =>
      problems.push(`${table} ${problem}`),
    );
    return problems;
  };
  const wrongVersions = ['policies versions are not those that were applied'];
  const wrongNames = ['collections names are not those that the policies gave'];

  it('finds a version that is gone, another text, and names that no policy gave', () => {
    expect(found(rows, ['payments', 'old'])).toEqual([]);
    expect(found(rows.toReversed(), ['old', 'payments'])).toEqual([]);
    expect(found(rows.slice(1), ['payments', 'old'])).toEqual(wrongVersions);
    expect(
      found(
        rows.map((row) => ({ ...row, text: texts[0] ?? '' })),
        ['payments', 'old'],
      ),
    ).toEqual(wrongVersions);
    expect(found(rows, ['cards', 'old'])).toEqual(wrongNames);
    expect(found(rows, ['payments'])).toEqual(wrongNames);
    expect(found(rows, ['payments', 'old', 'more'])).toEqual(wrongNames);
    expect(found(rows, ['payments', 'payments'])).toEqual(wrongNames);
  });
});
