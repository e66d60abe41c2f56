import type { Kind } from '../../src/vault/policy/grant.ts';
import type { AddClientRequest } from '../../src/wire/clients.ts';
import { type Code, titleOf } from '../../src/wire/codes.ts';
import type { DetokeniseRequest, TokeniseRequest } from '../../src/wire/values.ts';

/** A vault as its documents tell of it, in memory: what each call must answer, and the events that it must leave. */

interface Collection {
  readonly format: 'pan' | 'text';
  readonly tokens: 'random' | 'deterministic';
  readonly purposes: readonly string[];
}

/** The harness's policy, in the order of its names. */
export const COLLECTIONS: Readonly<Record<string, Collection>> = {
  'acme/cards': { format: 'pan', tokens: 'random', purposes: ['settlement'] },
  cards: { format: 'pan', tokens: 'random', purposes: ['settlement', 'marketing'] },
  'cards-known': { format: 'pan', tokens: 'deterministic', purposes: ['settlement'] },
  notes: { format: 'text', tokens: 'random', purposes: ['support'] },
  'notes-known': { format: 'text', tokens: 'deterministic', purposes: ['support'] },
};
const NAMES = Object.keys(COLLECTIONS);
export const PURPOSES = ['settlement', 'support', 'marketing'];
const ROLES: Readonly<Record<string, readonly string[]>> = {
  'role:settler': ['tokenise:cards', 'detokenise:cards@settlement'],
};

/** What each pattern covers, written out: `*` stands for whole segments, at least one; a name is no prefix. */
export const COVERED: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(NAMES.map((name) => [name, [name]])),
  '*': NAMES,
  'acme/*': ['acme/cards'],
  acme: [],
  'cards/*': [],
};

/** A card number, which no clear field may hold. */
export const CARD = '4111111111111111';

/** Values as callers write them, and each as a card number: its normal form, or null if it is none. */
export const VALUES: Readonly<Record<string, string | null>> = {
  [CARD]: CARD,
  '4111 1111-1111 1111': CARD,
  '4012888888881881': '4012888888881881',
  '378282246310005': '378282246310005',
  '4111111111111112': null,
  'call back on Monday': null,
  'half a pair \ud83d': null,
};

const DAY = 24 * 60 * 60 * 1000;
/** Told only to callers that may describe; to others there is no such token. */
const TOLD_TO_DESCRIBERS: readonly Code[] = ['token_ended', 'consent_required'];

export type Narrowing = 'suspended' | 'masked' | 'approval';

export interface Client {
  readonly id: string;
  key: string;
  /** Until when the key before is taken, in milliseconds. */
  priorUntil: number;
  /** Until when, in milliseconds. */
  readonly narrowed: Map<Narrowing, number>;
  readonly name: string;
  readonly kind: Kind;
  readonly grants: readonly string[];
  readonly expiresAt: string | null;
  revoked: boolean;
}

/** Who calls, the host itself being null, and the id of its request. */
export interface Call {
  readonly client: Client | null;
  readonly id: string;
}

interface Token {
  readonly collection: string;
  readonly token: string;
  readonly value: string;
  readonly subject: string | undefined;
  readonly expiresAt: string | undefined;
  /** Its value came again after it had expired, and has another token now. */
  ended: boolean;
}

interface Got {
  readonly token: Token;
  readonly created: boolean;
}

interface Claim {
  readonly owner: Client;
  readonly key: string;
  readonly request: TokeniseRequest;
  readonly at: number;
  readonly got: ReadonlyMap<number, Got>;
}

interface Denial {
  readonly code: Code;
  readonly reason: string;
  readonly needed?: object;
}

interface Facts {
  readonly item?: number;
  readonly collection?: string;
  readonly purpose?: string;
  readonly reason?: string;
  readonly rows?: object;
}

type Item = TokeniseRequest['items'][number];

export class Model {
  /** Milliseconds, and it moves in steps alone: no history hangs on the time that it takes. */
  clock: number;
  /** Of the last event: time in a vault does not go back. */
  #latest: number;
  readonly clients: Client[] = [];
  /** Every token that was ever issued. */
  readonly tokens: Token[] = [];
  claims: readonly Claim[] = [];
  readonly events: string[] = [];

