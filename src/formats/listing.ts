import { z } from 'zod';
import { FORMAT_NAMES, type FormatName, type FormatOptions, bindOptions, formats } from './catalogue.ts';

/** What `strongroom formats` and docs/formats.md say of a format. */
export interface Listing {
  readonly name: string;
  readonly title: string;
  readonly value: string;
  readonly token: string;
  /** Of the example: whether no token can be a value. */
  readonly disjoint: boolean;
  /** Of the example: whether deterministic tokens want `guessable: accepted`. */
  readonly guessable: boolean;
  /** Of the example: tokens in the smallest bucket, in decimal. */
  readonly smallest: { readonly tokens: string; readonly of: string };
  readonly example: {
    /** The collection's lines in strongroom.yaml, as JSON has them. */
    readonly collection: object;
    readonly value: string;
    readonly source: string;
    readonly token: string;
    readonly mask: string;
  };
  readonly keys: readonly {
    readonly key: string;
    readonly unless: unknown;
    readonly meaning: string;
    /** It cannot change once the collection has a value. */
    readonly fixed: boolean;
  }[];
}

// Digits of pi (RFC 2409 takes its primes from there): an index that shows nobody's choice.
const SOMEWHERE = 0x243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89n;
const ENVIRONMENT = 'production';

export const listFormats = (): readonly Listing[] => FORMAT_NAMES.map(listingOf);

function listingOf(name: FormatName): Listing {
  const { title, shape, fixed, about } = formats[name];
  const { options, value, source } = about.example;
  const bound = bindOptions(optionsOf(name, options), { environment: ENVIRONMENT });
  const parsed = bound.parse(value);
  if (!parsed.ok) throw new RangeError(`the example of ${name} is refused: ${parsed.reason}`);
  const space = bound.space(parsed.normal);
  const defaults = optionsOf(name, {});
  const meanings: Readonly<Record<string, string>> = about.keys;
  return {
    name,
    title,
    value: about.value,
    token: about.token,
    disjoint: bound.disjoint,
    guessable: bound.guessable,
    smallest: { tokens: String(bound.smallest.size), of: bound.smallest.what },
    example: {
      collection: { format: name, ...options },
      value,
      source,
      token: space.at(SOMEWHERE % space.size),
      mask: bound.mask(parsed.normal),
    },
    keys: Object.keys(shape).map((key) => ({
      key,
      unless: Reflect.get(defaults, key) as unknown,
      meaning: meanings[key] ?? '',
      fixed: fixed.includes(key),
    })),
  };
}

function optionsOf(name: FormatName, given: object): FormatOptions {
  const { shape }: { shape: z.ZodRawShape } = formats[name];
  // What a format's own shape gives are its options.
  return z
    .strictObject({ format: z.literal(name), ...shape })
    .parse({ format: name, ...given }) as FormatOptions;
}
