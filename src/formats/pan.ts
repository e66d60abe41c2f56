import type { BoundFormat, Format, Parsed, Space } from './format.ts';
import { luhnDigit, luhnSum, luhnValid } from './luhn.ts';
import {
  LONGEST,
  type PanOptions,
  panProblems,
  panShape,
  panSmallest,
  panTokens,
  SHORTEST,
} from './pan-options.ts';
import { holdsSensitiveData } from './sensitive-data.ts';

// Longer than any card number in any grouping, and long enough to tell a track from noise.
const LONGEST_TEXT = 128;
const DIGITS_IN_GROUPS = /^[0-9](?:[ -]?[0-9])*$/;
const TOKEN = new RegExp(`^[0-9]{${SHORTEST},${LONGEST}}$`);

/**
 * Payment card numbers (ISO/IEC 7812-1): 12 to 19 ASCII digits that pass the Luhn check, with single spaces or
 * dashes between them; the normal form is the digits. A token has the value's length and kept digits, and either
 * fails the Luhn check, so that it is no card, or passes it (`luhn: valid`): then one index of each `space` is
 * the value itself, and the caller must skip it.
 */
export const pan: Format<PanOptions, typeof panShape> = {
  name: 'pan',
  title: 'Payment card number',
  normalisation: 1,
  shape: panShape,
  fixed: ['keep', 'luhn'],
  about: {
    value:
      '12 to 19 digits that pass the Luhn check. Single spaces and dashes between them are taken out. A track or a card verification code with it is refused.',
    token:
      "As many digits as the value, with the digits kept that the policy says. It fails the Luhn check, so that no token is a card; with `luhn: valid` it passes, and could be somebody's.",
    keys: {
      lengths: 'digits that are accepted, both included',
      keep: 'digits that a token shares with its value: at most 8 and 4',
      luhn: '`invalid`: no token passes the Luhn check, so none can be taken for a card. `valid`: every token does',
      mask: 'digits that a mask shows: at most half of the shortest value',
      payable: "`accepted`: said out loud with `luhn: valid`, where a token could be somebody's card",
    },
    example: {
      options: { lengths: { min: 15, max: 19 } },
      value: '4111 1111 1111 1111',
      source: 'published by card schemes and acquirers for testing',
    },
  },
  bind: bindPan,
  problems: panProblems,
};

function bindPan(options: PanOptions): BoundFormat {
  return {
    name: 'pan',
    disjoint: options.luhn === 'invalid',
    guessable: true,
    smallest: panSmallest(options),
    parse: (text) => parsePan(options, text),
    space: (normal) => panSpace(options, normal),
    mask: (normal) => maskPan(options, normal),
    // Every length, not only those accepted now: `lengths` may have been narrowed after tokens were issued.
    isToken: (text) => TOKEN.test(text) && luhnValid(text) === (options.luhn === 'valid'),
    tokenForm: ungrouped,
  };
}

function parsePan({ lengths }: PanOptions, text: string): Parsed {
  if (text === '') return { ok: false, reason: 'empty' };
  if (text.length > LONGEST_TEXT) return { ok: false, reason: 'too_long' };
  if (/\p{Surrogate}/u.test(text)) return { ok: false, reason: 'not_text' };
  if (holdsSensitiveData(text)) return { ok: false, reason: 'sensitive' };
  if (!DIGITS_IN_GROUPS.test(text)) return { ok: false, reason: 'malformed' };
  const normal = ungrouped(text);
  if (normal.length < lengths.min || normal.length > lengths.max) return { ok: false, reason: 'length' };
  if (!luhnValid(normal)) return { ok: false, reason: 'checksum' };
  return { ok: true, normal };
}

function ungrouped(text: string): string {
  if (text.length > LONGEST_TEXT || !DIGITS_IN_GROUPS.test(text)) return text;
  return text.replace(/[ -]/g, '');
}

function panSpace(options: PanOptions, normal: string): Space {
  const { keep, luhn } = options;
  const first = normal.slice(0, keep.first);
  const last = normal.slice(normal.length - keep.last);
  const open = normal.length - keep.first - keep.last - 1;
  const size = panTokens(options, normal.length);
  // Each choice of the open digits has one last free digit that passes the Luhn check and nine that fail it.
  const choices = luhn === 'invalid' ? 9n : 1n;

  function at(index: bigint): string {
    if (index < 0n || index >= size) throw new RangeError('the index is outside the token space');
    const body = open === 0 ? '' : (index / choices).toString().padStart(open, '0');
    const passing = luhnDigit(luhnSum(`${first}${body}0${last}`), last.length);
    const digit = luhn === 'invalid' ? (passing + 1 + Number(index % choices)) % 10 : passing;
    return `${first}${body}${digit}${last}`;
  }

  return { bucket: `${normal.length}:${first}:${last}`, size, at };
}

function maskPan({ mask }: PanOptions, normal: string): string {
  const hidden = normal.length - mask.first - mask.last;
  // A value kept before `lengths.min` was raised may be shorter than the mask was checked for: hide it whole.
  if (hidden * 2 < normal.length) return '*'.repeat(normal.length);
  return normal.slice(0, mask.first) + '*'.repeat(hidden) + normal.slice(normal.length - mask.last);
}
