import { z } from 'zod';
import { keyCheck } from '../access/api-key.ts';
import type { ClientRow, GrantRow, RestrictionRow } from '../rows.ts';
import type { AuthoritySnapshot } from '../store.ts';
import type { Find } from './against.ts';

const named = z.looseObject({ client: z.string() });
const key = { key: z.string(), keyCheck: z.string() };
const expiresAt = z.iso.datetime().nullable();
const from = z.array(z.string());
const restriction = z.looseObject({
  restriction: z.string(),
  until: z.iso.datetime().nullable(),
  reason: z.string().nullable(),
});

/** What each event says of a client, beside its id. */
const DETAILS = {
  'clients.add': z.looseObject({
    name: z.string(),
    kind: z.string(),
    grants: z.array(z.string()),
    expiresAt,
    from,
    ...key,
  }),
  'clients.rotate': z.looseObject({ ...key, priorKeyUntil: z.iso.datetime() }),
  'clients.retire': z.looseObject({ priorKeyUntil: z.iso.datetime() }),
  'clients.suspend': restriction,
  'clients.resume': restriction,
  'clients.restrict': restriction,
  'clients.lift': restriction,
  'clients.expire': z.looseObject({ expiresAt }),
  'clients.admit': z.looseObject({ from }),
  'clients.revoke': z.looseObject({}),
} as const;

/** A client as the log tells it, in words that a stored row can be held against; each is named in a finding. */
interface Told {
  readonly name: string;
  readonly kind: string;
  readonly grants: string;
  readonly key: string;
  readonly 'prior key': string;
  readonly expiry: string;
  readonly subnets: string;
  readonly state: string;
  readonly restrictions: string;
}

const NONE = 'none';
const UNTIL = ' until ';
const listed = (words: readonly string[]): string => words.toSorted().join(' ');
const timeOf = (text: string | null): string => (text === null ? NONE : String(Date.parse(text)));

/** What the log says of clients, event by event. */
export class ClientHistory {
  readonly #clients = new Map<string, Told>();
  /** By client, then by restriction. */
  readonly #restrictions = new Map<string, Map<string, string>>();

  /** Takes in an event of what was done; others are passed over. */
  read(action: string, actor: string, detail: unknown): void {
    const { client = null } = named.safeParse(detail).data ?? {};
    if (client === null) return;
    const before = this.#clients.get(client);
    const added = parsed('clients.add', action, detail);
    if (added !== null) {
      const { name, kind, grants } = added;
      const terms = { expiry: timeOf(added.expiresAt), subnets: listed(added.from), restrictions: '' };
      const keys = { key: keyText(added), 'prior key': NONE };
      this.#clients.set(client, { name, kind, grants: listed(grants), ...keys, ...terms, state: 'active' });
    }
    if (before !== undefined)
      this.#clients.set(client, { ...before, ...this.#changed(client, before, action, actor, detail) });
  }

