import type { z } from 'zod';

/** Why a text is not a value. Constant words: a reason never quotes what was given. */
export type Reason =
  | 'not_text' // holds a lone surrogate, so it has no UTF-8 form
  | 'empty'
  | 'too_long' // longer than any value of the format in any spelling
  | 'malformed'
  | 'length' // well formed, of a length that the collection does not accept
  | 'checksum'
  | 'sensitive'; // holds what may not be kept at all: a track, a card verification code

export type Parsed =
  | { readonly ok: true; readonly normal: string }
  | { readonly ok: false; readonly reason: Reason };

/**
 * The tokens that can stand in for one value.
 * `bucket` names the set and holds the kept characters, so it is as private as a truncated value.
 * `at` is a bijection from [0, size) to distinct tokens, and throws RangeError outside it. Where the format is
 * not disjoint one index may give the value itself, and the caller must skip it.
 */
export interface Space {
  readonly bucket: string;
  readonly size: bigint;
  at(index: bigint): string;
}

/** A bucket's size, in tokens, and which bucket it is, in words: `15 digits keeping 6 + 4`. */
export interface Smallest {
  readonly size: bigint;
  readonly what: string;
  /** What would make it larger, in words, where that is not to keep less or to accept longer values; null: nothing. */
  readonly roomier?: string | null;
}

/** A format with one collection's options. Pure: the same arguments give the same answer, always. */
export interface BoundFormat {
  readonly name: string;
  /** No token can be a value. */
  readonly disjoint: boolean;
  /** A bucket has so few values that a caller who can tokenise can search them. */
  readonly guessable: boolean;
  /** The smallest bucket over every accepted length. */
  readonly smallest: Smallest;
  parse(text: string): Parsed;
  /** The argument is a normal form that `parse` gave. */
  space(normal: string): Space;
  /** Shows at most half of the value. The argument is a normal form that `parse` gave. */
  mask(normal: string): string;
  /** The text has the shape of a token of this collection; bounded work, no store. */
  isToken(text: string): boolean;
  /** A token as callers may write it, in the spelling that `isToken` and the store know. */
  tokenForm(text: string): string;
}

/** What cannot work in a collection's options, and what would. `path` is relative to the collection. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly problem: string;
  readonly instead: string;
}

/** A format in words, for `strongroom formats` and docs/formats.md. */
export interface About<Key extends string = string> {
  /** What is accepted, and what the normal form is. */
  readonly value: string;
  /** What a token looks like, and why none can be a value; or that one can. */
  readonly token: string;
  /** What each key of the shape means. */
  readonly keys: { readonly [K in Key]: string };
  /** A published value, which is nobody's, and options under which it has a token. */
  readonly example: { readonly options: object; readonly value: string; readonly source: string };
}

export interface Format<Options, Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  /** Version of the normal form, bound into every fingerprint: to raise it is to lose every match. */
  readonly normalisation: number;
  /** The keys that a collection of this format adds to the common ones in strongroom.yaml. */
  readonly shape: Shape;
  /** Options that cannot change once the collection has a value. */
  readonly fixed: readonly string[];
  readonly about: About<keyof Shape & string>;
  /** Ask `problems` first: options with problems bind to a format that may have no tokens. */
  bind(options: Options, where: { readonly environment: string }): BoundFormat;
  problems(options: Options): readonly Problem[];
}
