import fc from 'fast-check';
import { expect, it } from 'vitest';
import { appendToTiles, NO_EDGE } from '../../../src/log/tile.ts';
import { openCheckpoint } from '../../../src/log/checkpoint.ts';
import { parseVerifier } from '../../../src/log/verifier.ts';
import { decodePublished } from '../../../src/vault/audit/checkpoints.ts';
import type { Follower } from '../../../src/vault/audit/follow.ts';
import type { CheckpointRow, TileRow } from '../../../src/vault/rows.ts';
import type { Store } from '../../../src/vault/store.ts';
import { leafSlowly, rootSlowly } from '../../log/slow-tree.ts';
import { makeVaultDir } from '../../harness.ts';
import { everyRow } from '../../contract/conversation.ts';
import { followingProcess, type FollowingProcess } from './process.ts';

/** Where each run of events began and how many there were, as it was saved. */
interface Kept {
  readonly runs: readonly (readonly [first: number, count: number])[];
}

/** Keeps what it was given, so that whatever was lost or given twice shows. */
const keeper: Follower<Kept> = {
  name: 'keeper',
  most: 7,
  fresh: { runs: [] },
  encode: (state) => Buffer.from(JSON.stringify(state)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) as Kept,
  take: async ({ runs }, { first, events }) => ({
    state: { runs: [...runs, [first, events.length]] },
    write: {},
  }),
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'wait'; readonly milliseconds: number }
  | { readonly do: 'run' | 'giveUp'; readonly by: number; readonly dies: 'before' | 'after' | null }
  | { readonly do: 'together' }
  | { readonly do: 'rotate' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 300 }) }),
  fc.record({ do: fc.constant('wait' as const), milliseconds: fc.constantFrom(1, 1000, 6000, -3000) }),
  fc.record({
    do: fc.constantFrom('run' as const, 'run' as const, 'giveUp' as const),
    by: fc.nat(2),
    dies: fc.constantFrom(null, null, 'before' as const, 'after' as const),
  }),
  fc.constant({ do: 'together' as const }),
  fc.constant({ do: 'rotate' as const }),
);

async function read(store: Store) {
  const snapshot = await store.snapshot();
  try {
    return {
      events: await everyRow(snapshot.events()),
      tiles: await everyRow<TileRow>(snapshot.scan('tiles')),
      checkpoints: await everyRow<CheckpointRow>(snapshot.scan('checkpoints')),
    };
  } finally {
    await snapshot.close();
  }
}

/** What was answered of each key: it signs the checkpoints of so many events and more. */
interface LogKeyOf {
  readonly from: number;
  readonly key: string;
}

/** Every tile and checkpoint against a tree that is computed the slow way, and what the keeper kept against the log. */
async function mustBeTrue(process: FollowingProcess, keys: readonly LogKeyOf[]): Promise<void> {
  const { events, tiles, checkpoints } = await read(process.store);
  const leaves = events.map(({ bytes }) => leafSlowly(bytes));
  const { full } = appendToTiles(NO_EDGE, leaves);
  const key = ({ level, index }: TileRow): string => `${level}/${index}`;
  const right = new Map(full.map((tile) => [key(tile), hex(tile.hashes)]));
  for (const tile of tiles) expect(right.get(key(tile))).toBe(hex(tile.hashes));
  for (const row of checkpoints) {
    const due = keys.findLast(({ from }) => from <= row.size)?.key ?? '';
    const opened = openCheckpoint(Buffer.from(row.note), parseVerifier(due));
    expect(opened.size).toBe(row.size);
    expect(hex(opened.root)).toBe(hex(rootSlowly(leaves.slice(0, row.size))));
  }
  const kept = await process.store.follower('keeper');
  if (kept === null) return;
  const { runs } = keeper.decode(kept.state, kept.cursor) ?? { runs: [] };
  let next = 0;
  for (const [first, count] of runs) {
    expect(first).toBe(next);
    next += count;
  }
  expect(kept.cursor).toBe(next);
}

