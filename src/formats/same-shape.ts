import { classOf, DIGITS, drawAt, patternOf, sizeOf } from './drawn.ts';
import { type Ends, maskEnds } from './ends.ts';
import type { About, BoundFormat, Format, Parsed, Space } from './format.ts';
import { luhnDigit, luhnSum, luhnValid } from './luhn.ts';
import { LONGEST_GROUPED, refused, refusedAtOnce, ungrouped } from './refused.ts';
import {
  type Bounds,
  FEWEST,
  isCardLength,
  type SameShapeKeys,
  sameShapeKeys,
  type SameShapeOptions,
  sameShapeProblems,
  sameShapeSmallest,
} from './same-shape-options.ts';

/** Formats whose values have no check of their own, so that a token has the shape of a value and could be one. */
interface Kind extends Bounds {
  readonly name: string;
  readonly title: string;
  /** What a normal form is made of. */
  readonly characters: RegExp;
  /** Single spaces and dashes between digits are not part of the value. */
  readonly grouped: boolean;
  readonly about: About<keyof SameShapeKeys>;
}

// Values are no more random than this says, and mostly less.
const SEARCHABLE = 1n << 64n;

export function sameShape(kind: Kind): Format<SameShapeOptions, SameShapeKeys> {
  const { name, title, about } = kind;
  return {
    name,
    title,
    normalisation: 1,
    shape: sameShapeKeys(kind),
    fixed: ['keep'],
    about,
    bind: (options) => bindSameShape(kind, options),
    problems: (options) => sameShapeProblems(kind, options),
  };
}

function bindSameShape(kind: Kind, options: SameShapeOptions): BoundFormat {
  const smallest = sameShapeSmallest(options);
  return {
    name: kind.name,
    disjoint: false,
    guessable: smallest.size < SEARCHABLE,
    smallest,
    parse: (text) => parse(kind, options, text),
    space: (normal) => space(options.keep, normal),
    mask: (normal) => maskEnds(normal, options.mask),
    isToken: (text) =>
      text.length >= FEWEST &&
      text.length <= kind.longest &&
      kind.characters.test(text) &&
      !(isCardNumber(text) && luhnValid(text)),
    tokenForm: kind.grouped ? ungrouped : (text) => text,
  };
}

const isCardNumber = (text: string): boolean => isCardLength(text.length) && /^[0-9]+$/.test(text);

function parse({ characters, grouped, longest }: Kind, { lengths }: SameShapeOptions, text: string): Parsed {
  const refusal = refusedAtOnce(text, grouped ? LONGEST_GROUPED : longest);
  if (refusal !== null) return refusal;
  const normal = grouped ? ungrouped(text) : text;
  if (!characters.test(normal)) return refused('malformed');
  if (normal.length < lengths.min || normal.length > lengths.max) return refused('length');
  return { ok: true, normal };
}

/**
 * Each drawn place has the class of the value's own character. A value too short for five places has a token of five.
 * Digits as many as a card's fail the Luhn check, so that no token is taken for a card.
 */
function space({ first, last }: Ends, normal: string): Space {
  const shaped = normal.padEnd(FEWEST, '0');
  const places = Array.from(shaped, (character, place) =>
    place < first || place >= shaped.length - last ? character : classOf(character),
  );
  const free = shaped.length - last - 1;
  const failing = isCardNumber(shaped);
  if (failing) places[free] = DIGITS.slice(1);
  const bucket = patternOf(places);

  function at(index: bigint): string {
    const drawn = drawAt(places, index);
    if (!failing) return drawn;
    const [before, after] = [drawn.slice(0, free), drawn.slice(free + 1)];
    const passing = luhnDigit(luhnSum(`${before}0${after}`), after.length);
    return `${before}${(passing + Number(drawn.charAt(free))) % 10}${after}`;
  }

  return { bucket, size: sizeOf(places), at };
}
