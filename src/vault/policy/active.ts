import { formats } from '../../formats/catalogue.ts';
import type { BoundFormat } from '../../formats/format.ts';
import type { CollectionRow } from '../rows.ts';
import { type Basis, bindFormat, type Policy, rolesOf, shapeOf } from './policy.ts';
import { type Demand, demandOf } from './demand.ts';
import { parseDuration } from './duration.ts';
import type { Grant } from './grant.ts';
import { type Printing, printsOf } from './shape.ts';

/** A collection that is open: the policy names it, and its row says what was fixed. */
export interface Collection {
  readonly id: string;
  readonly name: string;
  readonly format: BoundFormat;
  readonly deterministic: boolean;
  readonly printing: Printing;
  /** How long an earlier version stays readable, in milliseconds; null where a replacement destroys it. */
  readonly overlap: number | null;
  readonly purposes: ReadonlySet<string>;
}

/** Which policy it is. */
interface Version {
  readonly number: number;
  readonly text: string;
  /** When it was applied, in milliseconds; null for none that was. */
  readonly at: number | null;
}

/** The policy of one epoch. */
export interface ActivePolicy extends Version {
  readonly policy: Policy;
  /** The collections that are open. */
  readonly collections: ReadonlyMap<string, Collection>;
  readonly bases: ReadonlyMap<string, Basis>;
  readonly roles: ReadonlyMap<string, readonly Grant[]>;
  /** What it asks of anchors before anything of a value is shown; null where it asks nothing. */
  readonly demand: Demand | null;
}

/**
 * Joins a policy with the collections' rows. A collection without a row, or whose fixed shape differs, is closed:
 * it is left out, which refuses it.
 */
export function activePolicy(
  { number, text, at }: Version,
  policy: Policy,
  rows: readonly CollectionRow[],
  environment: string,
): ActivePolicy {
  const byName = new Map(rows.map((row) => [row.name, row]));
  const collections = new Map<string, Collection>();
  for (const [name, options] of Object.entries(policy.collections)) {
    const row = byName.get(name);
    if (row === undefined || row.shape !== shapeOf(options)) continue;
    const { format, tokens, lookup, overlap } = options;
    collections.set(name, {
      id: row.id,
      name,
      format: bindFormat(options, environment),
      deterministic: tokens === 'deterministic',
      printing: {
        id: row.id,
        format,
        normalisation: formats[format].normalisation,
        prints: printsOf(tokens, lookup),
      },
      overlap: overlap === null ? null : parseDuration(overlap),
      purposes: new Set(options.purposes),
    });
  }
  const bases = new Map(Object.entries(policy.purposes).map(([name, { basis }]) => [name, basis]));
  return { number, text, at, policy, collections, bases, roles: rolesOf(policy), demand: demandOf(policy) };
}
