import type { z } from 'zod';
import { DIGITS, drawAt, sizeOf } from './drawn.ts';
import { endsShape, maskEnds, maskProblems } from './ends.ts';
import type { BoundFormat, Format, Parsed, Space } from './format.ts';
import { LONGEST_GROUPED, refused, refusedAtOnce, ungrouped } from './refused.ts';

const abaShape = {
  mask: endsShape({ first: 4, last: 4 }, { first: 0, last: 4 }),
} satisfies z.ZodRawShape;

type AbaOptions = z.output<z.ZodObject<typeof abaShape>>;

// ABA Routing Number Policy: 00 is the government's, 01-12, 21-32 and 61-72 the Federal Reserve districts', 80
// traveller's cheques'. Nothing begins with any other pair.
const ASSIGNED = /^(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)/;
const UNASSIGNED: readonly string[] = Array.from({ length: 100 }, (_, i) =>
  String(i).padStart(2, '0'),
).filter((pair) => !ASSIGNED.test(pair));

const WEIGHTS = [3, 7, 1, 3, 7, 1, 3, 7, 1];
const weighted = (digits: string): number =>
  WEIGHTS.reduce((sum, weight, at) => sum + weight * Number(digits.charAt(at)), 0) % 10;

// Six digits, and by how much the last one misses the check digit.
const PLACES = [DIGITS, DIGITS, DIGITS, DIGITS, DIGITS, DIGITS, DIGITS.slice(1)];
const PER_PAIR = sizeOf(PLACES);
const SIZE = BigInt(UNASSIGNED.length) * PER_PAIR;

/**
 * ABA routing transit numbers: 9 digits of an assigned range whose weighted sum is a multiple of ten. A token begins
 * with a pair that is never assigned and fails the check too, for those who only check that.
 */
export const abaRouting: Format<AbaOptions, typeof abaShape> = {
  name: 'aba-routing',
  title: 'ABA routing number (United States)',
  normalisation: 1,
  shape: abaShape,
  fixed: [],
  about: {
    value:
      '9 digits that begin with 00 to 12, 21 to 32, 61 to 72 or 80 and pass the check (weights 3, 7, 1). Single spaces and dashes are taken out.',
    token:
      '9 digits that begin with none of these pairs and fail the check. No token is a value. Nothing of the value is kept: real routing numbers are few, and public.',
    keys: { mask: 'digits that a mask shows: at most half' },
    example: { options: {}, value: '011000015', source: 'the Federal Reserve Bank of Boston' },
  },
  bind: bindAba,
  problems: ({ mask }) => maskProblems(mask, 9),
};

function bindAba({ mask }: AbaOptions): BoundFormat {
  return {
    name: 'aba-routing',
    disjoint: true,
    guessable: true,
    smallest: { size: SIZE, what: '9 digits that are never assigned', roomier: null },
    parse: parseAba,
    space: () => SPACE,
    mask: (normal) => maskEnds(normal, mask),
    isToken: (text) => /^[0-9]{9}$/.test(text) && !ASSIGNED.test(text) && weighted(text) !== 0,
    tokenForm: ungrouped,
  };
}

function parseAba(text: string): Parsed {
  const refusal = refusedAtOnce(text, LONGEST_GROUPED);
  if (refusal !== null) return refusal;
  const normal = ungrouped(text);
  if (!/^[0-9]{9}$/.test(normal) || !ASSIGNED.test(normal)) return refused('malformed');
  return weighted(normal) === 0 ? { ok: true, normal } : refused('checksum');
}

const SPACE: Space = {
  bucket: 'aba',
  size: SIZE,
  at: (index) => {
    const pair = UNASSIGNED[Number(index / PER_PAIR)];
    if (index < 0n || pair === undefined) throw new RangeError('the index is outside the token space');
    const drawn = drawAt(PLACES, index % PER_PAIR);
    const body = pair + drawn.slice(0, 6);
    // The last digit has weight 1.
    const passing = (10 - weighted(`${body}0`)) % 10;
    return `${body}${(passing + Number(drawn.slice(6))) % 10}`;
  },
};
