import { maskEnds } from './ends.ts';
import type { BoundFormat, Format, Parsed } from './format.ts';
import { hasUnissuedCheck, ibanRemainder } from './iban-check.ts';
import { IBAN_COUNTRIES } from './iban-countries.ts';
import { type IbanOptions, ibanProblems, ibanShape } from './iban-options.ts';
import { ibanSmallest, ibanSpace } from './iban-space.ts';
import { refused, refusedAtOnce } from './refused.ts';

// 34 characters at most (ISO 13616), in any grouping.
const LONGEST_TEXT = 80;
const WRITTEN = /^[A-Za-z0-9](?:[ -]?[A-Za-z0-9])*$/;
const NORMAL = /^[A-Z]{2}[0-9]{2}[A-Z0-9]+$/;

/**
 * International bank account numbers (ISO 13616) of every country, in any case and grouping; the normal form is in upper
 * case without separators. A token is an IBAN of the same country, length and structure. Its check digits are ones that
 * no bank gives, which pass plain mod 97, or the right ones (`checkDigits: issuable`): then one index of each `space`
 * may give the value itself, and the caller must skip it. National checks inside a BBAN are neither asked nor kept.
 */
export const iban: Format<IbanOptions, typeof ibanShape> = {
  name: 'iban',
  title: 'International bank account number',
  normalisation: 1,
  shape: ibanShape,
  fixed: ['bankCode', 'checkDigits'],
  about: {
    value: `An IBAN with its country's length and structure (${IBAN_COUNTRIES.size} countries) that passes mod 97, in any case. Single spaces and dashes are taken out, letters written in upper case.`,
    token:
      'An IBAN of the same country, length and structure. Its check digits are 00, 01 or 99: they pass plain mod 97 and no bank gives them, so that no token is a value; stricter validators refuse them. With `checkDigits: issuable` they are the right ones, and a token could be an account.',
    keys: {
      countries:
        'a list of countries, as `[DE, FR]`, whose IBANs alone are accepted; every country unless said',
      bankCode: "`kept`: a token has the value's bank code; `drawn`: one that is drawn like the rest",
      checkDigits: '`unissued`: no token can be an account. `issuable`: tokens have the check digits of one',
      mask: 'characters that a mask shows: at most half of the shortest value',
      payable:
        "`accepted`: said out loud with `checkDigits: issuable`, where a token could be somebody's account",
    },
    example: {
      options: { bankCode: 'kept' },
      value: 'GB29 NWBK 6016 1331 9268 19',
      source: 'the SWIFT IBAN registry',
    },
  },
  bind: bindIban,
  problems: ibanProblems,
};

function bindIban(options: IbanOptions): BoundFormat {
  const unissued = options.checkDigits === 'unissued';
  return {
    name: 'iban',
    disjoint: unissued,
    guessable: true,
    smallest: ibanSmallest(options),
    parse: (text) => parseIban(options, text),
    space: (normal) => ibanSpace(options, normal),
    mask: (normal) => maskEnds(normal, options.mask),
    // Every country, not only those accepted now: `countries` may have been narrowed after tokens were issued.
    isToken: (text) => faultOf(text) === null && hasUnissuedCheck(text) === unissued,
    tokenForm: bare,
  };
}

/** In upper case without separators; any other text as it is. */
const bare = (text: string): string =>
  text.length <= LONGEST_TEXT && WRITTEN.test(text) ? text.replaceAll(/[ -]/g, '').toUpperCase() : text;

/** Why a normal form is no IBAN under plain mod 97, or null. */
function faultOf(normal: string): 'malformed' | 'length' | 'checksum' | null {
  const country = IBAN_COUNTRIES.get(normal.slice(0, 2));
  if (country === undefined || !NORMAL.test(normal)) return 'malformed';
  if (normal.length !== 4 + country.kinds.length) return 'length';
  if (!country.bban.test(normal.slice(4))) return 'malformed';
  return ibanRemainder(normal) === 1 ? null : 'checksum';
}

function parseIban({ countries }: IbanOptions, text: string): Parsed {
  const refusal = refusedAtOnce(text, LONGEST_TEXT);
  if (refusal !== null) return refusal;
  const normal = bare(text);
  const fault = faultOf(normal);
  if (fault !== null) return refused(fault);
  if (hasUnissuedCheck(normal)) return refused('checksum');
  if (countries !== null && !countries.includes(normal.slice(0, 2))) return refused('malformed');
  return { ok: true, normal };
}
