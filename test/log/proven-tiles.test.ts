import fc from 'fast-check';
import { expect, it } from 'vitest';
import { provenTiles } from '../../src/log/proven-tiles.ts';
import { prover, type ReadTile, TileMissing } from '../../src/log/prove.ts';
import { resourcePath } from '../../src/log/tile-path.ts';
import { levelsOf, recomputeSet, tilesOf, type TreeResource } from '../../src/log/tile-set.ts';
import { appendToTiles, frontierOf, NO_EDGE } from '../../src/log/tile.ts';
import { encodeEntries } from '../../src/log/entries.ts';
import { leafHash, root } from '../../src/log/tree.ts';
import { consistencySlowly, rootSlowly } from './slow-tree.ts';

const MOST = 66_000;
const entries = Array.from({ length: MOST }, (_, i) => Buffer.from(`leaf ${i}`));
const leaves = entries.map(leafHash);

/** Every file of a log of that size, by its path, and what it comes to. */
function setOf(size: number) {
  const { edge, full } = appendToTiles(NO_EDGE, leaves.slice(0, size));
  const files = new Map<string, Uint8Array>();
  const put = (resource: TreeResource, bytes: Uint8Array) => files.set(resourcePath(resource), bytes);
  for (const { level, index, hashes } of full) put({ kind: 'tile', level, index, width: 256 }, hashes);
  for (const [level, hashes] of edge.levels.entries())
    if (hashes.length > 0)
      put(
        { kind: 'tile', level, index: Math.floor(size / 256 ** (level + 1)), width: hashes.length },
        Buffer.concat(hashes),
      );
  for (let first = 0; first < size; first += 256) {
    const own = entries.slice(first, Math.min(first + 256, size));
    put({ kind: 'entries', index: first / 256, width: own.length }, encodeEntries(own));
  }
  const read = async (resource: TreeResource) => files.get(resourcePath(resource)) ?? null;
  const readTile: ReadTile = async (level, index, width) =>
    (await read({ kind: 'tile', level, index, width })) ?? new Uint8Array(0);
  return { files, read, readTile, state: { size, root: root(frontierOf(edge)) } };
}

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 1400 }),
  fc.constantFrom(1, 255, 256, 257, 512, 65_536, MOST),
);
const ignore = () => undefined;

it('gives out every tile of a tree, and proofs that are those of the slow twin', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(1e9), async (size, seed) => {
      const { readTile, state } = setOf(size);
      const proven = provenTiles(state, readTile);
      for (const level of levelsOf(size))
        for (const { index, width } of tilesOf(size, level))
          expect(Buffer.compare(await proven(level, index, width), await readTile(level, index, width))).toBe(
            0,
          );
      if (size > 1400) return;
      const from = 1 + (seed % size);
      const own = leaves.slice(0, size);
      expect((await prover(size, proven).consistency(from)).map((hash) => Buffer.from(hash))).toEqual(
        consistencySlowly(from, own).map((hash) => Buffer.from(hash)),
      );
      expect(Buffer.from(state.root)).toEqual(Buffer.from(rootSlowly(own)));
    }),
    { numRuns: 15 },
  );
});

it('gives out no tile with a byte of another tree', async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(1e9), fc.nat(1e9), async (size, which, where) => {
      const { files, readTile, state } = setOf(size);
      const tiles = [...levelsOf(size)].flatMap((level) => [...tilesOf(size, level)]);
      const changed = tiles[which % tiles.length] ?? expect.fail();
      const bytes = Buffer.from(files.get(resourcePath(changed)) ?? []);
      const at = where % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      files.set(resourcePath(changed), bytes);
      const { level, index, width } = changed;
      await expect(provenTiles(state, readTile)(level, index, width)).rejects.toThrow(TileMissing);
    }),
    { numRuns: 25 },
  );
});

it('gives out nothing of a tree with another root, and no tile that the tree has not', async () => {
  const { readTile, state } = setOf(700);
  const other = { ...state, root: leaves[0] ?? expect.fail() };
  await expect(provenTiles(other, readTile)(0, 0, 256)).rejects.toThrow(TileMissing);
  const proven = provenTiles(state, readTile);
  for (const [level, index, width] of [
    [0, 2, 189],
    [0, 3, 1],
    [1, 0, 3],
    [1, 1, 1],
    [2, 0, 1],
  ] as const)
    await expect(proven(level, index, width)).rejects.toThrow(TileMissing);
});

it('a set is read back whole, and a file that is gone, short, longer or other is named', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.nat(1e9),
      fc.constantFrom('gone', 'short', 'longer', 'other'),
      fc.nat(1e9),
      async (size, which, how, where) => {
        const { files, read, state } = setOf(size);
        expect(await recomputeSet(state, read, ignore)).toBeNull();
        const [path, bytes] = [...files][which % files.size] ?? expect.fail();
        const changed = {
          short: () => bytes.subarray(0, bytes.length - 1),
          longer: () => Buffer.concat([bytes, Buffer.from([1])]),
          other: () => bytes.map((byte, i) => (i === where % bytes.length ? byte ^ 1 : byte)),
        };
        if (how === 'gone') files.delete(path);
        else files.set(path, changed[how]());
        const fault = await recomputeSet(state, read, ignore);
        // Which of a tile and the bundle below it is the wrong one, no hash can say; one that is gone is.
        expect(fault).not.toBeNull();
        if (how === 'gone') expect(fault).toEqual({ path, problem: 'is not there' });
      },
    ),
    { numRuns: 40 },
  );
});

it('a set of another log is none, whatever its tiles say', async () => {
  const { read, state } = setOf(600);
  const other = { ...state, root: leaves[0] ?? expect.fail() };
  expect(await recomputeSet(other, read, ignore)).toEqual({
    path: 'checkpoint',
    problem: 'its root is not that of the entries',
  });
});
