import { changeLines } from './cli/policy-words.ts';
import { lineOf } from './cli/refusal.ts';
import { VaultError } from './vault/error.ts';
import type { Difference } from './vault/policy/difference.ts';
import type { Policy } from './vault/policy/policy.ts';
import { StoreFailure } from './vault/store.ts';
import type { Vault } from './vault/vault.ts';

/**
 * A vault whose readiness also asks that the policy of this process's file is the active one: where many processes serve
 * one store, none of them makes its file the policy of all.
 * @param tell told of a difference once for each policy that is active meanwhile
 */
export function agreeing(vault: Vault, policy: Policy, tell: (difference: Difference) => void): Vault {
  let told: number | null = null;
  async function agreement(): Promise<string | null> {
    const difference = await vault.difference(policy);
    const { number, same } = difference;
    if (!same && told !== number) tell(difference);
    told = same ? null : number;
    return same ? null : `policy ${number} is active, and the file of this process says another`;
  }
  return { ...vault, ready: async () => (await vault.ready()) ?? agreement().catch(unread) };
}

function unread(error: unknown): string {
  if (error instanceof VaultError || error instanceof StoreFailure) return error.message;
  throw error;
}

/** What a file says otherwise than the active policy, a line for each thing. */
export const differenceLines = ({ changes, problems, more }: Difference): string[] => [
  ...changeLines(changes),
  ...problems.map(({ path, problem }) => lineOf({ line: null, path: path.join('.'), problem })),
  ...(changes.length + problems.length === 0 ? ['the text alone differs'] : []),
  ...(more === 0 ? [] : [`and ${more} more`]),
];
