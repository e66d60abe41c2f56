import { z } from 'zod';
import { classOf, drawAt, patternOf, sizeOf } from './drawn.ts';
import { maskProblems } from './ends.ts';
import type { BoundFormat, Format, Parsed, Problem, Smallest, Space } from './format.ts';
import { refused, refusedAtOnce } from './refused.ts';

const SHORTEST = 8;
const LONGEST = 512;
// What leaves 10^5 tokens where all of them are digits.
const FEWEST = 5;

const credentialShape = {
  /** What every value begins with, kept in clear. */
  prefix: z
    .string()
    .refine(
      (prefix) => /^[!-~]{1,32}$/.test(prefix),
      'must be 1 to 32 printable ASCII characters without a space, as sk_live_',
    )
    .nullable()
    .default(null),
  /** Letters and digits that a value has after its prefix, at least. */
  drawn: z
    .int()
    .min(FEWEST)
    .max(LONGEST - 32)
    .default(FEWEST),
  /** Characters that a mask shows. */
  mask: z.strictObject({ last: z.int().min(0).max(4).default(0) }).default({ last: 0 }),
} satisfies z.ZodRawShape;

type CredentialOptions = z.output<z.ZodObject<typeof credentialShape>>;

const PRINTABLE = /^[ -~]+$/;
// A collection of values that a caller can search says `guessable: accepted` where its tokens are deterministic.
const SEARCHABLE = 1n << 64n;

/**
 * API keys, passwords, bearer tokens: 8 to 512 printable ASCII characters, which come back byte for byte. A token has a
 * drawn upper-case letter, lower-case letter or digit where the value has one, and the value's own punctuation, spaces
 * and prefix: all that its bucket says, it shows. Not disjoint: a value may look like anything.
 */
export const credential: Format<CredentialOptions, typeof credentialShape> = {
  name: 'credential',
  title: 'Credential',
  normalisation: 1,
  shape: credentialShape,
  fixed: ['prefix'],
  about: {
    value:
      '8 to 512 printable ASCII characters, given back byte for byte, with at least 5 letters or digits after the prefix: of fewer a token would tell too much. Other text is for `text`.',
    token:
      "As long as the value, with an upper-case letter, a lower-case letter or a digit where the value has one; punctuation, spaces and the prefix are the value's own. It could be another value, as likely as a guess.",
    keys: {
      prefix:
        'what every value begins with, as `sk_live_`: up to 32 characters that tokens keep. A value without it is refused',
      drawn:
        'letters and digits that a value needs after the prefix; each makes the smallest bucket ten times as large. Under 20, deterministic tokens want `guessable: accepted`',
      mask: 'characters that a mask shows after 8 stars: at most the last 4',
    },
    example: {
      options: {},
      value: 'mF_9.B5f-4.1JqM',
      source: 'the example token of RFC 6750',
    },
  },
  bind: bindCredential,
  problems: credentialProblems,
};

function bindCredential(options: CredentialOptions): BoundFormat {
  const { mask } = options;
  const smallest = smallestOf(options);
  return {
    name: 'credential',
    disjoint: false,
    guessable: smallest.size < SEARCHABLE,
    smallest,
    parse: (text) => parseCredential(options, text),
    space: (normal) => credentialSpace(options, normal),
    // The length of a credential is a clue to what it is: the stars are always as many.
    mask: (normal) => `********${normal.slice(normal.length - mask.last)}`,
    // Not `drawn`, which may have been raised after tokens were issued.
    isToken: (text) => parseCredential({ ...options, drawn: FEWEST }, text).ok,
    tokenForm: (text) => text,
  };
}

const smallestOf = ({ drawn }: CredentialOptions): Smallest => ({
  size: 10n ** BigInt(drawn),
  what: `a credential of ${drawn} digits`,
  roomier: 'or ask for more letters and digits with drawn',
});

function parseCredential({ prefix, drawn }: CredentialOptions, text: string): Parsed {
  const refusal = refusedAtOnce(text, LONGEST);
  if (refusal !== null) return refusal;
  if (!PRINTABLE.test(text) || !text.startsWith(prefix ?? '')) return refused('malformed');
  const letters = text.slice(prefix?.length ?? 0).replaceAll(/[^A-Za-z0-9]/g, '');
  return text.length < SHORTEST || letters.length < drawn ? refused('length') : { ok: true, normal: text };
}

function credentialSpace({ prefix }: CredentialOptions, normal: string): Space {
  const kept = prefix?.length ?? 0;
  const places = Array.from(normal, (character, at) => (at < kept ? character : classOf(character)));
  return { bucket: patternOf(places), size: sizeOf(places), at: (index) => drawAt(places, index) };
}

/** A mask hides at least half of what the shortest value has after its prefix, which the policy itself shows. */
function credentialProblems({ prefix, drawn, mask }: CredentialOptions): readonly Problem[] {
  return maskProblems({ first: 0, last: mask.last }, Math.max(drawn, SHORTEST - (prefix?.length ?? 0)));
}