  constructor(clock: number) {
    this.clock = clock;
    this.#latest = clock;
  }

  get now(): number {
    return Math.max(this.clock, this.#latest);
  }

  /** @param drawn what was answered as an item's token: of a new one a model knows no more than what it cannot be */
  tokenise(
    call: Call,
    request: TokeniseRequest,
    key: string | null,
    drawn: (item: number) => string,
  ): object {
    const client = this.#caller(call, 'tokenise');
    if ('code' in client) return client;
    const first = this.claims.find((claim) => claim.owner === client && claim.key === key) ?? null;
    if (first !== null && JSON.stringify(first.request) !== JSON.stringify(request))
      return this.#refuse(call, 'tokenise', 'idempotency_mismatch');
    const got = new Map<number, Got>();
    const counts = new Map<string, { count: number; found: number; refused: number }>();
    const count = (collection: string, as: 'count' | 'found' | 'refused'): void => {
      const rows = counts.get(collection) ?? { count: 0, found: 0, refused: 0 };
      counts.set(collection, { ...rows, [as]: rows[as] + 1 });
    };
    const items = request.items.map((item, i) => {
      const { collection } = item;
      const denial = decide(client, 'tokenise', collection, null) ?? this.#isToken(client, item);
      if (denial !== null) return this.#deny(call, 'tokenise', { item: i, collection }, denial);
      const came = this.#faultOf(item) ?? this.#issue(call, item, i, first, drawn);
      if (typeof came === 'string') {
        count(collection, 'refused');
        return error({ code: came });
      }
      count(collection, came.created && first === null ? 'count' : 'found');
      got.set(i, came);
      return shown(came, holds(client, 'lookup', collection));
    });
    for (const [collection, rows] of counts) this.#log(call, 'tokenise', 'done', { collection, rows });
    // What issued nothing claims nothing.
    if (first === null && key !== null && got.size > 0)
      this.claims = [...this.claims, { owner: client, key, request, at: this.now, got }];
    return { items, requestId: call.id };
  }

  #faultOf(item: Item): Code | null {
    if (item.subject === CARD) return 'value_in_clear';
    if (item.expiresAt !== undefined && Date.parse(item.expiresAt) <= this.now) return 'invalid_value';
    return normalOf(item) === null ? 'invalid_value' : null;
  }

  /** A value that is a token: said, and kept in the log, to those alone who could find that out anyway. */
  #isToken(client: Client, item: Item): Denial | null {
    const { collection, value } = item;
    const mayKnow = ['detokenise', 'lookup', 'describe'].some((action) => holds(client, action, collection));
    // What else is wrong with it is said first.
    const fault = this.#faultOf({ ...item, value: CARD });
    const token = this.#find(collection, value);
    if (!mayKnow || fault !== null || normalOf(item) !== null) return null;
    if (token === undefined || !this.#isLive(token)) return null;
    return { code: 'already_token', reason: 'already_token' };
  }

  /** The token of an item that nothing speaks against. */
  #issue(call: Call, item: Item, i: number, first: Claim | null, drawn: (i: number) => string): Got | Code {
    const { collection, subject, expiresAt } = item;
    if (first !== null) {
      const then = first.got.get(i);
      if (then === undefined) return 'conflict';
      return this.#isLive(then.token) ? then : 'token_not_found';
    }
    const value = normalOf(item) ?? '';
    const twin = this.tokens.find(
      (one) => !one.ended && one.collection === collection && one.value === value && one.subject === subject,
    );
    if (twin !== undefined && isKnown(collection)) {
      if (this.#isLive(twin)) return { token: twin, created: false };
      twin.ended = true;
      this.#log(call, 'expire', 'done', { item: i, collection });
    }
    const answered = drawn(i);
    const isNew = this.#find(collection, answered) === undefined && answered !== value;
    const token =
      isNew && formOf(collection, value).test(answered) ? answered : 'a token never issued before';
    const issued = { collection, token, value, subject, expiresAt, ended: false };
    this.tokens.push(issued);
    return { token: issued, created: true };
  }

