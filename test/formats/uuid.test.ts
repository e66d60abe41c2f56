import fc from 'fast-check';
import { expect, test } from 'vitest';
import { uuid } from '../../src/formats/uuid.ts';

const bound = uuid.bind({}, { environment: 'test' });

// RFC 9562 appendix A: one of each version.
test.each([
  'C232AB00-9414-11EC-B3C8-9F6BDECED846',
  '5df41881-3aed-3515-88a7-2f4a814cf09e',
  '919108f7-52d1-4320-9bac-f847db4148a8',
  '2ed6657d-e927-568b-95e1-2665a8aea6a2',
  '1EC9414C-232A-6B00-B3C8-9F6BDECED846',
  '017F22E2-79B0-7CC3-98C4-DC0C0C07398F',
  // DCE security, version 2
  '000003e8-c4d2-21ec-8000-00155d01c0a1',
])('accepts %s', (value) => {
  expect(bound.parse(value)).toEqual({ ok: true, normal: value.toLowerCase() });
});

test.each([
  // RFC 9562 appendix B: version 8.
  '2489E9AD-2EE2-8E00-8EC9-32D5F69181C0',
  '5c146b14-3c52-8afd-938a-375d0df1fbf6',
  // 5.9 and 5.10: nil and max.
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  // Versions that nobody has defined, and the variants of NCS and Microsoft (4.1).
  '919108f7-52d1-0320-9bac-f847db4148a8',
  '919108f7-52d1-9320-9bac-f847db4148a8',
  '919108f7-52d1-4320-1bac-f847db4148a8',
  '919108f7-52d1-4320-dbac-f847db4148a8',
  '919108f752d143209bacf847db4148a8',
  '919108f7-52d1-4320-9bac-f847db4148ag',
  '919108f7-52d1-4320-9bacf-847db4148a8',
])('refuses %s', (text) => {
  expect(bound.parse(text)).toEqual({ ok: false, reason: 'malformed' });
});

test('refuses what is longer, in a URN or in braces', () => {
  for (const text of [
    'urn:uuid:919108f7-52d1-4320-9bac-f847db4148a8',
    '{919108f7-52d1-4320-9bac-f847db4148a8}',
  ]) {
    expect(bound.parse(text)).toEqual({ ok: false, reason: 'too_long' });
  }
});

test('tokens are of version 8 and of the RFC’s variant, and every other bit is drawn', () => {
  const space = bound.space('919108f7-52d1-4320-9bac-f847db4148a8');
  expect(space.size).toBe(2n ** 122n);
  expect(space.at(0n)).toBe('00000000-0000-8000-8000-000000000000');
  expect(space.at(space.size - 1n)).toBe('ffffffff-ffff-8fff-bfff-ffffffffffff');
  fc.assert(
    fc.property(fc.bigInt(0n, space.size - 1n), (index) => {
      const token = space.at(index);
      expect(token).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      // Read back bit by bit, without the four of the version and the two of the variant.
      const bits = Array.from(token.replaceAll('-', ''), (hex) =>
        Number.parseInt(hex, 16).toString(2).padStart(4, '0'),
      ).join('');
      expect(BigInt(`0b${bits.slice(0, 48)}${bits.slice(52, 64)}${bits.slice(66)}`)).toBe(index);
      expect(bound.isToken(bound.tokenForm(token.toUpperCase()))).toBe(true);
    }),
  );
});

test('a mask tells nothing', () => {
  expect(bound.mask('c232ab00-9414-11ec-b3c8-9f6bdeced846')).toBe('********-****-****-****-************');
});
