import { copyFileSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { open, openStore } from '../../src/open.ts';
import { createSqlite } from '../../src/store/sqlite.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import type { HeadSeal } from '../../src/vault/commit/head.ts';
import { openRowsKey } from '../../src/vault/open.ts';
import { type Store, StoreFailure } from '../../src/vault/store.ts';
import { begin, handOver, load, settleIn, stageOf } from '../../src/vault/transfer.ts';
import { randomBytes } from 'node:crypto';
import { openMasterKey } from '../vault/wrapped.ts';
import { makeVaultDir, openVaultDir, tempDir } from '../harness.ts';
import {
  aVault,
  copy,
  fileOf,
  isServed,
  NEW,
  OLD,
  openingOf,
  reopenOld,
  rowsIn,
  standingIn,
  toSqlite,
  valuesOf,
} from './moving.ts';

/** Whatever ends where, and whoever comes in between: one store is the vault, or the other, never both. */
vi.setConfig({ testTimeout: 600_000 });

it('ended at any step, the move goes on when it is run again, or goes back until the old store is closed for good', async () => {
  const counted = await aVault();
  toSqlite(counted.dir);
  const steps: string[] = [];
  await copy(counted.dir, (step, done) => void steps.push(`${step} ${done}`));
  // One that is told again and again, without a number, is one that only reads.
  const ways = [...steps.keys()].filter((at) => steps[at] !== steps[at - 1]);
  expect(ways.length).toBeGreaterThan(20);

  const ends = { forward: 0, back: 0 };
  for (const end of ways) {
    const one = await aVault();
    toSqlite(one.dir);
    await expect(copy(one.dir, endAt(end))).rejects.toThrow('ended');
    const old = fileOf(one.dir, OLD);
    const isClosed = standingIn(old) !== 'open';
    expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([!isClosed, false]);

    // Back, in a copy of the folder.
    const twin = tempDir();
    cpSync(one.dir, twin, { recursive: true });
    if (standingIn(old).startsWith('leaving')) {
      await reopenOld(twin);
      ends.back += 1;
      expect([await isServed(twin, OLD), await isServed(twin, NEW)]).toEqual([true, false]);
      if (end % 8 === 0) expect(await valuesOf({ ...one, dir: twin }, OLD)).toEqual(one.cards);
    } else {
      await expect(reopenOld(twin)).rejects.toThrow(/open already|closed for good/);
    }

    // Forward.
    expect(await copy(one.dir)).toMatchObject({ moved: true });
    ends.forward += 1;
    expect([await isServed(one.dir, OLD), await isServed(one.dir, NEW)]).toEqual([false, true]);
    expect(rowsIn(fileOf(one.dir, NEW))).toEqual(rowsIn(old));
    if (end % 8 === 0) expect(await valuesOf(one, NEW)).toEqual(one.cards);
  }
  expect(ends.forward).toBe(ways.length);
  expect(ends.back).toBeGreaterThan(10);
});

/** Ends a move at the n-th thing that it tells, from 0. */
function endAt(end: number): () => void {
  let told = 0;
  return () => {
    if (told++ === end) throw new Error('ended');
  };
}

/** What each of several processes does in its turn; whoever is refused does nothing more. */
interface Actor {
  readonly steps: readonly (() => Promise<void>)[];
}

interface Table {
  readonly dir: string;
  readonly seal: HeadSeal;
  readonly stores: Map<string, Store>;
}

/** The old store, closed, and two empty ones. */
async function table(template: string): Promise<Table> {
  const dir = tempDir();
  cpSync(template, dir, { recursive: true });
  for (const name of ['a', 'b']) {
    toSqlite(dir, `${name}.yaml`, `${name}/vault.db`);
    mkdirSync(join(dir, name), { mode: 0o700 });
    copyFileSync(join(dir, 'empty.db'), join(dir, name, 'vault.db'));
  }
  const stores = new Map<string, Store>();
  for (const settings of [OLD, 'a.yaml', 'b.yaml'])
    stores.set(settings, await openStore(openingOf(dir, settings).settings.store, openingOf(dir).world));
  const { settings } = openingOf(dir);
  const { seal } = await openRowsKey(storeOf(stores, OLD), openMasterKey({ settings }), 'test');
  return { dir, seal, stores };
}

const storeOf = (stores: ReadonlyMap<string, Store>, settings: string): Store => {
  const store = stores.get(settings);
  if (store === undefined) throw new Error(`no store of ${settings}`);
  return store;
};

const PLACE = 'sqlite:vault.db';
const now = (): number => Date.now();

/** A move of the old store to a new one, in the three steps that decide; each begins with what it finds, as the command does. */
function mover({ seal, stores }: Table, settings: string): Actor {
  const [source, target] = [storeOf(stores, OLD), storeOf(stores, settings)];
  let copied: string | null = null;
  return {
    steps: [
      async () => {
        const { head, keys } = await source.authority();
        if (head === null) throw new Error('no head');
        const stage = stageOf(head, (await target.authority()).head, PLACE);
        if ('refused' in stage || stage.next === 'close') throw new Refused();
        copied =
          'copy' in stage ? stage.copy : await begin(target, head, keys, { seal, random: randomBytes });
        if (copied === null) throw new Refused();
      },
      () => handOver({ store: source, seal, now }, PLACE, copied ?? ''),
      () => settleIn({ store: target, seal, now }, copied ?? ''),
    ],
  };
}

const reopener = ({ dir }: Table): Actor => ({ steps: [() => reopenOld(dir)] });

class Refused extends Error {}

/** Every way to take turns, each actor's own steps in order. */
function* orders(lengths: readonly number[]): Generator<readonly number[]> {
  if (lengths.every((left) => left === 0)) yield [];
  for (const [actor, left] of lengths.entries()) {
    if (left === 0) continue;
    for (const rest of orders(lengths.map((one, i) => (i === actor ? one - 1 : one)))) yield [actor, ...rest];
  }
}

async function play(
  actors: readonly Actor[],
  order: readonly number[],
  check: () => Promise<void>,
): Promise<void> {
  const at = actors.map(() => 0);
  const out = new Set<number>();
  for (const actor of order) {
    const step = actors[actor]?.steps[at[actor] ?? 0];
    at[actor] = (at[actor] ?? 0) + 1;
    if (step === undefined || out.has(actor)) continue;
    try {
      await step();
    } catch (error) {
      const isRefused =
        error instanceof Refused ||
        error instanceof StoreFailure ||
        (error as Error).name === 'CannotOpen' ||
        (error as Error).name === 'VaultError';
      if (!isRefused) throw error;
      out.add(actor);
    }
    await check();
  }
}

it('two moves to two stores, or two of one, and a reopening, in every order: one store at the most is open after each step', async () => {
  const template = await closedVault();
  const outcomes = new Set<string>();
  const cases = [
    ...[...orders([3, 3, 1])].map((order) => ({ order, targets: ['a.yaml', 'b.yaml'] })),
    ...[...orders([3, 3, 1])]
      .filter((_, i) => i % 3 === 0)
      .map((order) => ({ order, targets: ['a.yaml', 'a.yaml'] })),
  ];
  expect(cases.length).toBe(140 + 47);
  for (const { order, targets } of cases) {
    const set = await table(template);
    const actors = [...targets.map((settings) => mover(set, settings)), reopener(set)];
    const standings = async (): Promise<string[]> => {
      const heads = [];
      for (const store of set.stores.values()) {
        const { head } = await store.authority();
        if (head !== null && !set.seal.verify(head)) throw new Error('a head does not authenticate');
        heads.push(head?.standing.split(' ')[0] ?? '-');
      }
      return heads;
    };
    await play(actors, order, async () => {
      const all = await standings();
      const isOpen = all.filter((standing) => standing === 'open').length;
      if (isOpen > 1) throw new Error(`${order.join('')}: ${all.join(' ')}`);
    });
    outcomes.add((await standings()).join(' '));
    for (const store of set.stores.values()) await store.close();
  }
  // The old store again, or the one, or the other; begun copies that came to nothing stay what they are.
  expect([...outcomes].toSorted()).toEqual([
    'moved - open',
    'moved arriving open',
    'moved open -',
    'moved open arriving',
    'open - -',
    'open - arriving',
    'open arriving -',
    'open arriving arriving',
  ]);
});

/** A folder with a closed vault, and an empty store beside it. */
async function closedVault(): Promise<string> {
  const dir = await makeVaultDir();
  await (await openVaultDir(dir)).close();
  const vault = await open(openingOf(dir));
  await vault.leave(hostCaller('tester', 'cli_test'), PLACE);
  await vault.close();
  createSqlite(join(dir, 'empty.db'));
  await (await openStore({ engine: 'sqlite', path: join(dir, 'empty.db') }, openingOf(dir).world)).close();
  return dir;
}

it('a page that comes late reaches no store that was opened', async () => {
  const set = await table(await closedVault());
  const [source, target] = [storeOf(set.stores, OLD), storeOf(set.stores, 'a.yaml')];
  const { head, keys } = await source.authority();
  if (head === null) throw new Error('no head');
  const made = await begin(target, head, keys, { seal: set.seal, random: randomBytes });
  const page = { table: 'leases', rows: [['purge', 'somebody', 0, 1]] };
  const rows = { table: 'uses', rows: [['key_1111111111111', 'cli_1111111111111', 0, Buffer.alloc(33)]] };
  await load(target, set.seal, made ?? '', rows);
  await expect(load(target, set.seal, 'cpy_1111111111111', rows)).rejects.toThrow(/no longer this copy/);
  await expect(load(source, set.seal, made ?? '', rows)).rejects.toThrow(/no longer this copy/);
  await expect(load(target, set.seal, made ?? '', page)).rejects.toThrow(TypeError);
  await handOver({ store: source, seal: set.seal, now }, PLACE, made ?? '');
  await settleIn({ store: target, seal: set.seal, now }, made ?? '');
  await expect(load(target, set.seal, made ?? '', rows)).rejects.toThrow(/no longer this copy/);
  for (const store of set.stores.values()) await store.close();
});