  detokenise(call: Call, { purpose, items }: DetokeniseRequest): object {
    const client = this.#caller(call, 'detokenise');
    if ('code' in client) return client;
    const told = PURPOSES.includes(purpose) ? purpose : 'unregistered';
    const answers = items.map(({ collection, token }, i) => {
      const about = { item: i, collection, purpose: told };
      const found = this.#find(collection, token);
      const denial =
        decide(client, 'detokenise', collection, purpose) ??
        this.#narrowing(client) ??
        this.#decideFound(found, purpose);
      if (denial !== null) {
        const hidden = TOLD_TO_DESCRIBERS.includes(denial.code) && !holds(client, 'describe', collection);
        return this.#deny(call, 'detokenise', about, hidden ? notFound(denial.code) : denial);
      }
      this.#log(call, 'detokenise', 'done', about);
      return { value: found?.value };
    });
    return { items: answers, requestId: call.id };
  }

  #decideFound(found: Token | undefined, purpose: string): Denial | null {
    if (found === undefined) return notFound('token_not_found');
    if (!this.#isLive(found)) return { code: 'token_ended', reason: 'token_ended' };
    return purpose === 'marketing' ? { code: 'consent_required', reason: 'consent_required' } : null;
  }

  whoami(call: Call): object {
    const client = this.#caller(call, 'whoami');
    if ('code' in client) return client;
    this.#log(call, 'whoami', 'done');
    const { id, name, kind, grants, expiresAt } = client;
    return { id, name, kind, grants, expiresAt, environment: 'test', requestId: call.id };
  }

  collections(call: Call): object {
    const client = this.#caller(call, 'collections');
    if ('code' in client) return client;
    this.#log(call, 'collections', 'done');
    const all = Object.entries(COLLECTIONS).map(([name, { purposes, ...rest }]) => {
      const mine = touching(client, name);
      const held = purposes.filter((purpose) => mine.some((grant) => grant.purpose === purpose));
      const actions = [...new Set(mine.map(({ action }) => action))];
      return { name, ...rest, purposes: held, actions };
    });
    return { collections: all.filter(({ actions }) => actions.length > 0), requestId: call.id };
  }

  /** @param made the id and the key that the vault answered */
  addClient(call: Call, request: AddClientRequest, made: Pick<Client, 'id' | 'key'>): object {
    const refused = this.#refuseDuty(call, 'clients.add');
    if (refused !== null) return refused;
    if (this.clients.some(({ name }) => name === request.name))
      return this.#refuse(call, 'clients.add', 'conflict');
    const isPast = request.expiresAt !== null && Date.parse(request.expiresAt) <= this.now;
    if (isPast || request.grants.some((grant) => kindOf(grant) !== request.kind))
      return this.#refuse(call, 'clients.add', 'invalid_request');
    this.#log(call, 'clients.add', 'done');
    this.clients.push({
      ...request,
      ...made,
      grants: [...new Set(request.grants)].toSorted(),
      revoked: false,
      priorUntil: 0,
      narrowed: new Map(),
    });
    return { ...made, name: request.name, idle: request.grants.filter(isIdle), requestId: call.id };
  }

  /** @param named its id or its name */
  revokeClient(call: Call, named: string): object {
    const refused = this.#refuseDuty(call, 'clients.revoke');
    if (refused !== null) return refused;
    const client = this.clients.find(({ id, name }) => id === named || name === named);
    if (client === undefined) return this.#refuse(call, 'clients.revoke', 'not_found');
    client.revoked = true;
    this.#log(call, 'clients.revoke', 'done');
    return { id: client.id, name: client.name, state: 'revoked', requestId: call.id };
  }

