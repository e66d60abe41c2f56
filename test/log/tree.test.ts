import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  append,
  withoutLast,
  decodeFrontier,
  EMPTY,
  encodeFrontier,
  leafHash,
  nodeHash,
  root,
} from '../../src/log/tree.ts';
import type { Frontier } from '../../src/log/tree.ts';
import { leafSlowly, nodeSlowly, rootSlowly } from './slow-tree.ts';

const leaves = Array.from({ length: 1000 }, (_, i) => leafHash(Buffer.from(`{"v":1,"index":${i}}`)));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

describe('hashes', () => {
  it('of leaves and nodes agree with their slow twins, for every length', () => {
    for (const length of [0, 1, 54, 55, 56, 64, 500, 4095, 4096, 16_384]) {
      const bytes = new Uint8Array(length).fill(length);
      expect(hex(leafHash(bytes))).toBe(hex(leafSlowly(bytes)));
    }
    const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
    expect(hex(nodeHash(a, b))).toBe(hex(nodeSlowly(a, b)));
    expect(hex(nodeHash(b, a))).toBe(hex(nodeSlowly(b, a)));
  });

  it.each([0, 31, 33])('of nodes take no hash of %i bytes', (length) => {
    const [odd, whole] = [new Uint8Array(length), new Uint8Array(32)];
    expect(() => nodeHash(odd, whole)).toThrow(RangeError);
    expect(() => nodeHash(whole, odd)).toThrow(RangeError);
  });

  it('keep leaves and nodes apart', () => {
    const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
    expect(hex(leafHash(Buffer.concat([a, b])))).not.toBe(hex(nodeHash(a, b)));
  });
});

describe('frontier', () => {
  it('cut back by whole subtrees is that of the leaves before, and they grow it again', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1100), (size, most) => {
        const whole = append(EMPTY, leaves.slice(0, size));
        const cut = withoutLast(whole, most);
        expect(cut).toEqual(append(EMPTY, leaves.slice(0, cut.size)));
        expect(size - cut.size).toBeLessThanOrEqual(most);
        expect(append(cut, leaves.slice(cut.size, size))).toEqual(whole);
        if (most >= size) expect(cut).toEqual(EMPTY);
      }),
    );
    // 0b1100: 4 leaves at the right end, then 8.
    const twelve = append(EMPTY, leaves.slice(0, 12));
    expect([3, 4, 11, 12].map((most) => withoutLast(twelve, most).size)).toEqual([12, 8, 8, 0]);
  });

  it('grown leaf by leaf has the slow root at every size up to 130', () => {
    let frontier: Frontier = EMPTY;
    expect(hex(root(frontier))).toBe(hex(rootSlowly([])));
    for (let size = 1; size <= 130; size += 1) {
      frontier = append(frontier, leaves.slice(size - 1, size));
      expect(hex(root(frontier)), `size ${size}`).toBe(hex(rootSlowly(leaves.slice(0, size))));
    }
  });

  it('grown in any groups up to 1,000 leaves has the slow root, kept and read back between them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(250), { maxLength: 8 }), (groups) => {
        let frontier: Frontier = EMPTY;
        for (const count of groups) {
          const group = leaves.slice(frontier.size, Math.min(1000, frontier.size + count));
          const before = hex(encodeFrontier(frontier));
          const grown = append(frontier, group);
          expect(hex(encodeFrontier(frontier)), 'append is pure').toBe(before);
          const kept = decodeFrontier(grown.size, encodeFrontier(grown));
          expect(kept).not.toBeNull();
          frontier = kept ?? EMPTY;
        }
        expect(hex(root(frontier))).toBe(hex(rootSlowly(leaves.slice(0, frontier.size))));
      }),
      { numRuns: 40 },
    );
  });

  it.each([2 ** 31, 2 ** 32, 2 ** 40, 2 ** 52])('merges all the way up at %d leaves', (size) => {
    const levels = Math.log2(size);
    const hashes = leaves.slice(0, levels);
    const full = decodeFrontier(size - 1, Buffer.concat(hashes));
    expect(full).not.toBeNull();
    const leaf = leafHash(Buffer.from('last'));
    const grown = append(full ?? EMPTY, [leaf]);
    expect(grown.size).toBe(size);
    expect(grown.hashes.map(hex)).toEqual([
      hex(hashes.reduceRight((right, left) => nodeSlowly(left, right), leaf)),
    ]);
    expect(append(grown, [leaf]).hashes.map(hex)).toEqual([...grown.hashes, leaf].map(hex));
  });

  it('is refused when its bytes cannot be of its size', () => {
    const bytes = encodeFrontier(append(EMPTY, leaves.slice(0, 7)));
    expect(decodeFrontier(7, bytes)?.size).toBe(7);
    for (const size of [0, 1, 3, 6, 8, 15, -7, 7.5, Number.NaN, 2 ** 53]) {
      expect(decodeFrontier(size, bytes), `size ${size}`).toBeNull();
    }
    expect(decodeFrontier(7, bytes.subarray(1))).toBeNull();
    expect(decodeFrontier(0, new Uint8Array(0))).toEqual(EMPTY);
  });

  it('does not change with the bytes it was read from', () => {
    const bytes = Uint8Array.from(encodeFrontier(append(EMPTY, leaves.slice(0, 3))));
    const frontier = decodeFrontier(3, bytes) ?? EMPTY;
    const before = hex(root(frontier));
    bytes.fill(0);
    expect(hex(root(frontier))).toBe(before);
  });

  it('that lacks a hash is a programming error, not a wrong root', () => {
    expect(() => append({ size: 3, hashes: leaves.slice(0, 1) }, leaves.slice(0, 1))).toThrow(RangeError);
  });
});

// The leaf at index i is the bytes {"v":1,"index":i}. Made by the slow twin: a change is a release decision.
describe('frozen vectors', () => {
  const vectors = z
    .array(z.strictObject({ size: z.int(), frontier: z.string(), root: z.string() }))
    .min(10)
    .parse(JSON.parse(readFileSync(new URL('../vectors/tree.json', import.meta.url), 'utf8')));

  it.each(vectors)('frontier and root of $size leaves', (vector) => {
    const frontier = append(EMPTY, leaves.slice(0, vector.size));
    expect(hex(encodeFrontier(frontier))).toBe(vector.frontier);
    expect(hex(root(frontier))).toBe(vector.root);
    expect(hex(rootSlowly(leaves.slice(0, vector.size)))).toBe(vector.root);
  });
});
