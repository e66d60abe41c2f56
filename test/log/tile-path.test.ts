import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { decodeEntries, encodeEntries } from '../../src/log/entries.ts';
import { isInTree, type LogResource, parseResource, resourcePath } from '../../src/log/tile-path.ts';

// The examples of c2sp.org/tlog-tiles.
test.each<[string, LogResource]>([
  ['checkpoint', { kind: 'checkpoint' }],
  ['tile/0/x001/x234/067', { kind: 'tile', level: 0, index: 1_234_067, width: 256 }],
  ['tile/1/000.p/17', { kind: 'tile', level: 1, index: 0, width: 17 }],
  ['tile/entries/273.p/112', { kind: 'entries', index: 273, width: 112 }],
])('%s', (path, resource) => {
  expect(parseResource(path)).toEqual(resource);
  expect(resourcePath(resource)).toBe(path);
});

it('reads back every path that it writes', () => {
  const place = { index: fc.nat(2 ** 45), width: fc.integer({ min: 1, max: 256 }) };
  const resource = fc.oneof(
    fc.record({ kind: fc.constant('tile' as const), level: fc.nat(6), ...place }),
    fc.record({ kind: fc.constant('entries' as const), ...place }),
  );
  fc.assert(
    fc.property(resource, (one) => {
      expect(parseResource(resourcePath(one))).toEqual(one);
    }),
  );
});

it.each([
  '',
  '/checkpoint',
  'checkpoint/',
  'tile',
  'tile/0',
  'tile/0/1',
  'tile/0/0001',
  'tile/0/x000/001',
  'tile/0/001/x002',
  'tile/0/x001/x002',
  'tile/00/001',
  'tile/7/001',
  'tile/64/001',
  'tile/-1/001',
  'tile/0/001.p/0',
  'tile/0/001.p/01',
  'tile/0/001.p/256',
  'tile/0/001.p/300',
  'tile/0/001.p/',
  'tile/0/001.p/1/',
  'tile/0/x999/x999/x999/x999/x999/999',
  'tile/entries/../001',
  'tile/entries/001\n',
])('%j names nothing', (path) => {
  expect(parseResource(path)).toBeNull();
});

test('a tree of 70,000 leaves has what the specification says', () => {
  const has = (level: number, index: number, width: number) =>
    isInTree({ kind: 'tile', level, index, width }, 70_000);
  expect([has(0, 272, 256), has(0, 273, 112), has(1, 0, 256), has(1, 1, 17), has(2, 0, 1)]).toEqual(
    Array(5).fill(true),
  );
  expect([has(0, 273, 113), has(0, 273, 256), has(1, 1, 18), has(2, 0, 2), has(3, 0, 1)]).toEqual(
    Array(5).fill(false),
  );
  expect(isInTree({ kind: 'entries', index: 273, width: 112 }, 70_000)).toBe(true);
  expect(isInTree({ kind: 'entries', index: 273, width: 113 }, 70_000)).toBe(false);
});

it('packs entries after their lengths, and takes no bundle that ends within one', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (entries) => {
      const bundle = encodeEntries(entries);
      expect(decodeEntries(bundle)?.map((entry) => [...entry])).toEqual(entries.map((entry) => [...entry]));
      if (bundle.length > 0) expect(decodeEntries(Buffer.concat([bundle, Buffer.of(0)]))).toBeNull();
    }),
  );
  expect(decodeEntries(Buffer.from([0, 2, 1]))).toBeNull();
  expect(encodeEntries([Buffer.alloc(65_535)])).toHaveLength(65_537);
  expect(() => encodeEntries([Buffer.alloc(65_536)])).toThrow(RangeError);
});
