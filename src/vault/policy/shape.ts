import { z } from 'zod';
import { FORMAT_NAMES, formats } from '../../formats/catalogue.ts';
import type { CollectionRow } from '../rows.ts';

/** What a collection's fingerprints are made of, and where they stand; null where it keeps none. */
export interface Printing {
  readonly id: string;
  readonly format: string;
  /** Version of the format's normal form: part of every fingerprint. */
  readonly normalisation: number;
  readonly prints: 'fingerprints' | 'lookups' | null;
}

const fixed = z.looseObject({
  format: z.enum(FORMAT_NAMES),
  tokens: z.enum(['random', 'deterministic']),
  lookup: z.boolean().default(false),
});

/** What a collection's row says was fixed at its first value, or null if it does not read. */
export function printingOf({ id, shape }: Pick<CollectionRow, 'id' | 'shape'>): Printing | null {
  const read = fixed.safeParse(parse(shape));
  if (!read.success) return null;
  const { format, tokens, lookup } = read.data;
  return { id, format, normalisation: formats[format].normalisation, prints: printsOf(tokens, lookup) };
}

/** Deterministic collections find a value by its one fingerprint; random ones keep any number, if they are asked to. */
export function printsOf(tokens: 'random' | 'deterministic', lookup: boolean): Printing['prints'] {
  if (tokens === 'deterministic') return 'fingerprints';
  return lookup ? 'lookups' : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
