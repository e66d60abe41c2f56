import { parse } from 'yaml';
import type { TestVault } from '../../harness.ts';

/** Policies as files have them, and what a vault makes of them. */

export const policyOf = (yaml: string): Record<string, unknown> => parse(yaml) as Record<string, unknown>;

/** Applies a policy as the host does. */
export const apply = ({ host }: TestVault, yaml: string) => host.policy.apply({ policy: policyOf(yaml) });

const diff = ({ host }: TestVault, yaml: string) => host.policy.diff({ policy: policyOf(yaml) });

/** What a diff says in one line each, for comparing. */
export async function told(open: TestVault, yaml: string) {
  const { changes, access, idle, problems } = await diff(open, yaml);
  return {
    changes: changes.map(({ what, name, change, option, from, to, fixed }) =>
      [what, name, change, option, from, to, fixed === true ? 'fixed' : undefined]
        .filter((part) => part !== undefined)
        .join(' '),
    ),
    access: access.map(({ name, change, action, collection, purpose }) =>
      [name, change, action, collection, purpose].filter((part) => part !== undefined).join(' '),
    ),
    idle: idle.map(({ name, grant }) => `${name} ${grant}`),
    problems: problems.map(({ path, problem }) => `${path.join('.')}: ${problem}`),
  };
}
