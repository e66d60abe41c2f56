import fc from 'fast-check';
import { expect, it } from 'vitest';
import { verifyConsistency, verifyInclusion } from '../../src/log/proof.ts';
import { prover, type ReadTile, TileMissing } from '../../src/log/prove.ts';
import { appendToTiles, NO_EDGE } from '../../src/log/tile.ts';
import { leafHash } from '../../src/log/tree.ts';
import { consistencySlowly, inclusionSlowly, rootSlowly } from './slow-tree.ts';

const MOST = 70_000;
const leaves = Array.from({ length: MOST }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));

/** The tiles of the first leaves, as a log of that size has them. */
function tilesOf(size: number): { readonly read: ReadTile; readonly asked: string[] } {
  const { edge, full } = appendToTiles(NO_EDGE, leaves.slice(0, size));
  const tiles = new Map(full.map(({ level, index, hashes }) => [`${level}/${index}`, hashes]));
  for (const [level, hashes] of edge.levels.entries())
    if (hashes.length > 0)
      tiles.set(`${level}/${Math.floor(size / 256 ** (level + 1))}`, Buffer.concat(hashes));
  const asked: string[] = [];
  return {
    asked,
    read: async (level, index, width) => {
      asked.push(`${level}/${index}`);
      const tile = tiles.get(`${level}/${index}`);
      if (tile === undefined || tile.length !== width * 32) throw new TileMissing(level, index);
      return tile;
    },
  };
}

it('proves every leaf and every older size of every small tree, as the slow twin does', async () => {
  for (let size = 1; size <= 40; size++) {
    const { read } = tilesOf(size);
    const own = leaves.slice(0, size);
    const prove = prover(size, read);
    expect(await prove.root()).toEqual(Buffer.from(rootSlowly(own)));
    for (let at = 0; at < size; at++) {
      expect(hexes(await prove.inclusion(at))).toEqual(hexes(inclusionSlowly(at, own)));
      expect(hexes(await prove.consistency(at + 1))).toEqual(hexes(consistencySlowly(at + 1, own)));
    }
  }
});

it('proves in larger trees too, with few reads, each tile once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1500 }), fc.nat(1e9), async (size, seed) => {
      const at = seed % size;
      const { read, asked } = tilesOf(size);
      const own = leaves.slice(0, size);
      const prove = prover(size, read);
      expect(hexes(await prove.inclusion(at))).toEqual(hexes(inclusionSlowly(at, own)));
      expect(hexes(await prove.consistency(at + 1))).toEqual(hexes(consistencySlowly(at + 1, own)));
      expect(new Set(asked).size).toBe(asked.length);
      expect(asked.length).toBeLessThanOrEqual(6);
    }),
    { numRuns: 40 },
  );
});

it('verifies over three levels of tiles', async () => {
  const { read } = tilesOf(MOST);
  const prove = prover(MOST, read);
  const root = await prove.root();
  for (const index of [0, 255, 256, 65_535, 65_536, MOST - 1]) {
    const leaf = leaves[index] ?? new Uint8Array(0);
    const proof = await prove.inclusion(index);
    expect(verifyInclusion({ leaf, index, size: MOST, root, proof })).toBe(true);
  }
  for (const oldSize of [1, 256, 65_536, 65_537, MOST - 1, MOST]) {
    const older = tilesOf(oldSize);
    const oldRoot = await prover(oldSize, older.read).root();
    const proof = await prove.consistency(oldSize);
    expect(verifyConsistency({ oldSize, oldRoot, newSize: MOST, newRoot: root, proof })).toBe(true);
  }
});

it('proves nothing outside the tree, nor out of tiles that are not there', async () => {
  const { read } = tilesOf(10);
  const prove = prover(10, read);
  for (const index of [-1, 10, 0.5, Number.NaN, 2 ** 53])
    await expect(prove.inclusion(index)).rejects.toThrow(RangeError);
  for (const size of [0, -1, 11, 0.5]) await expect(prove.consistency(size)).rejects.toThrow(RangeError);
  await expect(prover(300, read).inclusion(1)).rejects.toThrow(TileMissing);
  const cut = prover(10, async (...tile) => (await read(...tile)).subarray(32));
  await expect(cut.root()).rejects.toThrow(TileMissing);
});

const hexes = (hashes: readonly Uint8Array[]): string[] =>
  hashes.map((hash) => Buffer.from(hash).toString('hex'));
