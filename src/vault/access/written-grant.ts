import type { ActivePolicy } from '../policy/active.ts';
import {
  aKind,
  emptyGrant,
  type Grant,
  type Kind,
  kindMayHold,
  parseGrant,
  roleOf,
} from '../policy/grant.ts';

/** The grants behind one written grant: itself, or its role's. A role that the policy no longer has grants nothing. */
export function expand(text: string, roles: ReadonlyMap<string, readonly Grant[]>): readonly Grant[] {
  const role = roleOf(text);
  if (role !== null) return roles.get(role) ?? [];
  const grant = parseGrant(text);
  return typeof grant === 'string' ? [] : [grant];
}

/** Whether a client of this kind may be given what is written; a sentence if not. */
export function grantFault(
  text: string,
  kind: Kind,
  roles: ReadonlyMap<string, readonly Grant[]>,
): string | null {
  const role = roleOf(text);
  if (role !== null && !roles.has(role)) return 'the policy has no such role';
  const grant = role === null ? parseGrant(text) : null;
  if (typeof grant === 'string') return grant;
  const misplaced = expand(text, roles).find((one) => !kindMayHold(kind, one));
  return misplaced === undefined ? null : `${aKind(kind)} cannot hold a grant to ${misplaced.action}`;
}

/** Whether a written grant allows nothing under a policy: a name in it is mistyped, closed, or not there yet. */
export function isIdle(text: string, policy: Pick<ActivePolicy, 'collections' | 'bases'>): boolean {
  const grant = roleOf(text) === null ? parseGrant(text) : null;
  return grant !== null && typeof grant !== 'string' && emptyGrant(grant, policy) !== null;
}
