import type { z } from 'zod';
import type { BoundFormat, Format, Parsed, Space } from './format.ts';

// Of UTF-8, not characters: what is sealed and stored is bytes.
const MOST_BYTES = 4096;
const ENVIRONMENT = /^[a-z0-9-]{1,32}$/;

// The Bitcoin alphabet: no 0, O, I or l. 58^22 is the first power above 2^128.
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const DRAWN = 22;
const DRAWN_CHARACTERS = new RegExp(`^[${BASE58}]{${DRAWN}}$`);
const SIZE = 58n ** BigInt(DRAWN);

const textShape = {} satisfies z.ZodRawShape;

/** A text collection has no options of its own. */
export type TextOptions = object;

/**
 * Any Unicode text of 1 to 4096 bytes of UTF-8, which comes back byte for byte: nothing is trimmed or composed.
 * A token is `tok_<environment>_` and 22 base58 characters. Not disjoint, since a value may look like anything:
 * the caller of `space` must skip an index that gives the value itself.
 */
export const text: Format<TextOptions, typeof textShape> = {
  name: 'text',
  title: 'Text',
  normalisation: 1,
  shape: textShape,
  fixed: [],
  about: {
    value: '1 to 4,096 bytes of any Unicode text, given back byte for byte.',
    token:
      "`tok_`, the vault's environment, `_` and 22 letters or digits (base58). A value may look like one, so that the two are not told apart by their shape.",
    keys: {},
    example: { options: {}, value: 'Grüße aus Köln', source: 'made up' },
  },
  bind: (_options, { environment }) => bindText(environment),
  problems: () => [],
};

function bindText(environment: string): BoundFormat {
  if (!ENVIRONMENT.test(environment)) {
    throw new RangeError('an environment is 1 to 32 of a-z, 0-9 and -');
  }
  const prefix = `tok_${environment}_`;
  const space: Space = { bucket: 'text', size: SIZE, at: (index) => prefix + base58(index) };
  return {
    name: 'text',
    disjoint: false,
    guessable: false,
    smallest: { size: SIZE, what: `${DRAWN} base58 characters` },
    parse: parseText,
    space: () => space,
    // Constant: the length of a credential is a clue to what it is.
    mask: () => '********',
    isToken: (given) =>
      given.length === prefix.length + DRAWN &&
      given.startsWith(prefix) &&
      DRAWN_CHARACTERS.test(given.slice(prefix.length)),
    tokenForm: (given) => given,
  };
}

function parseText(given: string): Parsed {
  if (given === '') return { ok: false, reason: 'empty' };
  // No UTF-16 unit is under one byte, so that most of what is too long is refused without encoding it.
  if (given.length > MOST_BYTES) return { ok: false, reason: 'too_long' };
  if (/\p{Surrogate}/u.test(given)) return { ok: false, reason: 'not_text' };
  if (new TextEncoder().encode(given).length > MOST_BYTES) return { ok: false, reason: 'too_long' };
  return { ok: true, normal: given };
}

function base58(index: bigint): string {
  if (index < 0n || index >= SIZE) throw new RangeError('the index is outside the token space');
  let drawn = '';
  for (let rest = index; drawn.length < DRAWN; rest /= 58n) drawn = BASE58.charAt(Number(rest % 58n)) + drawn;
  return drawn;
}