  #changed(client: string, before: Told, action: string, actor: string, detail: unknown): Partial<Told> {
    const rotated = parsed('clients.rotate', action, detail);
    if (rotated !== null)
      return {
        key: keyText(rotated),
        'prior key': `${before.key}${UNTIL}${timeOf(rotated.priorKeyUntil)}`,
      };
    const retired = parsed('clients.retire', action, detail);
    if (retired !== null) {
      const [prior = ''] = before['prior key'].split(UNTIL);
      return { 'prior key': `${prior}${UNTIL}${timeOf(retired.priorKeyUntil)}` };
    }
    const expiring = parsed('clients.expire', action, detail);
    if (expiring !== null) return { expiry: timeOf(expiring.expiresAt) };
    const admitted = parsed('clients.admit', action, detail);
    if (admitted !== null) return { subnets: listed(admitted.from) };
    if (action === 'clients.revoke') return { state: 'revoked' };
    const narrowed =
      parsed('clients.suspend', action, detail) ??
      parsed('clients.resume', action, detail) ??
      parsed('clients.restrict', action, detail) ??
      parsed('clients.lift', action, detail);
    if (narrowed === null) return {};
    const { restriction: what, until, reason } = narrowed;
    const all = this.#restrictions.get(client) ?? new Map<string, string>();
    all.set(what, restrictionText(what, timeOf(until), actor, reason));
    this.#restrictions.set(client, all);
    return { restrictions: listed([...all.values()]) };
  }

  /** Holds each client, with its grants and restrictions, against what the log says of it. */
  reconcile({ clients, grants, restrictions }: AuthoritySnapshot, find: Find): void {
    const ids = new Set(clients.map(({ id }) => id));
    const held = ofClients('grants', grants, ids, find);
    const narrowed = ofClients('restrictions', restrictions, ids, find);
    for (const row of clients) {
      const said = this.#clients.get(row.id);
      if (said === undefined) find('clients', `${row.id} was never added`);
      else this.#compare(row.id, said, toldOf(row, held.get(row.id) ?? [], narrowed.get(row.id) ?? []), find);
    }
    for (const id of this.#clients.keys()) if (!ids.has(id)) find('clients', `${id} is gone`);
  }

  #compare(id: string, said: Told, are: Told, find: Find): void {
    for (const what of WORDS) {
      if (said[what] === are[what]) continue;
      const table = what === 'grants' || what === 'restrictions' ? what : 'clients';
      find(table, `${what} of ${id}: not as the log says`);
    }
  }
}

/** Rows by their client; one whose client is not there is a finding. */
function ofClients<Row extends { readonly client: string }>(
  table: string,
  rows: readonly Row[],
  ids: ReadonlySet<string>,
  find: Find,
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    if (!ids.has(row.client)) find(table, 'a row of a client that is not there');
    groups.set(row.client, [...(groups.get(row.client) ?? []), row]);
  }
  return groups;
}

const WORDS = [
  'name',
  'kind',
  'grants',
  'key',
  'prior key',
  'expiry',
  'subnets',
  'state',
  'restrictions',
] as const satisfies readonly (keyof Told)[];

/** A stored client in the words of the log. */
function toldOf(row: ClientRow, grants: readonly GrantRow[], restrictions: readonly RestrictionRow[]): Told {
  const { priorKeyId, priorKeyHash, priorKeyUntil, expiresAt: expiry } = row;
  const hasPrior = priorKeyId !== null || priorKeyHash !== null || priorKeyUntil !== null;
  const prior = { key: priorKeyId ?? '', keyCheck: keyCheck(priorKeyHash ?? new Uint8Array(0)) };
  return {
    name: row.name,
    kind: row.kind,
    grants: listed(grants.map(({ grant }) => grant)),
    key: keyText({ key: row.keyId, keyCheck: keyCheck(row.keyHash) }),
    'prior key': hasPrior ? `${keyText(prior)}${UNTIL}${priorKeyUntil}` : NONE,
    expiry: expiry === null ? NONE : String(expiry),
    subnets: row.sources,
    state: row.state,
    restrictions: listed(
      restrictions.map(({ restriction: what, until, by, reason }) =>
        restrictionText(what, until === null ? NONE : String(until), by, reason),
      ),
    ),
  };
}

const keyText = (one: { readonly key: string; readonly keyCheck: string }): string =>
  `${one.key} ${one.keyCheck}`;

const restrictionText = (what: string, until: string, by: string, reason: string | null): string =>
  JSON.stringify([what, until, by, reason]);

/** An event's detail, if the event is of this action and says what it must. */
function parsed<A extends keyof typeof DETAILS>(
  wanted: A,
  action: string,
  detail: unknown,
): z.output<(typeof DETAILS)[A]> | null {
  if (action !== wanted) return null;
  // The schema is the action's own: TypeScript does not carry that through the lookup.
  return (DETAILS[wanted].safeParse(detail).data ?? null) as z.output<(typeof DETAILS)[A]> | null;
}
