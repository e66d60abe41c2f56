import { refusal } from './cli/refusal.ts';
import { problemAt } from './config/problem.ts';
import type { Config } from './config/settings.ts';
import type { Caller } from './vault/call.ts';
import type { Vault } from './vault/vault.ts';

/** What taking a policy needs. */
export interface TakingPolicy {
  readonly vault: Vault;
  readonly caller: Caller;
  /** The file, by the name that its operator gave. */
  readonly path: string;
  readonly config: Config;
  readonly say: (sentence: string) => void;
}

/**
 * Makes the file's policy the active one, and says what it takes away.
 * @returns its number
 * @throws CommandRefused with every problem of it
 */
export async function takePolicy({ vault, caller, path, config, say }: TakingPolicy): Promise<number> {
  const applied = await vault.applyPolicy(caller, config.policy);
  if ('problems' in applied) {
    throw refusal(
      path,
      applied.problems.map(({ path: at, problem }) => problemAt(at, problem, config.lineOf)),
    );
  }
  if (!applied.applied) return applied.number;
  for (const name of applied.closed)
    say(`The policy no longer has the collection ${name}: it is closed, and nothing of it is lost.`);
  for (const { from, to } of applied.renamed)
    say(`The collection ${from} is now called ${to}: grants that name ${from} no longer reach it.`);
  for (const { role, clients } of applied.roles)
    say(`The policy no longer has the role ${role}: it grants nothing to the ${clients} that hold it.`);
  return applied.number;
}