  /** @param until null to end it */
  narrowClient(call: Call, named: string, how: Narrowing, until: number | null): object {
    const verb = (['clients.restrict', 'clients.lift', 'clients.suspend', 'clients.resume'] as const)[
      (how === 'suspended' ? 2 : 0) + (until === null ? 1 : 0)
    ];
    const client = this.#changeable(call, verb ?? '', named);
    if ('code' in client) return client;
    if (until === null && !this.#isNarrowed(client, how)) return this.#refuse(call, verb ?? '', 'conflict');
    if (until !== null && how !== 'suspended' && client.kind !== 'service')
      return this.#refuse(call, verb ?? '', 'invalid_request');
    client.narrowed.set(how, until ?? 0);
    this.#log(call, verb ?? '', 'done');
    return this.#changed(call, client);
  }

  /** @param made the key that the vault answered */
  rotateClient(call: Call, named: string, until: number | null, made: string): object {
    const client = this.#changeable(call, 'clients.rotate', named);
    if ('code' in client) return client;
    if (until !== null && this.now < client.priorUntil)
      return this.#refuse(call, 'clients.rotate', 'conflict');
    this.#log(call, 'clients.rotate', 'done');
    client.key = made;
    client.priorUntil = until ?? 0;
    const priorKeyUntil = until === null ? null : new Date(until).toISOString();
    return { id: client.id, name: client.name, key: made, priorKeyUntil, requestId: call.id };
  }

  #changeable(call: Call, verb: string, named: string): Client | Refused {
    const refused = this.#refuseDuty(call, verb);
    if (refused !== null) return refused;
    const client = this.clients.find(({ id, name }) => id === named || name === named);
    if (client === undefined) return this.#refuse(call, verb, 'not_found');
    return client.revoked ? this.#refuse(call, verb, 'conflict') : client;
  }

  #changed(call: Call, client: Client): object {
    const isExpired = client.expiresAt !== null && this.now >= Date.parse(client.expiresAt);
    const state = this.#isNarrowed(client, 'suspended') ? 'suspended' : 'active';
    return {
      id: client.id,
      name: client.name,
      state: isExpired ? 'expired' : state,
      requestId: call.id,
    };
  }

  #isNarrowed({ narrowed }: Client, how: Narrowing): boolean {
    return this.now < (narrowed.get(how) ?? 0);
  }

  #refuseDuty(call: Call, verb: string): Refused | null {
    if (call.client === null) return null;
    const client = this.#caller(call, verb);
    if ('code' in client) return client;
    if (client.grants.includes('clients:*')) return null;
    this.#log(call, verb, 'denied', { reason: 'action not granted' });
    return refusal('insufficient_grant', { action: 'clients' });
  }

  /** What a vault does on its own: drops the claims of yesterday. */
  maintain(): void {
    const kept = this.claims.filter(({ at }) => at >= this.clock - DAY);
    if (kept.length < this.claims.length) this.#latest = this.now;
    this.claims = kept;
  }

  /** Something was committed that is not the model's: time has come as far as now. */
  committed(): void {
    this.#latest = this.now;
  }

  /** Who calls, or why it is refused whatever it asks. */
  #caller(call: Call, action: string): Client | Refused {
    const { client } = call;
    if (client === null || client.revoked) return refusal('unauthenticated');
    const isExpired = client.expiresAt !== null && this.now >= Date.parse(client.expiresAt);
    if (isExpired) return refusal('unauthenticated');
    if (!this.#isNarrowed(client, 'suspended')) return client;
    this.#log(call, action, 'denied', { reason: 'suspended' });
    return refusal('restricted');
  }

  #narrowing(client: Client): Denial | null {
    if (this.#isNarrowed(client, 'masked')) return { code: 'restricted', reason: 'masked' };
    return this.#isNarrowed(client, 'approval') ? { code: 'approval_required', reason: 'approval' } : null;
  }

  #isLive({ ended, expiresAt }: Token): boolean {
    return !ended && (expiresAt === undefined || this.now < Date.parse(expiresAt));
  }

  #find(collection: string, token: string): Token | undefined {
    return this.tokens.find((one) => one.collection === collection && one.token === token);
  }

  /** A whole request's refusal for what is in it. */
  #refuse(call: Call, action: string, code: Code): Refused {
    this.#log(call, action, 'denied', { reason: code });
    return refusal(code);
  }

  #deny(call: Call, action: string, about: Facts, { code, reason, needed }: Denial): object {
    this.#log(call, action, 'denied', { ...about, reason });
    return error(needed === undefined ? { code } : { code, needed });
  }

  #log({ client, id: request }: Call, action: string, outcome: string, facts: Facts = {}): void {
    this.#latest = this.now;
    const named = facts.collection !== undefined && facts.collection in COLLECTIONS;
    const collection = named ? { name: facts.collection } : undefined;
    const actor = client?.id ?? 'host:tester';
    this.events.push(eventLine({ ...facts, collection, request, actor, action, outcome }));
  }
}

