import { equalBytes } from '../../crypto/encoding.ts';
import type { ActorStamp } from '../commit/event.ts';
import { type Restriction, RESTRICTIONS } from '../policy/decide.ts';
import { type Grant, kindMayHold, KINDS } from '../policy/grant.ts';
import type { ClientRow, GrantRow, RestrictionRow } from '../rows.ts';
import type { PresentedKey } from './api-key.ts';
import type { KeyRefusal } from './refused-keys.ts';
import { admits, parseSources, type Source } from './source.ts';
import { expand } from './written-grant.ts';

/** Who calls, as of one epoch. */
export interface Actor {
  readonly stamp: ActorStamp;
  readonly name: string;
  readonly grants: readonly Grant[];
  /** The grants as written, roles unexpanded: what `whoami` answers. */
  readonly written: readonly string[];
  /** Those in force. */
  readonly restrictions: readonly Restriction[];
  /** From when on it is nobody: its own expiry, or the end of the key that it came with. */
  readonly expiresAt: number | null;
}

export type ClientState = 'active' | 'suspended' | 'expired' | 'revoked';

/** An API key of a client: the current one, or the prior one until it ends. */
export interface ClientKey {
  readonly id: string;
  readonly hash: Uint8Array;
  readonly at: number;
  readonly until: number | null;
}

/** A client with its grants. */
export interface Client {
  readonly row: ClientRow;
  readonly actor: Actor;
  readonly usable: boolean;
  /** The current one first. */
  readonly keys: readonly ClientKey[];
  /** Where it may call from; null if that does not read, which is nowhere. */
  readonly sources: readonly Source[] | null;
  /** Every restriction on it, those that are over included. */
  readonly restrictions: readonly RestrictionRow[];
}

/** A client by one of its keys. */
interface Holder {
  readonly client: Client;
  readonly key: ClientKey;
  /** With no restriction in force. */
  readonly actor: Actor;
}

/** What a presented key comes to; null where it is nobody's. */
export type Admission = { readonly actor: Actor } | { readonly refused: KeyRefusal; readonly client: Client };

/** Compared against when no client has the key id, so that a miss takes the time of a hit. */
const NOBODY = new Uint8Array(32);

/** The clients and grants of one epoch; every row here has authenticated. */
export class Clients {
  readonly #byKey = new Map<string, Holder>();
  readonly #byId = new Map<string, Client>();
  /** The same clients and grants where the roles are others: what a policy that is not active would come to. */
  readonly under: (roles: ReadonlyMap<string, readonly Grant[]>) => Clients;

  constructor(
    clients: readonly ClientRow[],
    grants: readonly GrantRow[],
    restrictions: readonly RestrictionRow[],
    roles: ReadonlyMap<string, readonly Grant[]>,
  ) {
    this.under = (others) => new Clients(clients, grants, restrictions, others);
    const written = byClient(grants);
    const restricted = byClient(restrictions);
    for (const row of clients) {
      const held = (written.get(row.id) ?? []).map(({ grant }) => grant);
      const client = clientOf(row, held, restricted.get(row.id) ?? [], roles);
      this.#byId.set(row.id, client);
      for (const key of client.keys) this.#byKey.set(key.id, holderOf(client, key));
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

  /** Who presents a key from an address; null if nobody has it. */
  admit(
    { keyId, hash }: Pick<PresentedKey, 'keyId' | 'hash'>,
    from: string | null,
    now: number,
  ): Admission | null {
    const holder = this.#byKey.get(keyId) ?? null;
    const matches = equalBytes(hash, holder?.key.hash ?? NOBODY);
    if (holder === null) return null;
    const { client, actor } = holder;
    if (!matches) return { refused: 'secret', client };
    const refused = refusalOf(holder, from, now);
    if (refused !== null) return { refused, client };
    if (client.restrictions.length === 0) return { actor };
    return { actor: { ...actor, restrictions: inForce(client, now).map(({ restriction }) => restriction) } };
  }
}

function byClient<Row extends { readonly client: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.client);
    if (group === undefined) groups.set(row.client, [row]);
    else group.push(row);
  }
  return groups;
}

function refusalOf({ client, key }: Holder, from: string | null, now: number): KeyRefusal | null {
  if (!client.usable) return 'revoked';
  if (key.until !== null && now >= key.until) return 'key ended';
  if (client.row.expiresAt !== null && now >= client.row.expiresAt) return 'expired';
  return client.sources !== null && admits(client.sources, from) ? null : 'address';
}

/** The restrictions that are in force, the strongest first. One that this release does not know is the strongest. */
export const inForce = (
  { restrictions }: Client,
  now: number,
): readonly (RestrictionRow & { readonly restriction: Restriction })[] =>
  restrictions
    .filter(({ until }) => until === null || now < until)
    .map((row) => ({
      ...row,
      restriction: RESTRICTIONS.find((known) => known === row.restriction) ?? 'suspended',
    }))
    .toSorted((a, b) => RESTRICTIONS.indexOf(a.restriction) - RESTRICTIONS.indexOf(b.restriction));

/** What a client is, as of a time. */
export function stateOf(client: Client, now: number): ClientState {
  const { state, expiresAt } = client.row;
  if (state === 'revoked') return 'revoked';
  if (expiresAt !== null && now >= expiresAt) return 'expired';
  return inForce(client, now)[0]?.restriction === 'suspended' ? 'suspended' : 'active';
}

/** Whether a client is one still, suspended or not. */
export function isUsable(client: Client, now: number): boolean {
  const state = stateOf(client, now);
  return state !== 'revoked' && state !== 'expired';
}

function clientOf(
  row: ClientRow,
  written: readonly string[],
  restrictions: readonly RestrictionRow[],
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
    restrictions: [],
    expiresAt: row.expiresAt,
  };
  const sources = parseSources(row.sources === '' ? [] : row.sources.split(' '));
  const usable = kind !== null && row.state === 'active';
  return { row, actor, usable, keys: keysOf(row), sources, restrictions };
}

function keysOf(row: ClientRow): readonly ClientKey[] {
  const current: ClientKey = { id: row.keyId, hash: row.keyHash, at: row.keyAt, until: null };
  const { priorKeyId, priorKeyHash, priorKeyAt, priorKeyUntil } = row;
  if (priorKeyId === null || priorKeyHash === null || priorKeyAt === null) return [current];
  return [current, { id: priorKeyId, hash: priorKeyHash, at: priorKeyAt, until: priorKeyUntil ?? 0 }];
}

function holderOf(client: Client, key: ClientKey): Holder {
  const ends = [client.row.expiresAt, key.until].filter((end) => end !== null);
  const expiresAt = ends.length === 0 ? null : Math.min(...ends);
  return { client, key, actor: { ...client.actor, expiresAt } };
}
