import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  appendToTiles,
  decodeEdge,
  encodeEdge,
  frontierOf,
  NO_EDGE,
  type Tile,
  type TileEdge,
  TILE_WIDTH,
} from '../../src/log/tile.ts';
import { append, EMPTY, leafHash, root } from '../../src/log/tree.ts';
import { rootSlowly } from './slow-tree.ts';

const leafAt = (i: number): Uint8Array => leafHash(Buffer.from(`leaf ${i}`));
const leaves = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => leafAt(from + i));

/** Every hash of a level: the root of each 256^level leaves that are all there. Slow and obvious. */
const slowTile = (level: number, index: number): Buffer =>
  Buffer.concat(
    Array.from({ length: TILE_WIDTH }, (_, i) => {
      const width = TILE_WIDTH ** level;
      const from = (index * TILE_WIDTH + i) * width;
      return rootSlowly(leaves(from, from + width));
    }),
  );

it('has the frontier and the root of the same tree, however the leaves come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(700), { maxLength: 6 }), (steps) => {
      let edge: TileEdge = NO_EDGE;
      let frontier = EMPTY;
      for (const step of steps) {
        const more = leaves(edge.size, edge.size + step);
        edge = appendToTiles(edge, more).edge;
        frontier = append(frontier, more);
        expect(frontierOf(edge)).toEqual(frontier);
      }
      expect(root(frontierOf(edge))).toEqual(root(frontier));
    }),
    { numRuns: 30 },
  );
});

it('fills tiles in their order, each with the roots that stand there', () => {
  const size = 2 * TILE_WIDTH ** 2 + 3;
  let edge: TileEdge = NO_EDGE;
  const full: Tile[] = [];
  for (let at = 0; at < size; at += 1000) {
    const appended = appendToTiles(edge, leaves(at, Math.min(size, at + 1000)));
    full.push(...appended.full);
    edge = appended.edge;
  }
  expect(full.filter(({ level }) => level === 0).map(({ index }) => index)).toEqual([...Array(512).keys()]);
  expect(full.filter(({ level }) => level === 1).map(({ index }) => index)).toEqual([0, 1]);
  expect(full).toHaveLength(514);
  for (const index of [0, 1, 300, 511]) {
    const tile = full.find((one) => one.level === 0 && one.index === index);
    expect(tile?.hashes).toEqual(slowTile(0, index));
  }
  const [first] = full.filter(({ level }) => level === 1);
  expect(first?.hashes).toEqual(slowTile(1, 0));
  expect(edge.levels.map((hashes) => hashes.length)).toEqual([3, 0, 2]);
});

it('comes back from its bytes, and from no others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70_000 }), (size) => {
      const { edge } = appendToTiles(
        NO_EDGE,
        Array.from({ length: size }, () => leafAt(0)),
      );
      const bytes = encodeEdge(edge);
      const decoded = decodeEdge(size, bytes) ?? NO_EDGE;
      expect(decoded.levels.map((hashes) => hashes.length)).toEqual(
        edge.levels.map((hashes) => hashes.length),
      );
      expect(encodeEdge(decoded)).toEqual(bytes);
      expect(decodeEdge(size, bytes.subarray(1))).toBeNull();
      expect(decodeEdge(size + 1, bytes)).toBeNull();
    }),
    { numRuns: 10 },
  );
  expect(decodeEdge(-1, new Uint8Array(0))).toBeNull();
  expect(decodeEdge(0.5, new Uint8Array(0))).toBeNull();
  expect(decodeEdge(Number.MAX_SAFE_INTEGER, new Uint8Array(0))).toBeNull();
});
