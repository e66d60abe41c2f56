import type { z } from 'zod';
import { DIGITS, drawAt, sizeOf } from './drawn.ts';
import { endsShape, maskEnds, maskProblems } from './ends.ts';
import type { BoundFormat, Format, Parsed, Space } from './format.ts';
import { LONGEST_GROUPED, refused, refusedAtOnce, ungrouped } from './refused.ts';

const ssnShape = {
  mask: endsShape({ first: 0, last: 4 }, { first: 0, last: 4 }),
} satisfies z.ZodRawShape;

type SsnOptions = z.output<z.ZodObject<typeof ssnShape>>;

// 20 CFR 422.103 and SSA's randomization notice: no area 000, 666 or 900 to 999, no group 00, no serial 0000.
const ISSUABLE = /^(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}$/;

// The IRS gives out numbers that begin with 9: ITINs have 50-65, 70-88, 90-92 and 94-99 in the middle, ATINs 93,
// and its own temporary numbers (IRSN) 01-10, 17-19, 28-29 and 37-39. These are the others.
const UNUSED_MIDDLES = pairs([0, 0], [11, 16], [20, 27], [30, 36], [40, 49], [66, 69], [89, 89]);
const ANY_MIDDLE = pairs([0, 99]);
const SERIAL = [DIGITS, DIGITS, DIGITS, DIGITS];

/** What a token can begin with: area and middle of numbers that neither SSA nor IRS gives out. */
const STARTS: readonly string[] = [
  ...['000', '666'].flatMap((area) => ANY_MIDDLE.map((middle) => area + middle)),
  ...Array.from({ length: 100 }, (_, i) => `9${String(i).padStart(2, '0')}`).flatMap((area) =>
    UNUSED_MIDDLES.map((middle) => area + middle),
  ),
];
const IS_START: ReadonlySet<string> = new Set(STARTS);
const SERIALS = sizeOf(SERIAL);
const SIZE = BigInt(STARTS.length) * SERIALS;

function pairs(...ranges: readonly (readonly [number, number])[]): string[] {
  return ranges.flatMap(([low, high]) =>
    Array.from({ length: high - low + 1 }, (_, i) => String(low + i).padStart(2, '0')),
  );
}

/**
 * United States social security numbers: 9 digits, dashes and spaces ignored. A token has an area that is never
 * issued, and is none of the IRS's numbers either. Nothing of the value is kept: the last four digits would leave
 * fewer than 6,000 tokens.
 */
export const ssn: Format<SsnOptions, typeof ssnShape> = {
  name: 'ssn',
  title: 'Social security number (United States)',
  normalisation: 1,
  shape: ssnShape,
  fixed: [],
  about: {
    value:
      '9 digits that could be issued: no area 000, 666 or 900 to 999, no group 00, no serial 0000. Single dashes and spaces are taken out. An ITIN is none.',
    token:
      "9 digits of area 000, 666 or 900 to 999, which are never issued, and where the IRS uses 900 to 999 (ITIN, ATIN, IRSN) none of its middle digits. No token is a value, though an employer's number (EIN) may have the same digits. Nothing of the value is kept.",
    keys: { mask: 'digits that a mask shows: at most the last 4' },
    example: {
      options: {},
      value: '219-09-9999',
      source: 'printed by the Social Security Board in a pamphlet of 1940',
    },
  },
  bind: bindSsn,
  problems: ({ mask }) => maskProblems(mask, 9),
};

function bindSsn({ mask }: SsnOptions): BoundFormat {
  return {
    name: 'ssn',
    disjoint: true,
    guessable: true,
    smallest: { size: SIZE, what: '9 digits that are never issued', roomier: null },
    parse: parseSsn,
    space: () => SPACE,
    mask: (normal) => maskEnds(normal, mask),
    isToken: (text) => /^[0-9]{9}$/.test(text) && IS_START.has(text.slice(0, 5)),
    tokenForm: ungrouped,
  };
}

function parseSsn(text: string): Parsed {
  const refusal = refusedAtOnce(text, LONGEST_GROUPED);
  if (refusal !== null) return refusal;
  const normal = ungrouped(text);
  return ISSUABLE.test(normal) ? { ok: true, normal } : refused('malformed');
}

const SPACE: Space = {
  bucket: 'ssn',
  size: SIZE,
  at: (index) => {
    const start = STARTS[Number(index / SERIALS)];
    if (index < 0n || start === undefined) throw new RangeError('the index is outside the token space');
    return start + drawAt(SERIAL, index % SERIALS);
  },
};
