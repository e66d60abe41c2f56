import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { appendToTiles, NO_EDGE } from '../../../src/log/tile.ts';
import { parseVerifier } from '../../../src/log/verifier.ts';
import { decodePublished, encodePublished } from '../../../src/vault/audit/checkpoints.ts';
import { leafSlowly } from '../../log/slow-tree.ts';

// These bytes are in stores, in the row of the follower of checkpoints. They were made by a twin that is not src/.

const vectors = z
  .array(
    z.strictObject({
      size: z.int(),
      note: z.string(),
      keys: z.array(z.tuple([z.int(), z.string()])),
      state: z.string(),
    }),
  )
  .min(3)
  .parse(JSON.parse(readFileSync(new URL('../../vectors/published.json', import.meta.url), 'utf8')));

it.each(vectors)('the state of $size events', ({ size, note, keys: spans, state }) => {
  const leaves = Array.from({ length: size }, (_, i) => leafSlowly(Buffer.from(String(i))));
  const { edge } = appendToTiles(NO_EDGE, leaves);
  const keys = spans.map(([from, text]) => ({ from, verifier: parseVerifier(text) }));
  expect(Buffer.from(encodePublished({ edge, note, keys })).toString('hex')).toBe(state);
  const bytes = Buffer.from(state, 'hex');
  const decoded = decodePublished(bytes, size);
  expect(decoded === null ? null : Buffer.from(encodePublished(decoded)).toString('hex')).toBe(state);
  expect(decodePublished(bytes, size + 1)).toBeNull();
  expect(decodePublished(Buffer.concat([bytes, Buffer.alloc(1)]), size)).toBeNull();
  expect(decodePublished(bytes.subarray(0, 1), size)).toBeNull();
});