/** What an event must say, in one order; ids and salts are the vault's own. */
const TOLD = ['request', 'action', 'outcome', 'actor', 'item', 'collection', 'name', 'purpose', 'reason'];

/** An event as a line that a model's can be held against. */
export const eventLine = (event: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(event, [...TOLD, 'rows', 'count', 'found', 'refused']);

/** How a call that fails whole is told. */
interface Refused {
  readonly code: Code;
  readonly needed: object | null;
}
const refusal = (code: Code, needed: object | null = null): Refused => ({ code, needed });

const error = (of: { readonly code: Code; readonly needed?: object }): object => ({
  error: { ...of, title: titleOf(of.code) },
});

const notFound = (reason: Code): Denial => ({ code: 'token_not_found', reason });

function shown({ token: { token, expiresAt }, created }: Got, mayLookup: boolean): object {
  if (!mayLookup) return { token };
  return expiresAt === undefined ? { token, created } : { token, created, expiresAt };
}

function decide(client: Client, action: string, name: string, purpose: string | null): Denial | null {
  const collection = COLLECTIONS[name];
  const mine = touching(client, name);
  const needed = {
    action,
    collection: name,
    ...(purpose !== null && PURPOSES.includes(purpose) && { purpose }),
  };
  if (collection === undefined) return { code: 'collection_not_found', reason: 'unknown collection' };
  if (mine.length === 0) return { code: 'collection_not_found', reason: 'no grant on the collection' };
  const granted = mine.filter((grant) => grant.action === action);
  if (granted.length === 0) return { code: 'insufficient_grant', reason: 'action not granted', needed };
  if (purpose === null) return null;
  const code = 'purpose_not_allowed';
  if (!granted.some((grant) => grant.purpose === purpose))
    return { code, reason: 'purpose not granted', needed };
  if (!collection.purposes.includes(purpose))
    return { code, reason: 'purpose not listed by the collection', needed };
  return null;
}

/** The grants of a client, its role's included, that cover a collection. */
const touching = (client: Client, collection: string) =>
  client.grants
    .flatMap((text) => ROLES[text] ?? [text])
    .map((text) => {
      const [action = '', pattern = '', purpose] = text.split(/[:@]/);
      return { action, pattern, purpose };
    })
    .filter(({ pattern }) => COVERED[pattern]?.includes(collection));

const holds = (client: Client, action: string, collection: string): boolean =>
  touching(client, collection).some((grant) => grant.action === action);

function kindOf(grant: string): Kind {
  if (grant.startsWith('audit:')) return 'auditor';
  return /^(?:clients|policy):/.test(grant) ? 'custodian' : 'service';
}

/** A grant on a collection that is not there allows nothing. */
const isIdle = (grant: string): boolean => grant.split(/[:@]/)[1] === 'acme';

const isPan = (collection: string): boolean => COLLECTIONS[collection]?.format === 'pan';
const isKnown = (collection: string): boolean => COLLECTIONS[collection]?.tokens === 'deterministic';

/** A value's normal form, or null if it is none of its collection's. */
function normalOf({ collection, value }: Item): string | null {
  if (!isPan(collection)) return /\p{Surrogate}/u.test(value) ? null : value;
  const normal = VALUES[value] ?? null;
  return collection === 'acme/cards' && normal?.length !== 16 ? null : normal;
}

/** What a token of a value looks like. */
const formOf = (collection: string, value: string): RegExp =>
  isPan(collection)
    ? new RegExp(`^${value.slice(0, 6)}[0-9]{${value.length - 10}}${value.slice(-4)}$`)
    : /^tok_test_[1-9A-HJ-NP-Za-km-z]{22}$/;