it('processes take turns and die at any commit: nothing is lost or repeated, and all that is published is true', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
      const dir = await makeVaultDir();
      const clock = { offset: Date.now() };
      let made = 0;
      const born = () => followingProcess(dir, clock, `process-${++made}`);
      const writer = await born();
      const keys: LogKeyOf[] = [{ from: 0, key: await writer.firstKey() }];
      const processes = [await born(), await born(), await born()];
      const alive = async (n: number): Promise<FollowingProcess> => {
        const process = processes[n];
        if (process !== undefined && !process.isDead()) return process;
        return (processes[n] = await born());
      };
      const both = async (process: FollowingProcess, what: 'run' | 'giveUp'): Promise<void> => {
        // A process that dies leaves what it was at.
        await process.checkpoints[what]().catch(() => undefined);
        const { run, giveUp } = process.follow(keeper);
        await (what === 'run' ? run() : giveUp()).catch(() => undefined);
      };
      for (const one of steps) {
        if (one.do === 'append') await writer.append(one.count);
        else if (one.do === 'wait') clock.offset += one.milliseconds;
        else if (one.do === 'rotate') keys.push(await writer.rotate());
        else if (one.do === 'together')
          await Promise.all([0, 1, 2].map(async (n) => both(await alive(n), 'run')));
        else {
          const process = await alive(one.by);
          process.dieAt = one.dies;
          await both(process, one.do);
          if (one.dies !== null) processes[one.by] = await born();
        }
        await mustBeTrue(writer, keys);
      }
      // Whoever held a lease has died or waits: another goes on to the end.
      const last = await born();
      await writer.append(1);
      for (let turn = 0; turn < 40; turn++) {
        clock.offset += 1000;
        await both(last, 'run');
      }
      await mustBeTrue(writer, keys);
      const followed = await writer.store.follower('checkpoints');
      const held = decodePublished(followed?.state ?? new Uint8Array(0), followed?.cursor ?? 0)?.keys ?? [];
      expect(held.map(({ from, verifier }) => ({ from, key: verifier.text }))).toEqual(
        keys.map(({ from, key }) => ({ from, key })),
      );
      const { events, tiles } = await read(writer.store);
      for (const name of ['keeper', 'checkpoints'])
        expect((await writer.store.follower(name))?.cursor).toBe(events.length);
      expect((await writer.store.lastCheckpoint())?.size).toBe(events.length);
      expect(tiles).toHaveLength(
        appendToTiles(
          NO_EDGE,
          events.map(({ bytes }) => leafSlowly(bytes)),
        ).full.length,
      );
      for (const { findings } of [writer, ...processes, last]) expect(findings.count).toBe(0);
    }),
    { numRuns: 25 },
  );
});

it('a commit under a lease that was lost comes to nothing, at any moment', async () => {
  const dir = await makeVaultDir();
  const clock = { offset: Date.now() };
  const [slow, quick] = [
    await followingProcess(dir, clock, 'slow'),
    await followingProcess(dir, clock, 'quick'),
  ];
  await slow.append(20);
  const [reached, held] = [signal(), signal()];
  const stalled = slow.follow({
    ...keeper,
    take: async (state, taken) => {
      reached.go();
      await held.gone;
      return keeper.take(state, taken);
    },
  });
  const running = stalled.run();
  await reached.gone;
  clock.offset += 6000;
  await quick.follow(keeper).run();
  const taken = await slow.store.follower('keeper');
  held.go();
  await running;
  expect(await slow.store.follower('keeper')).toEqual(taken);
  expect(taken).toMatchObject({ holder: 'quick', cursor: 20 });
});

function signal(): { readonly go: () => void; readonly gone: Promise<void> } {
  let go = (): void => undefined;
  const gone = new Promise<void>((resolve) => (go = resolve));
  return { go: () => go(), gone };
}

it('one that holds the lease keeps others out until it gives it up, or has not renewed it', async () => {
  const dir = await makeVaultDir();
  const clock = { offset: Date.now() };
  const [one, other] = [
    await followingProcess(dir, clock, 'one'),
    await followingProcess(dir, clock, 'other'),
  ];
  const holder = async () => (await one.store.follower('checkpoints'))?.holder;
  await one.append(1);
  await one.checkpoints.run();
  await one.append(1);
  await other.checkpoints.run();
  expect(await holder()).toBe('one');
  await one.checkpoints.giveUp();
  await other.checkpoints.run();
  expect(await holder()).toBe('other');
  // Its clock may stand still, or go back.
  await other.append(1);
  clock.offset -= 60_000;
  await one.checkpoints.run();
  clock.offset += 5000;
  await one.checkpoints.run();
  expect(await holder()).toBe('one');
});

it('where nothing happened nothing is committed', async () => {
  const process = await followingProcess(await makeVaultDir(), { offset: Date.now() }, 'one');
  await process.append(3);
  await process.checkpoints.run();
  const [row, head] = [await process.store.follower('checkpoints'), await process.store.head()];
  for (let turn = 0; turn < 5; turn++) await process.checkpoints.run();
  expect(await process.store.follower('checkpoints')).toEqual(row);
  expect(await process.store.head()).toEqual(head);
});
