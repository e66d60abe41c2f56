import { z } from 'zod';
import { callingCodeOf, neverAfter } from './calling-codes.ts';
import { DIGITS, drawAt, sizeOf } from './drawn.ts';
import type { BoundFormat, Format, Parsed, Space } from './format.ts';
import { refused, refusedAtOnce } from './refused.ts';

const phoneShape = {
  /** Digits that a mask shows. */
  mask: z.strictObject({ last: z.int().min(0).max(3).default(0) }).default({ last: 2 }),
} satisfies z.ZodRawShape;

type PhoneOptions = z.output<z.ZodObject<typeof phoneShape>>;

// ITU-T E.164 6.2.1: at most 15 digits with the country code. The shortest in use, in Niue, have 7.
const LONGEST = 15;
const SHORTEST = 7;
const LONGEST_TEXT = 40;
const WRITTEN = /^\+[0-9](?:[ .-]?(?:[()][ .-]?)?[0-9])*$/;
/** `+44 (0)20`: the zero is dialled at home only, and no part of the international number. */
const TRUNK_ZERO = /\(0\)/;

// National digits of a token: two with which no number of the country begins, and drawn ones. With eight a bucket,
// which may be a whole country, has room for five million values; where numbers are shorter the token is longer.
const MARK = 2;
const FEWEST = 8;

/**
 * Telephone numbers in international form. The normal form is `+` and the digits. Which numbers a country has in use is
 * not asked: that changes by the month, and a number that was kept must stay the same value. A token has the country
 * code and the length (or ten national digits, if the value has fewer), but begins as no number of that country does.
 */
export const phone: Format<PhoneOptions, typeof phoneShape> = {
  name: 'phone',
  title: 'Telephone number',
  normalisation: 1,
  shape: phoneShape,
  fixed: [],
  about: {
    value:
      '`+`, the code of a country (ITU-T E.164) and the rest, 7 to 15 digits in all. Spaces, dots, dashes and brackets are taken out; `(0)` is refused.',
    token:
      "`+`, the value's country code, two digits with which no number there begins (00 nearly everywhere), and drawn digits up to the value's length, at least 8. No token is a value, and no telephone rings.",
    keys: { mask: 'digits that a mask shows: at most the last 3' },
    example: { options: {}, value: '+44 20 7946 0958', source: "Ofcom's numbers for drama" },
  },
  bind: bindPhone,
  problems: () => [],
};

function bindPhone({ mask }: PhoneOptions): BoundFormat {
  return {
    name: 'phone',
    disjoint: true,
    guessable: true,
    smallest: {
      size: 10n ** BigInt(FEWEST),
      what: `${FEWEST} digits after those that no number has`,
      roomier: null,
    },
    parse: parsePhone,
    space: phoneSpace,
    mask: (normal) =>
      `+${'*'.repeat(normal.length - 1 - mask.last)}${normal.slice(normal.length - mask.last)}`,
    isToken: (text) => {
      const parts = partsOf(text);
      return parts !== null && parts.marked && parts.national.length >= MARK + FEWEST;
    },
    tokenForm: bare,
  };
}

/** Without what people write between the digits; any other text as it is. */
const bare = (text: string): string =>
  text.length <= LONGEST_TEXT && WRITTEN.test(text) && !TRUNK_ZERO.test(text)
    ? text.replaceAll(/[^+0-9]/g, '')
    : text;

function partsOf(normal: string): { code: string; national: string; marked: boolean } | null {
  const code = /^\+[0-9]{7,15}$/.test(normal) ? callingCodeOf(normal.slice(1)) : null;
  if (code === null) return null;
  const national = normal.slice(1 + code.length);
  return { code, national, marked: national.startsWith(neverAfter(code)) };
}

function parsePhone(text: string): Parsed {
  const refusal = refusedAtOnce(text, LONGEST_TEXT);
  if (refusal !== null) return refusal;
  const normal = bare(text);
  if (!/^\+[0-9]+$/.test(normal)) return refused('malformed');
  if (normal.length - 1 < SHORTEST || normal.length - 1 > LONGEST) return refused('length');
  const parts = partsOf(normal);
  return parts === null || parts.marked ? refused('malformed') : { ok: true, normal };
}

function phoneSpace(normal: string): Space {
  const code = callingCodeOf(normal.slice(1)) ?? '';
  const national = Math.max(normal.length - 1 - code.length, MARK + FEWEST);
  const places = Array.from({ length: national - MARK }, () => DIGITS);
  const start = `+${code}${neverAfter(code)}`;
  return {
    bucket: `${code}:${national}`,
    size: sizeOf(places),
    at: (index) => start + drawAt(places, index),
  };
}
