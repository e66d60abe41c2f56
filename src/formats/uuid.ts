import type { z } from 'zod';
import type { BoundFormat, Format, Parsed, Space } from './format.ts';
import { refused, refusedAtOnce } from './refused.ts';

const uuidShape = {} satisfies z.ZodRawShape;
type UuidOptions = object;

const LENGTH = 36;
// RFC 9562 4.1 and 4.2: the variant of that document and its versions; 8 is "custom", which is ours.
const VALUE = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-7][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TOKEN = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
// All but the version's four bits and the variant's two.
const SIZE = 1n << 122n;

/**
 * UUIDs of RFC 9562, versions 1 to 7, in either case; the normal form is in lower case. A token is a UUID of version 8
 * with 122 drawn bits. Values of version 8 are refused, and so are the nil and max UUIDs, which identify nothing.
 */
export const uuid: Format<UuidOptions, typeof uuidShape> = {
  name: 'uuid',
  title: 'UUID',
  normalisation: 1,
  shape: uuidShape,
  fixed: [],
  about: {
    value:
      'A UUID of RFC 9562 of version 1 to 7, as 8-4-4-4-12 hexadecimal digits in either case; comes back in lower case. Version 8, nil and max are refused.',
    token: 'A UUID of version 8 (custom) with 122 drawn bits. No token is a value.',
    keys: {},
    example: { options: {}, value: '919108f7-52d1-4320-9bac-f847db4148a8', source: 'RFC 9562 appendix A.3' },
  },
  bind: bindUuid,
  problems: () => [],
};

function bindUuid(): BoundFormat {
  return {
    name: 'uuid',
    disjoint: true,
    // Version 4 is random and version 7 nearly; the time and node of a version 1 can be searched by who knows them.
    guessable: false,
    smallest: { size: SIZE, what: '122 bits', roomier: null },
    parse: parseUuid,
    space: () => SPACE,
    // Constant: a part of a version 1 UUID tells its time or its maker.
    mask: () => '********-****-****-****-************',
    isToken: (text) => text.length === LENGTH && TOKEN.test(text),
    tokenForm: (text) => (text.length === LENGTH ? text.toLowerCase() : text),
  };
}

function parseUuid(text: string): Parsed {
  const refusal = refusedAtOnce(text, LENGTH);
  if (refusal !== null) return refusal;
  const normal = text.toLowerCase();
  return VALUE.test(normal) ? { ok: true, normal } : refused('malformed');
}

const SPACE: Space = {
  bucket: 'uuid',
  size: SIZE,
  at: (index) => {
    if (index < 0n || index >= SIZE) throw new RangeError('the index is outside the token space');
    const before = index >> 74n;
    const middle = (index >> 62n) & 0xfffn;
    const after = index & ((1n << 62n) - 1n);
    const bits = (before << 80n) | (8n << 76n) | (middle << 64n) | (2n << 62n) | after;
    const hex = bits.toString(16).padStart(32, '0');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  },
};
