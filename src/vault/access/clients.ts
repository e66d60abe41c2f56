import { equalBytes } from '../../crypto/encoding.ts';
import type { ActorStamp } from '../commit/event.ts';
import type { Restriction } from '../policy/decide.ts';
import type { ActivePolicy } from '../policy/active.ts';
import {
  emptyGrant,
  type Grant,
  type Kind,
  kindMayHold,
  KINDS,
  parseGrant,
  roleOf,
} from '../policy/grant.ts';
import type { ClientRow, GrantRow } from '../store.ts';
import type { PresentedKey } from './api-key.ts';

/** Who calls, as of one epoch. */
export interface Actor {
  readonly stamp: ActorStamp;
  readonly name: string;
  readonly grants: readonly Grant[];
  /** The grants as written, roles unexpanded: what `whoami` answers. */
  readonly written: readonly string[];
  readonly restriction: Restriction | null;
  readonly expiresAt: number | null;
}

export type ClientState = 'active' | 'suspended' | 'revoked';

/** A client with its grants. */
export interface Client {
  readonly row: ClientRow;
  readonly actor: Actor;
  readonly usable: boolean;
}

/** Compared against when no client has the key id, so that a miss takes the time of a hit. */
const NOBODY = new Uint8Array(32);

/** The clients and grants of one epoch; every row here has authenticated. */
export class Clients {
  readonly #byKey = new Map<string, Client>();
  readonly #byId = new Map<string, Client>();
  /** The same clients and grants where the roles are others: what a policy that is not active would come to. */
  readonly under: (roles: ReadonlyMap<string, readonly Grant[]>) => Clients;

  constructor(
    clients: readonly ClientRow[],
    grants: readonly GrantRow[],
    roles: ReadonlyMap<string, readonly Grant[]>,
  ) {
    this.under = (others) => new Clients(clients, grants, others);
    const written = new Map<string, string[]>();
    for (const { client, grant } of grants) written.set(client, [...(written.get(client) ?? []), grant]);
    for (const row of clients) {
      const client = clientOf(row, written.get(row.id) ?? [], roles);
      this.#byId.set(row.id, client);
      this.#byKey.set(row.keyId, client);
    }
  }

  all(): readonly Client[] {
    return [...this.#byId.values()];
  }

  byId(id: string): Client | null {
    return this.#byId.get(id) ?? null;
  }

  /** By id or by name. */
  find(idOrName: string): Client | null {
    return this.byId(idOrName) ?? this.all().find(({ row }) => row.name === idOrName) ?? null;
  }

  /** The usable client that a presented key belongs to, or null. */
  authenticate(presented: PresentedKey, now: number): Client | null {
    const client = this.#byKey.get(presented.keyId) ?? null;
    const matches = equalBytes(presented.hash, client?.row.keyHash ?? NOBODY);
    return matches && client !== null && isUsable(client, now) ? client : null;
  }
}

export const isUsable = (client: Client, now: number): boolean =>
  client.usable && (client.row.expiresAt === null || now < client.row.expiresAt);

function clientOf(
  row: ClientRow,
  written: readonly string[],
  roles: ReadonlyMap<string, readonly Grant[]>,
): Client {
  const kind = KINDS.find((known) => known === row.kind) ?? null;
  const grants =
    kind === null ? [] : written.flatMap((text) => expand(text, roles)).filter((g) => kindMayHold(kind, g));
  const actor: Actor = {
    stamp: { id: row.id, kind: kind ?? 'unknown' },
    name: row.name,
    grants,
    written,
    restriction: row.state === 'suspended' ? 'suspended' : null,
    expiresAt: row.expiresAt,
  };
  return { row, actor, usable: kind !== null && (row.state === 'active' || row.state === 'suspended') };
}

/** The grants behind one written grant: itself, or its role's. A role that the policy no longer has grants nothing. */
function expand(text: string, roles: ReadonlyMap<string, readonly Grant[]>): readonly Grant[] {
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
  return misplaced === undefined ? null : `a ${kind} cannot hold a grant to ${misplaced.action}`;
}

/** Whether a written grant allows nothing under a policy: a name in it is mistyped, or not there yet. */
export function isIdle(text: string, policy: Pick<ActivePolicy, 'names' | 'bases'>): boolean {
  const grant = roleOf(text) === null ? parseGrant(text) : null;
  return grant !== null && typeof grant !== 'string' && emptyGrant(grant, policy) !== null;
}
