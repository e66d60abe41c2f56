import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeEntries } from '../../src/log/entries.ts';
import { GrowingTree } from '../../src/verifier/growing-tree.ts';
import { layoutOf } from '../../src/verifier/layout.ts';
import { tilesSource } from '../../src/verifier/tiles-source.ts';
import { leafSlowly, rootSlowly } from '../log/slow-tree.ts';
import { eventsOf, type Files, layoutSlowly, verified } from './made-log.ts';

/** Whoever changes a file of a log, at any byte of it, is found, and where. */

const EVENTS = eventsOf(700);
const WHOLE = layoutSlowly(EVENTS);
const NONE = Buffer.alloc(0);
const fileOf = (files: Files, path: string): Buffer => files.get(path) ?? NONE;

/** The same files, one byte of one of them another. */
function changed(path: string, at: number, by: number): Files {
  const bytes = Buffer.from(fileOf(WHOLE, path));
  bytes[at] = (bytes[at] ?? 0) ^ by;
  return new Map(WHOLE).set(path, bytes);
}

const PATHS = [...WHOLE.keys()];
const bit = fc.integer({ min: 1, max: 255 });
const place = fc.nat(2 ** 31 - 1);

it('has files of every kind to change', () => {
  expect(PATHS).toEqual([
    'checkpoint',
    'tile/entries/000',
    'tile/entries/001',
    'tile/entries/002.p/188',
    'tile/0/000',
    'tile/0/001',
    'tile/0/002.p/188',
    'tile/1/000.p/2',
  ]);
});

it.each(PATHS)('any byte of %s that is another one is found', async (path) => {
  await fc.assert(
    fc.asyncProperty(place, bit, async (at, by) => {
      const files = changed(path, at % fileOf(WHOLE, path).length, by);
      const refusedOrFound = await verified(files).then(
        ({ findings }) => findings.length,
        ({ name }: Error) => name,
      );
      expect(refusedOrFound).not.toBe(0);
    }),
    { numRuns: 30 },
  );
});

/** Where each event begins in its file of entries, after its length. */
const startsOf = (index: number): number =>
  encodeEntries(EVENTS.slice(Math.floor(index / 256) * 256, index)).length + 2;

it('a changed byte of an event names the event', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(EVENTS.length - 1), place, bit, async (index, at, by) => {
      const width = Math.floor(index / 256) === 2 ? '.p/188' : '';
      const path = `tile/entries/00${Math.floor(index / 256)}${width}`;
      const { findings } = await verified(
        changed(path, startsOf(index) + (at % (EVENTS[index]?.length ?? 1)), by),
      );
      expect(findings).toContainEqual({
        about: 'events',
        index,
        problem: 'this event is not the one that was signed',
      });
      expect(new Set(findings.map((finding) => finding.index))).toEqual(new Set([index]));
    }),
    { numRuns: 30 },
  );
});

it('a changed length of an event names it, though nothing after it can be read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(EVENTS.length - 1), bit, async (index, by) => {
      const width = Math.floor(index / 256) === 2 ? '.p/188' : '';
      const path = `tile/entries/00${Math.floor(index / 256)}${width}`;
      const { findings } = await verified(changed(path, startsOf(index) - 1, by));
      expect(findings[0]?.index).toBe(index);
    }),
    { numRuns: 30 },
  );
});

it('a changed byte of a hash names the event under it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(EVENTS.length - 1), fc.nat(31), bit, async (index, at, by) => {
      const tile = Math.floor(index / 256);
      const path = `tile/0/00${tile}${tile === 2 ? '.p/188' : ''}`;
      const { findings } = await verified(changed(path, (index % 256) * 32 + at, by));
      const problem = `tile 0/${tile} is not that of the log`;
      expect(findings).toEqual([{ about: 'tiles', index, problem }]);
    }),
    { numRuns: 30 },
  );
  const { findings } = await verified(changed('tile/1/000.p/2', 40, 1));
  expect(findings).toEqual([{ about: 'tiles', index: 256, problem: 'tile 1/0 is not that of the log' }]);
});

it.each(PATHS.slice(1))('%s that is gone, cut or goes on is found', async (path) => {
  const bytes = fileOf(WHOLE, path);
  const versions = [null, bytes.subarray(0, bytes.length - 1), Buffer.concat([bytes, Buffer.of(0)]), NONE];
  for (const version of versions) {
    const files = new Map(WHOLE);
    if (version === null) files.delete(path);
    else files.set(path, version);
    expect((await verified(files)).findings.length).toBeGreaterThan(0);
  }
});

it('a partial tile that has become full is read out of the full one', async () => {
  const more = layoutSlowly(eventsOf(800));
  for (const path of ['checkpoint', 'tile/1/000.p/2']) more.set(path, fileOf(WHOLE, path));
  expect(await verified(more)).toMatchObject({ findings: [], size: 700 });
});

it('is read for any log of up to 1,000 events, with the root of the slow twin, and written as it is read', async () => {
  const events = eventsOf(1000);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), async (size) => {
      const log = events.slice(0, size);
      const files = layoutSlowly(log);
      const root = Buffer.from(rootSlowly(log.map(leafSlowly))).toString('base64');
      expect(await verified(files)).toMatchObject({ findings: [], size, root });
      const written: Files = new Map();
      const source = tilesSource(async (path) => files.get(path) ?? null, REST);
      for await (const { path, bytes } of layoutOf(source, () => undefined))
        written.set(path, Buffer.from(bytes));
      expect(written).toEqual(new Map(files));
    }),
    { numRuns: 12 },
  );
});

it('a log with tiles of three levels is read and written', async () => {
  const count = 65_536 + 300;
  const leaves = eventsOf(count);
  const tree = new GrowingTree([]);
  tree.grow(leaves.map(leafSlowly));
  expect(Buffer.compare(tree.root, rootSlowly(leaves.map(leafSlowly)))).toBe(0);
  const files = layoutSlowly(leaves);
  expect(files.has('tile/2/000.p/1')).toBe(true);
  expect(await verified(files)).toMatchObject({ findings: [], size: count });
});

const REST = { surplus: async () => null, close: async () => undefined };
