import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verifyConsistency, verifyInclusion } from '../../src/log/proof.ts';
import { describeVectors } from '../shared-vectors.ts';
import { consistencySlowly, inclusionSlowly, leafSlowly, rootSlowly } from './slow-tree.ts';

const leaves = Array.from({ length: 300 }, (_, i) => leafSlowly(Buffer.from(`leaf ${i}`)));
const size = fc.integer({ min: 1, max: leaves.length });

/** Each proof with one hash changed, cut off, doubled or put in front. */
function spoilt(proof: readonly Uint8Array[]): Uint8Array[][] {
  const stranger = leafSlowly(Buffer.from('stranger'));
  const changed = proof.map((_, at) => proof.with(at, stranger));
  return [
    ...changed,
    [stranger, ...proof],
    [...proof, stranger],
    ...proof.map((_, at) => proof.toSpliced(at, 1)),
  ];
}

describe('proofs', () => {
  it('of inclusion hold for every leaf of small trees and for samples of large ones, and for no other leaf', () => {
    const check = (index: number, count: number) => {
      const tree = leaves.slice(0, count);
      const leaf = tree[index];
      if (leaf === undefined) throw new Error('the sample is outside the tree');
      const claim = { leaf, index, size: count, root: rootSlowly(tree), proof: inclusionSlowly(index, tree) };
      expect(verifyInclusion(claim), `${index} of ${count}`).toBe(true);
      for (const proof of spoilt(claim.proof)) expect(verifyInclusion({ ...claim, proof })).toBe(false);
      expect(verifyInclusion({ ...claim, root: leafSlowly(leaf) })).toBe(false);
      expect(verifyInclusion({ ...claim, leaf: leafSlowly(leaf) })).toBe(false);
      for (const other of [index - 1, index + 1, count, 0.5, Number.NaN]) {
        expect(verifyInclusion({ ...claim, index: other })).toBe(false);
      }
    };
    for (let count = 1; count <= 17; count += 1)
      for (let index = 0; index < count; index += 1) check(index, count);
    fc.assert(
      fc.property(size, fc.nat(), (count, at) => check(at % count, count)),
      { numRuns: 30 },
    );
  });

  it('of consistency hold between all small sizes and samples of large ones, and for no other log', () => {
    const check = (oldSize: number, newSize: number) => {
      const [older, newer] = [leaves.slice(0, oldSize), leaves.slice(0, newSize)];
      const claim = {
        oldSize,
        oldRoot: rootSlowly(older),
        newSize,
        newRoot: rootSlowly(newer),
        proof: consistencySlowly(oldSize, newer),
      };
      expect(verifyConsistency(claim), `${oldSize} to ${newSize}`).toBe(true);
      for (const proof of spoilt(claim.proof)) expect(verifyConsistency({ ...claim, proof })).toBe(false);
      const rewritten = rootSlowly([leafSlowly(Buffer.from('rewritten')), ...older.slice(1)]);
      expect(verifyConsistency({ ...claim, oldRoot: rewritten })).toBe(false);
      expect(verifyConsistency({ ...claim, newRoot: rewritten })).toBe(false);
      expect(verifyConsistency({ ...claim, oldSize: 0 })).toBe(false);
      expect(verifyConsistency({ ...claim, oldSize: newSize + 1 })).toBe(false);
    };
    for (let newer = 1; newer <= 17; newer += 1)
      for (let older = 1; older <= newer; older += 1) check(older, newer);
    fc.assert(
      fc.property(size, size, (a, b) => check(Math.min(a, b), Math.max(a, b))),
      { numRuns: 30 },
    );
  });
});

const hash = z.string().transform((text) => Buffer.from(text, 'base64'));
const proof = z
  .array(hash)
  .nullable()
  .transform((hashes) => hashes ?? []);
const outcome = { desc: z.string(), wantErr: z.boolean() };

/** Every JSON file under the folder, so that none is left out. */
function readAll<Shape extends z.ZodType>(folder: string, shape: Shape): z.infer<Shape>[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
  return files.map((name) => shape.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))));
}

describeVectors('merkle/inclusion', (folder) => {
  const shape = z.object({
    ...outcome,
    leafIdx: z.number(),
    treeSize: z.number(),
    root: hash,
    leafHash: hash,
    proof,
  });
  it('accepts the happy paths and nothing else', () => {
    const vectors = readAll(folder, shape);
    expect(new Set(vectors.map(({ wantErr }) => wantErr)).size).toBe(2);
    for (const vector of vectors) {
      const { leafHash: leaf, leafIdx: index, treeSize, root } = vector;
      const verified = verifyInclusion({ leaf, index, size: treeSize, root, proof: vector.proof });
      expect(verified, `${index} of ${treeSize}: ${vector.desc}`).toBe(!vector.wantErr);
    }
  });
});

describeVectors('merkle/consistency', (folder) => {
  const shape = z.object({
    ...outcome,
    size1: z.number(),
    size2: z.number(),
    root1: hash,
    root2: hash,
    proof,
  });
  it('accepts the happy paths and nothing else', () => {
    const vectors = readAll(folder, shape);
    expect(new Set(vectors.map(({ wantErr }) => wantErr)).size).toBe(2);
    for (const vector of vectors) {
      const { size1: oldSize, size2: newSize, root1: oldRoot, root2: newRoot } = vector;
      const verified = verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof: vector.proof });
      expect(verified, `${oldSize} to ${newSize}: ${vector.desc}`).toBe(!vector.wantErr);
    }
  });
});
