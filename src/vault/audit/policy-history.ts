import { z } from 'zod';
import { policyHash } from '../policy/policy-hash.ts';
import { nameAll } from '../policy/rename.ts';
import type { AuthoritySnapshot } from '../store.ts';
import type { Find } from './against.ts';

const namedShape = z.looseObject({
  collections: z.record(z.string(), z.looseObject({ formerly: z.array(z.string()).default([]) })),
});

/** What the log says of policies: each version's text, and through the texts the name of every collection. */
export class PolicyHistory {
  /** By number. */
  readonly #hashes = new Map<number, string>();

  /** Takes in what one event of an applied policy says. */
  read({ number, hash }: { readonly number?: number | undefined; readonly hash?: string | undefined }): void {
    this.#hashes.set(number ?? -1, hash ?? '');
  }

  /** Holds versions against the events that made them, and collections against what the versions called them. */
  reconcile(
    { policies, collections }: Pick<AuthoritySnapshot, 'policies' | 'collections'>,
    find: Find,
  ): void {
    const stored = policies.toSorted((a, b) => a.number - b.number);
    const isWhole =
      stored.length === this.#hashes.size &&
      stored.every(({ number, text }) => this.#hashes.get(number) === policyHash(text));
    if (!isWhole) return find('policies', 'versions are not those that were applied');
    const names = namesAfter(stored.map(({ text }) => text));
    const called = new Set(collections.map(({ name }) => name));
    if (collections.length !== names.size || [...names].some((name) => !called.has(name)))
      find('collections', 'names are not those that the policies gave');
  }
}

/** The names of all collections once these policies were applied, one after another. */
function namesAfter(texts: readonly string[]): ReadonlySet<string> {
  let names: ReadonlySet<string> = new Set();
  for (const text of texts) {
    const { collections } = namedShape.parse(JSON.parse(text));
    const { taken } = nameAll(collections, names);
    const left = [...taken].filter(([name, stored]) => name !== stored).map(([, stored]) => stored);
    const kept = [...names].filter((name) => !left.includes(name));
    names = new Set([...kept, ...Object.keys(collections)]);
  }
  return names;
}
