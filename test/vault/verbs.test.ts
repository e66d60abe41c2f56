import { describe, expect, it } from 'vitest';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';
import { logOf } from '../attack/tamper.ts';
import { openAround } from './wrapped.ts';

/** What users of each verb do and see, over real files. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  cards: { format: pan, lengths: { min: 15, max: 19 }, keep: { first: 6, last: 4 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
  secrets: { format: text, overlap: 24h, purposes: [settlement] }
  plain: { format: text, purposes: [settlement] }
`;
const ALL = ['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:*`);
const READ = ['detokenise', 'mask', 'verify'].map((action) => `${action}:*@settlement`);

const PAN = '4111111111111111';
const OTHER = '5555555555554444';
const HOUR = 3_600_000;
const purpose = 'settlement';

const start = async () => {
  const open = await newVault(POLICY);
  const { vault } = await open.add([...ALL, ...READ]);
  const tokenise = async (collection: string, value: string, more: object = {}): Promise<string> => {
    const { items } = await vault.tokenise({ items: [{ collection, value, ...more }] });
    const [item] = items;
    if (item === undefined || 'error' in item) throw new Error(`not tokenised: ${JSON.stringify(items)}`);
    return item.token;
  };
  const reveal = async (collection: string, token: string, version?: number) => {
    const asked = { collection, token, ...(version === undefined ? {} : { version }) };
    const { items } = await vault.detokenise({ purpose, items: [asked] });
    return items[0];
  };
  return { open, vault, tokenise, reveal };
};

const failing = (code: string) => expect.objectContaining({ error: expect.objectContaining({ code }) });
const ok = async ({ host }: TestVault) =>
  expect(await host.audit.verify()).toMatchObject({ ok: true, findings: [] });

describe('mask and verify', () => {
  it('show what the mask leaves, and whether a value matches, each with its event first', async () => {
    const { open, vault, tokenise } = await start();
    const token = await tokenise('cards', PAN);
    const masked = await vault.mask({ purpose, ticket: 'CASE-1', items: [{ collection: 'cards', token }] });
    expect(masked.items).toEqual([{ masked: '************1111' }]);
    const asked = (value: string) => ({ collection: 'cards', token, value });
    const verified = await vault.verify({
      purpose,
      items: [asked('4111 1111 1111 1111'), asked(OTHER), asked('no card'), { ...asked(PAN), token: PAN }],
    });
    expect(verified.items).toEqual([
      { match: true },
      { match: false },
      failing('invalid_value'),
      failing('token_not_found'),
    ]);
    const events = await logOf(open);
    expect(events.filter(({ action }) => action === 'mask')).toEqual([
      expect.objectContaining({ outcome: 'done', purpose, ticket: 'CASE-1', item: 0 }),
    ]);
    const verifies = events.filter(({ action }) => action === 'verify');
    expect(verifies.map(({ outcome, reason, detail }) => [outcome, reason ?? detail])).toEqual([
      ['done', { match: true }],
      ['done', { match: false }],
      ['denied', 'invalid_value'],
      ['denied', 'token_not_found'],
    ]);
    await ok(open);
  });
});

describe('replace', () => {
  it('puts a new value behind the token; the old one is destroyed', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const token = await tokenise('cards', PAN, { metadata: { note: 'kept' } });
    const replaced = await vault.replace({
      items: [{ collection: 'cards', token, value: OTHER, ifVersion: 1 }],
    });
    expect(replaced.items).toEqual([{ version: 2 }]);
    expect(await reveal('cards', token)).toEqual({ value: OTHER });
    expect(await reveal('cards', token, 2)).toEqual({ value: OTHER });
    expect(await reveal('cards', token, 1)).toEqual(failing('token_ended'));
    const again = await vault.replace({ items: [{ collection: 'cards', token, value: PAN, ifVersion: 1 }] });
    expect(again.items).toEqual([failing('conflict')]);
    const { items } = await vault.describe({ items: [{ collection: 'cards', token }] });
    expect(items).toEqual([expect.objectContaining({ version: 2, metadata: { note: 'kept' } })]);
    expect((await vault.lookup({ items: [{ collection: 'cards', value: PAN }] })).items).toEqual([
      { tokens: [] },
    ]);
    const found = await vault.lookup({ items: [{ collection: 'cards', value: OTHER }] });
    expect(found.items).toEqual([{ tokens: [token] }]);
    await ok(open);
  });

  it('keeps the version before, where the collection keeps two, until its overlap ends', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const token = await tokenise('secrets', 'first');
    const to = (value: string) => vault.replace({ items: [{ collection: 'secrets', token, value }] });
    await to('second');
    expect(await reveal('secrets', token, 1)).toEqual({ value: 'first' });
    expect(await reveal('secrets', token)).toEqual({ value: 'second' });
    await to('third');
    expect(await reveal('secrets', token, 1)).toEqual(failing('token_ended'));
    expect(await reveal('secrets', token, 2)).toEqual({ value: 'second' });
    await ok(open);
    open.clock.offset += 25 * HOUR;
    expect(await reveal('secrets', token, 2)).toEqual(failing('token_ended'));
    await open.vault.maintain();
    await ok(open);
    expect((await logOf(open)).at(-2)).toMatchObject({ action: 'purge', detail: { rows: [] } });
    expect(await reveal('secrets', token)).toEqual({ value: 'third' });
  });

  it('gives no value two tokens in a deterministic collection, and changes expiry and metadata where told', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const [a, b] = [await tokenise('cards-known', PAN), await tokenise('cards-known', OTHER)];
    const to = async (token: string, value: string, more: object = {}) =>
      (await vault.replace({ items: [{ collection: 'cards-known', token, value, ...more }] })).items[0];
    expect(await to(a, OTHER)).toEqual(failing('conflict'));
    expect(await to(a, PAN, { metadata: { n: 1 } })).toEqual({ version: 2 });
    expect(await to(a, '340000000000009', { expiresAt: '2099-01-01T00:00:00Z' })).toEqual({ version: 3 });
    expect(await tokenise('cards-known', '340000000000009')).toBe(a);
    expect(await tokenise('cards-known', OTHER)).toBe(b);
    const fresh = await tokenise('cards-known', PAN);
    expect(fresh).not.toBe(a);
    expect(await reveal('cards-known', fresh)).toEqual({ value: PAN });
    const { items } = await vault.describe({ items: [{ collection: 'cards-known', token: a }] });
    expect(items[0]).toMatchObject({ version: 3, expiresAt: '2099-01-01T00:00:00.000Z', metadata: { n: 1 } });
    expect(await to(a, PAN, { expiresAt: '2001-01-01T00:00:00Z' })).toEqual(failing('invalid_value'));
    const { items: twice } = await vault.replace({
      items: [
        { collection: 'cards-known', token: a, value: '378282246310005' },
        { collection: 'cards-known', token: a, value: '371449635398431' },
        { collection: 'cards-known', token: b, value: '378282246310005' },
      ],
    });
    expect(twice).toEqual([{ version: 4 }, failing('conflict'), failing('conflict')]);
    await ok(open);
  });

  it('meets a token that has expired as one that never was, and ends it', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const expiresAt = new Date(Date.now() + HOUR).toISOString();
    const old = await tokenise('cards-known', OTHER, { expiresAt });
    const token = await tokenise('cards-known', PAN);
    const item = { collection: 'cards-known', token, value: OTHER };
    expect((await vault.replace({ items: [item] })).items).toEqual([failing('conflict')]);
    open.clock.offset += 2 * HOUR;
    expect((await vault.replace({ items: [item] })).items).toEqual([{ version: 2 }]);
    expect((await logOf(open)).slice(-2)).toMatchObject([
      { action: 'expire', outcome: 'done', item: 0, collection: { name: 'cards-known' } },
      { action: 'replace', outcome: 'done', item: 0 },
    ]);
    expect(await reveal('cards-known', old)).toEqual(failing('token_ended'));
    expect(await tokenise('cards-known', OTHER)).toBe(token);
    await ok(open);
  });
});

describe('lookup', () => {
  it('finds every live token of a value and subject, and says where nothing is kept', async () => {
    const { open, vault, tokenise } = await start();
    const a = await tokenise('cards', PAN, { subject: 'cus_1' });
    // Rows of one millisecond have no order.
    open.clock.offset += 1;
    const b = await tokenise('cards', PAN, { subject: 'cus_1' });
    await tokenise('cards', PAN, { subject: 'cus_1', expiresAt: new Date(Date.now() + HOUR).toISOString() });
    const c = await tokenise('cards', PAN);
    open.clock.offset += 2 * HOUR;
    const card = { collection: 'cards', value: '4111-1111-1111-1111' };
    const { items } = await vault.lookup({
      items: [
        { ...card, subject: 'cus_1' },
        card,
        { ...card, subject: 'cus_2' },
        { collection: 'plain', value: 'x' },
        { collection: 'cards', value: 'x' },
      ],
    });
    expect(items).toEqual([
      { tokens: [a, b] },
      { tokens: [c] },
      { tokens: [] },
      failing('not_supported'),
      failing('invalid_value'),
    ]);
    const lookups = (await logOf(open)).filter(({ action }) => action === 'lookup');
    expect(lookups).toHaveLength(5);
    await ok(open);
  });

  it('answers a hundred tokens at most, and says that there are more', async () => {
    const { vault } = await start();
    const card = { collection: 'cards', value: PAN };
    await vault.tokenise({ items: Array.from({ length: 101 }, () => card) });
    const { items } = await vault.lookup({ items: [card] });
    expect(items).toEqual([{ tokens: expect.objectContaining({ length: 100 }), more: true }]);
  });

  it('holds nobody up: of a thousand values with a hundred tokens each, few are read at once', async () => {
    const { open } = await start();
    const { vault, key } = await open.add(ALL);
    const item = { collection: 'cards', value: PAN };
    await vault.tokenise({ items: Array.from({ length: 100 }, () => item) });
    let most = 0;
    const beside = await openAround(open, (store) => ({
      ...store,
      located: (rows) => {
        most = Math.max(most, rows.length);
        return store.located(rows);
      },
    }));
    const asked = { items: Array.from({ length: 1000 }, () => item) };
    const { items } = await (await beside.as(key)).lookup(asked);
    // Ten thousand tokens in all: ten of each, and there are more.
    expect(items.map((one) => ('tokens' in one && one.more === true ? one.tokens.length : 0))).toEqual(
      Array(1000).fill(10),
    );
    expect(most).toBe(88);
  });
});

describe('describe', () => {
  it('tells everything but the value', async () => {
    const { open, vault, tokenise } = await start();
    const expiresAt = new Date(Date.now() + HOUR).toISOString();
    const token = await tokenise('cards', PAN, { subject: 'cus_9', metadata: { n: 1, ok: true }, expiresAt });
    const { items } = await vault.describe({ items: [{ collection: 'cards', token, ref: 'r' }] });
    expect(items).toEqual([
      {
        ref: 'r',
        created: expect.stringMatching(/^\d{4}-.*Z$/),
        creator: expect.stringMatching(/^cli_/),
        version: 1,
        expiresAt,
        subject: 'cus_9',
        metadata: { n: 1, ok: true },
      },
    ]);
    open.clock.offset += 2 * HOUR;
    expect((await vault.describe({ items: [{ collection: 'cards', token }] })).items).toEqual([
      failing('token_ended'),
    ]);
  });
});

describe('erase', () => {
  it('destroys a value for good, and its token is never issued again', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const token = await tokenise('cards-known', PAN);
    const request = {
      reason: 'GDPR 17',
      items: [
        { collection: 'cards-known', token },
        { collection: 'cards-known', token },
        { collection: 'cards-known', token: PAN },
      ],
    };
    expect((await vault.erase(request)).items).toEqual([
      { erased: true },
      { erased: true },
      failing('token_not_found'),
    ]);
    expect(await reveal('cards-known', token)).toEqual(failing('token_ended'));
    expect((await vault.erase(request)).items[0]).toEqual(failing('token_ended'));
    expect(await tokenise('cards-known', PAN)).not.toBe(token);
    await ok(open);
    await open.close();
    const reopened = await openVaultDir(open.dir);
    await ok(reopened);
  });
});

describe('Idempotency-Key', () => {
  it('answers a repeated erase and replace from the first, and another body not at all', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const [a, b] = [await tokenise('plain', 'a'), await tokenise('plain', 'b')];
    const replacing = {
      items: [
        { collection: 'plain', token: a, value: 'A' },
        { collection: 'plain', token: 'none', value: 'A' },
      ],
    };
    const first = await vault.replace(replacing, 'key-1');
    expect(first.items).toEqual([{ version: 2 }, failing('token_not_found')]);
    await vault.replace({ items: [{ collection: 'plain', token: a, value: 'AA' }] });
    const second = await vault.replace(replacing, 'key-1');
    expect(second.items).toEqual([{ version: 2 }, failing('conflict')]);
    expect(await reveal('plain', a)).toEqual({ value: 'AA' });
    const erasing = { reason: 'asked', items: [{ collection: 'plain', token: b }] };
    expect((await vault.erase(erasing, 'key-2')).items).toEqual([{ erased: true }]);
    expect((await vault.erase(erasing, 'key-2')).items).toEqual([{ erased: true }]);
    await expect(vault.erase({ ...erasing, reason: 'other' }, 'key-2')).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    });
    // The key belongs to one request, whatever its route.
    await expect(vault.erase(erasing, 'key-1')).rejects.toMatchObject({ code: 'idempotency_mismatch' });
    await ok(open);
  });
});

describe('purging', () => {
  it('destroys what has expired, an event a run, whoever holds the lease', async () => {
    const { open, vault, tokenise, reveal } = await start();
    const expiresAt = new Date(Date.now() + HOUR).toISOString();
    const known = await tokenise('cards-known', PAN, { expiresAt });
    await vault.tokenise({
      items: Array.from({ length: 200 }, () => ({ collection: 'cards', value: PAN, expiresAt })),
    });
    const kept = await tokenise('plain', 'kept');
    const other = await openVaultDir(open.dir, open.clock);
    open.clock.offset += 2 * HOUR;
    await Promise.all([open.vault.maintain(), other.vault.maintain()]);
    const purges = (await logOf(open)).filter(({ action }) => action === 'purge');
    const rows = purges.flatMap(({ detail }) => (detail as { rows: string[] }).rows);
    expect(new Set(rows).size).toBe(201);
    expect(rows).toHaveLength(201);
    expect(await reveal('cards-known', known)).toEqual(failing('token_ended'));
    expect(await reveal('plain', kept)).toEqual({ value: 'kept' });
    await ok(open);
  });
});
