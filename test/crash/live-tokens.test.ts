import { setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { connect } from '../../src/client/client.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { eventsOf } from '../attack/tamper.ts';
import { cardNumber } from '../cards.ts';
import { makeVaultDir, openVaultDir, tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { seeded } from './kill.ts';
import { addClient, makeVault } from './made-vault.ts';

/** Live tokens that are replaced, erased and purged by processes that know nothing of one another. */

const GRANTS = [
  ...['tokenise', 'replace', 'describe', 'erase'].map((action) => `${action}:cards`),
  'detokenise:cards@settlement',
];

interface Serving {
  readonly dir: string;
  readonly config: string;
  readonly store: string;
  readonly apiKey: string;
}

async function made(): Promise<Serving> {
  const dir = tempDir();
  const { config, store } = await makeVault(dir);
  const apiKey = await addClient(config, 'verbs', GRANTS);
  return { dir, config, store, apiKey };
}

async function two(): Promise<Serving & { readonly vaults: readonly [BoundVault, BoundVault] }> {
  const serving = await made();
  const { config, apiKey } = serving;
  const one = connect({ url: (await serveProcess(config)).url, apiKey });
  const other = connect({ url: (await serveProcess(config)).url, apiKey });
  return { ...serving, vaults: [one, other] };
}

async function tokensOf(vault: BoundVault, values: readonly string[], more: object = {}): Promise<string[]> {
  const { items } = await vault.tokenise({
    items: values.map((value) => ({ collection: 'cards', value, ...more })),
  });
  return items.map((item) => ('token' in item ? item.token : ''));
}

const isIntact = async (config: string): Promise<void> =>
  expect(await strongroom(['audit', 'verify', '--config', config])).toMatchObject({ code: 0 });

/** What readers of a token see while it changes, and what they still saw of the old value after that was answered. */
interface Race {
  answered: boolean;
  before: number;
  after: number;
}

/** Reads until the old value is gone. */
async function readUntilGone(vault: BoundVault, token: string, old: string, race: Race): Promise<unknown> {
  for (;;) {
    const isAfter = race.answered;
    const { items } = await vault.detokenise({
      purpose: 'settlement',
      items: [{ collection: 'cards', token }],
    });
    const [item] = items;
    if (item === undefined || !('value' in item) || item.value !== old) return item;
    if (isAfter) race.after++;
    else race.before++;
  }
}

const CHANGES = ['erase', 'replace'] as const;

it.each(CHANGES)('after a token is answered by %s, no process reveals its old value', async (verb) => {
  const { vaults, config, store } = await two();
  const rounds = 8;
  const olds = Array.from({ length: rounds }, (_, i) => cardNumber(i));
  const tokens = await tokensOf(vaults[0], olds);
  const value = cardNumber(1000);
  for (const [round, token] of tokens.entries()) {
    const race: Race = { answered: false, before: 0, after: 0 };
    const readers = vaults.flatMap((vault) =>
      [0, 1, 2].map(() => readUntilGone(vault, token, olds[round] ?? '', race)),
    );
    while (race.before < 12) await new Promise((turn) => setImmediate(turn));
    const named = { collection: 'cards', token };
    const changer = vaults[round % 2] ?? vaults[0];
    const { items } =
      verb === 'erase'
        ? await changer.erase({ reason: 'asked', items: [named] })
        : await changer.replace({ items: [{ ...named, value, ifVersion: 1 }] });
    race.answered = true;
    expect(items).toEqual([verb === 'erase' ? { erased: true } : { version: 2 }]);
    const last = verb === 'erase' ? { error: { code: 'token_ended' } } : { value };
    for (const seen of await Promise.all(readers)) expect(seen).toMatchObject(last);
    expect(race.after).toBe(0);
  }
  // As the log has it: whatever was shown of the old value stands before the change.
  const changed = new Map<unknown, number>();
  const events = eventsOf(store);
  for (const [i, { action, row }] of events.entries()) if (action === verb) changed.set(row, i);
  expect(changed.size).toBe(rounds);
  if (verb === 'erase') {
    const late = events.filter(
      ({ action, outcome, row }, i) =>
        action === 'detokenise' && outcome === 'done' && i > (changed.get(row) ?? Infinity),
    );
    expect(late).toEqual([]);
  }
  await isIntact(config);
});

it.each(CHANGES)('duplicates of %s under one key that arrive at once make one change', async (verb) => {
  const { vaults, config, store } = await two();
  const tokens = await tokensOf(
    vaults[0],
    Array.from({ length: 40 }, (_, i) => cardNumber(i)),
  );
  const items = [...tokens, 'none'].map((token) => ({ collection: 'cards', token }));
  const ask = (vault: BoundVault) =>
    verb === 'erase'
      ? vault.erase({ reason: 'asked', items }, 'one')
      : vault.replace({ items: items.map((item) => ({ ...item, value: cardNumber(77) })) }, 'one');
  const answers = await Promise.all(vaults.flatMap((vault) => [0, 1, 2, 3].map(() => ask(vault))));
  const done = tokens.map(() => (verb === 'erase' ? { erased: true } : { version: 2 }));
  for (const answer of answers) expect(answer.items.slice(0, tokens.length)).toEqual(done);
  // Whoever was first is told that there is no such token; the others, that this item was refused then.
  const refused = answers.map(({ items: all }) => all.at(-1)).map((item) => JSON.stringify(item));
  expect(refused.filter((item) => item.includes('token_not_found'))).toHaveLength(1);
  expect(refused.filter((item) => item.includes('conflict'))).toHaveLength(answers.length - 1);
  const changes = eventsOf(store).filter(({ action, outcome }) => action === verb && outcome === 'done');
  const repeated = changes.filter(({ detail }) => Object(detail).repeated === true);
  expect(changes).toHaveLength(answers.length * tokens.length);
  expect(repeated).toHaveLength((answers.length - 1) * tokens.length);
  if (verb === 'replace') {
    const { items: described } = await vaults[1].describe({ items: items.slice(0, 1) });
    expect(described).toMatchObject([{ version: 2 }]);
  }
  await isIntact(config);
});

/** Until some runs of a purge are durable, and not the last. */
async function purgesUntil(store: string, count: number): Promise<void> {
  const db = new Database(store, { readonly: true });
  const purges = db
    .prepare<[], number>(`select count(*) from events where cast(bytes as text) like '%"purge"%'`)
    .pluck();
  while ((purges.get() ?? 0) < count) await pause(2);
  db.close();
}

it('a purge that is killed in the middle is taken over once its lease has run out', async () => {
  // Made an hour ago, to expire now: however long it takes to make them, they have by the time that it is done.
  const past = { offset: -3_600_000 };
  const dir = await makeVaultDir(undefined, undefined, past);
  const total = 6000;
  const filling = await openVaultDir(dir, past);
  const { configPath: config, storePath: store } = filling;
  const { key: apiKey, vault: client } = await filling.add(GRANTS);
  const expiresAt = new Date(Date.now()).toISOString();
  for (let n = 0; n < total; n += 1000) {
    const values = Array.from({ length: 1000 }, (_, i) => cardNumber(n + i));
    expect(await tokensOf(client, values, { expiresAt })).not.toContain('');
  }
  const [kept = ''] = await tokensOf(client, [cardNumber(1)]);
  await filling.close();
  const first = await serveProcess(config);
  await purgesUntil(store, 3);
  await first.stop('SIGKILL');
  const left = (): number => {
    const db = new Database(store, { readonly: true });
    const count = db.prepare<[], number>('select count(*) from "values"').pluck().get() ?? -1;
    db.close();
    return count;
  };
  const behind = left();
  expect(behind).toBeGreaterThan(1);
  expect(behind).toBeLessThan(total);
  const open = await openVaultDir(dir);
  await open.vault.maintain();
  // The lease of the dead one still runs.
  expect(left()).toBe(behind);
  open.clock.offset = 61_000;
  await open.vault.maintain();
  expect(left()).toBe(1);
  const rows = eventsOf(store)
    .filter(({ action }) => action === 'purge')
    .flatMap(({ detail }) => (detail as { rows: string[] }).rows);
  expect([rows.length, new Set(rows).size]).toEqual([total, total]);
  const again = await open.as(apiKey);
  const { items } = await again.detokenise({
    purpose: 'settlement',
    items: [{ collection: 'cards', token: kept }],
  });
  expect(items).toEqual([{ value: cardNumber(1) }]);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});

it('whatever two processes do to the same few values, each has one token, and nobody is accused', async () => {
  const { dir, config, store } = await made();
  const grants = [
    ...['tokenise', 'replace', 'lookup', 'describe', 'erase'].map((action) => `${action}:cards-known`),
    'detokenise:cards-known@settlement',
  ].flatMap((grant) => ['--grant', grant]);
  const added = await strongroom(['clients', 'add', 'many', '--json', '--config', config, ...grants]);
  const { key: apiKey } = JSON.parse(added.stdout) as { key: string };
  const urls = [await serveProcess(config), await serveProcess(config)].map(({ url }) => url);
  const collection = 'cards-known';
  const values = Array.from({ length: 4 }, (_, i) => cardNumber(i));
  const codes = new Set<string>();
  const worker = async (n: number): Promise<void> => {
    const vault = connect({ url: urls[n % 2] ?? '', apiKey });
    const random = seeded(n);
    const value = (): string => values[Math.floor(random() * values.length)] ?? '';
    for (let i = 0; i < 60; i++) {
      const asked = value();
      const { items } = await vault.tokenise({ items: [{ collection, value: asked }] });
      const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
      const named = { collection, token };
      const kind = Math.floor(random() * 4);
      const answers =
        kind === 0
          ? await vault.erase({ reason: 'asked', items: [named] }, `${n}-${i}`)
          : kind === 1
            ? await vault.replace({ items: [{ ...named, value: value() }] }, `${n}-${i}`)
            : kind === 2
              ? await vault.lookup({ items: [{ collection, value: asked }] })
              : await vault.detokenise({ purpose: 'settlement', items: [named] });
      for (const item of [...items, ...answers.items]) if ('error' in item) codes.add(item.error.code);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, n) => worker(n)));
  // What somebody else ended or put elsewhere meanwhile is told as that, and as nothing worse.
  expect([...codes].filter((code) => !['token_ended', 'conflict'].includes(code))).toEqual([]);
  expect(eventsOf(store).filter(({ action }) => action === 'integrity')).toEqual([]);
  const open = await openVaultDir(dir);
  const vault = await open.as(apiKey);
  const { items } = await vault.lookup({ items: values.map((value) => ({ collection, value })) });
  for (const item of items) expect('tokens' in item ? item.tokens.length : -1).toBeLessThan(2);
  expect(await open.host.audit.verify()).toMatchObject({ ok: true });
});
