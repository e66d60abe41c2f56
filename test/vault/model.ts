import type { Kind } from '../../src/vault/policy/grant.ts';
import type { AddClientRequest } from '../../src/wire/clients.ts';
import { type Code, titleOf } from '../../src/wire/codes.ts';
import type {
  DescribeRequest,
  DetokeniseRequest,
  EraseRequest,
  LookupRequest,
  ReplaceRequest,
  TokeniseRequest,
  VerifyRequest,
} from '../../src/wire/values.ts';
import {
  CARD,
  COLLECTIONS,
  decide,
  type Denial,
  formOf,
  holds,
  isFound,
  isIdle,
  isKnown,
  kindOf,
  maskOf,
  normalOf,
  overlapOf,
  PURPOSES,
  touching,
} from './model-policy.ts';

/** A vault as its documents tell of it, in memory: what each call must answer, and the events that it must leave. */

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

interface Version {
  readonly version: number;
  readonly value: string;
  /** Milliseconds. */
  readonly until: number;
}

export interface Token {
  readonly collection: string;
  readonly token: string;
  readonly subject: string | undefined;
  readonly creator: string;
  /** Milliseconds, and about: the real clock goes on while this one stands. */
  readonly created: number;
  value: string;
  version: number;
  expiresAt: string | undefined;
  metadata: object | undefined;
  earlier: Version | null;
  /** Erased, purged, or its value came again after it had expired and has another token now. */
  ended: boolean;
}

interface Got {
  readonly token: Token;
  readonly created: boolean;
}

/** A request that may be repeated. */
export type Asked =
  | { readonly verb: 'tokenise'; readonly request: TokeniseRequest }
  | { readonly verb: 'replace'; readonly request: ReplaceRequest }
  | { readonly verb: 'erase'; readonly request: EraseRequest };

interface Claim {
  readonly owner: Client;
  readonly key: string;
  readonly asked: Asked;
  readonly at: number;
  /** By item, what tokenise gave. */
  readonly got: ReadonlyMap<number, Got>;
  /** By item, the version that was changed. */
  readonly changed: ReadonlyMap<number, number>;
}

interface Facts {
  readonly item?: number;
  readonly collection?: string;
  readonly purpose?: string;
  readonly reason?: string;
  readonly rows?: object;
  readonly detail?: object;
}

/** What a request asks of each of its tokens. */
interface Seeking {
  readonly call: Call;
  readonly client: Client;
  readonly action: string;
  readonly purpose: string | null;
}

interface Sought {
  readonly collection: string;
  readonly token: string;
  readonly version?: number;
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
    const asked: Asked = { verb: 'tokenise', request };
    const first = this.#claimed(client, key);
    if (first !== null && !isSame(first.asked, asked))
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
      const came = this.#faultOf(item) ?? this.#issue(call, client, item, i, first, drawn);
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
    if (first === null && got.size > 0) this.#claim(client, key, asked, { got, changed: new Map() });
    return { items, requestId: call.id };
  }

  #faultOf(item: Item): Code | null {
    if (item.subject === CARD || isClear(item.metadata)) return 'value_in_clear';
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
  #issue(
    call: Call,
    { id: creator }: Client,
    item: Item,
    i: number,
    first: Claim | null,
    drawn: (i: number) => string,
  ): Got | Code {
    const { collection, subject, expiresAt, metadata } = item;
    if (first !== null) {
      const then = first.got.get(i);
      if (then === undefined) return 'conflict';
      // Whatever was put behind it since: the token is the one that was given.
      return this.#isLive(then.token) ? then : 'token_not_found';
    }
    const value = normalOf(item) ?? '';
    const twin = this.#holding(collection, value, subject)[0];
    if (twin !== undefined && isKnown(collection)) {
      if (this.#isLive(twin)) return { token: twin, created: false };
      twin.ended = true;
      this.#log(call, 'expire', 'done', { item: i, collection });
    }
    const answered = drawn(i);
    const isNew = this.#find(collection, answered) === undefined && answered !== value;
    const token =
      isNew && formOf(collection, value).test(answered) ? answered : 'a token never issued before';
    const begun = { version: 1, earlier: null, ended: false, creator, created: this.now };
    const issued: Token = { collection, token, value, subject, expiresAt, metadata, ...begun };
    this.tokens.push(issued);
    return { token: issued, created: true };
  }

  detokenise(call: Call, request: DetokeniseRequest): object {
    return this.#reveal(call, 'detokenise', request, (value) => ({ value }));
  }

  mask(call: Call, request: DetokeniseRequest): object {
    return this.#reveal(call, 'mask', request, (value, collection) => ({
      masked: maskOf(collection, value),
    }));
  }

  #reveal(
    call: Call,
    action: string,
    { purpose, items }: DetokeniseRequest,
    answer: (value: string, collection: string) => object,
  ): object {
    const client = this.#caller(call, action);
    if ('code' in client) return client;
    const seeking = { call, client, action, purpose };
    const answers = items.map((item, i) => {
      const found = this.#seek(seeking, item, i, null);
      if ('error' in found) return found;
      this.#log(call, action, 'done', aboutOf(seeking, item, i));
      return answer(found.value, item.collection);
    });
    return { items: answers, requestId: call.id };
  }

  verify(call: Call, { purpose, items }: VerifyRequest): object {
    const client = this.#caller(call, 'verify');
    if ('code' in client) return client;
    const seeking = { call, client, action: 'verify', purpose };
    const answers = items.map((item, i) => {
      const normal = normalOf(item);
      const found = this.#seek(seeking, item, i, normal === null ? 'invalid_value' : null);
      if ('error' in found) return found;
      const match = found.value === normal;
      this.#log(call, 'verify', 'done', { ...aboutOf(seeking, item, i), detail: { match } });
      return { match };
    });
    return { items: answers, requestId: call.id };
  }

  /** @param told the time that an item was told to be made at, which a model knows about */
  describe(call: Call, { items }: DescribeRequest, told: (item: number) => string): object {
    const client = this.#caller(call, 'describe');
    if ('code' in client) return client;
    const seeking = { call, client, action: 'describe', purpose: null };
    const answers = items.map((item, i) => {
      const found = this.#seek(seeking, item, i, null);
      if ('error' in found) return found;
      this.#log(call, 'describe', 'done', aboutOf(seeking, item, i));
      const { created, creator, version, expiresAt, subject, metadata } = found.token;
      const isAbout = Math.abs(Date.parse(told(i)) - created) < DAY / 24;
      const about = { created: isAbout ? told(i) : new Date(created).toISOString(), creator, version };
      return {
        ...about,
        ...(expiresAt !== undefined && { expiresAt }),
        ...(subject !== undefined && { subject }),
        ...(metadata !== undefined && { metadata }),
      };
    });
    return { items: answers, requestId: call.id };
  }

  lookup(call: Call, { items }: LookupRequest): object {
    const client = this.#caller(call, 'lookup');
    if ('code' in client) return client;
    if (items.some(({ subject }) => subject === CARD)) return this.#refuse(call, 'lookup', 'value_in_clear');
    const answers = items.map((item, i) => {
      const { collection, subject } = item;
      const about = { item: i, collection };
      const normal = normalOf(item);
      const denial =
        decide(client, 'lookup', collection, null) ??
        (isFound(collection) ? null : plainly('not_supported')) ??
        (normal === null ? plainly('invalid_value') : null);
      if (denial !== null) return this.#deny(call, 'lookup', about, denial);
      const found = this.#holding(collection, normal ?? '', subject).filter((one) => this.#isLive(one));
      const tokens = found.map(({ token }) => token).toSorted();
      this.#log(call, 'lookup', 'done', { ...about, detail: { rows: tokens } });
      return { tokens };
    });
    return { items: answers, requestId: call.id };
  }

  replace(call: Call, request: ReplaceRequest, key: string | null): object {
    return this.#change(call, { verb: 'replace', request }, key, (seeking, changed) => {
      const seen = new Set<Token>();
      const taken = new Set<string>();
      const changes: (() => void)[] = [];
      const items = request.items.map((item, i) => {
        const normal = normalOf(item);
        const misfit = normal === null ? 'invalid_value' : isClear(item.metadata) ? 'value_in_clear' : null;
        const found = this.#seek(seeking, item, i, misfit);
        if ('error' in found) return found;
        const { token } = found;
        const code = this.#misfitOf(token, item, normal ?? '', seen, taken);
        const about = aboutOf(seeking, item, i);
        if (code !== null) return this.#deny(call, 'replace', about, plainly(code));
        this.#endMet(call, token, normal ?? '', i);
        const version = token.version + 1;
        changed.set(i, version);
        this.#log(call, 'replace', 'done', { ...about, detail: { version } });
        changes.push(() => this.#replace(token, item, normal ?? ''));
        return { version };
      });
      for (const apply of changes) apply();
      return items;
    });
  }

  #misfitOf(
    token: Token,
    { ifVersion, expiresAt }: ReplaceRequest['items'][number],
    normal: string,
    seen: Set<Token>,
    taken: Set<string>,
  ): Code | null {
    const isTwice = seen.has(token);
    seen.add(token);
    if (isTwice || (ifVersion !== undefined && ifVersion !== token.version)) return 'conflict';
    if (typeof expiresAt === 'string' && Date.parse(expiresAt) <= this.now) return 'invalid_value';
    if (normal === token.token) return 'invalid_value';
    const { collection, subject } = token;
    if (!isKnown(collection) || token.value === normal) return null;
    // One value never has two tokens.
    const name = `${collection} ${subject ?? ''} ${normal}`;
    const isHeld =
      taken.has(name) || this.#holding(collection, normal, subject).some((one) => this.#isLive(one));
    taken.add(name);
    return isHeld ? 'conflict' : null;
  }

  /** A token of the new value that has expired and was not yet destroyed ends. */
  #endMet(call: Call, { collection, subject, value }: Token, normal: string, item: number): void {
    if (!isKnown(collection) || value === normal) return;
    for (const one of this.#holding(collection, normal, subject)) {
      one.ended = true;
      this.#log(call, 'expire', 'done', { item, collection });
    }
  }

  #replace(token: Token, { expiresAt, metadata }: ReplaceRequest['items'][number], normal: string): void {
    const overlap = overlapOf(token.collection);
    const ends = token.expiresAt === undefined ? Infinity : Date.parse(token.expiresAt);
    const { version, value } = token;
    token.earlier = overlap === null ? null : { version, value, until: Math.min(this.now + overlap, ends) };
    token.version++;
    token.value = normal;
    if (expiresAt !== undefined) token.expiresAt = expiresAt ?? undefined;
    token.metadata = metadata ?? token.metadata;
  }

  erase(call: Call, request: EraseRequest, key: string | null): object {
    return this.#change(call, { verb: 'erase', request }, key, (seeking, changed) => {
      const erased: Token[] = [];
      const items = request.items.map((item, i) => {
        const found = this.#seek(seeking, item, i, null);
        if ('error' in found) return found;
        changed.set(i, found.token.version);
        erased.push(found.token);
        const detail = { reason: request.reason };
        this.#log(call, 'erase', 'done', { ...aboutOf(seeking, item, i), detail });
        return { erased: true };
      });
      for (const token of erased) token.ended = true;
      return items;
    });
  }

  #change(
    call: Call,
    asked: Extract<Asked, { verb: 'replace' | 'erase' }>,
    key: string | null,
    change: (seeking: Seeking, changed: Map<number, number>) => object[],
  ): object {
    const client = this.#caller(call, asked.verb);
    if ('code' in client) return client;
    const { verb: action, request } = asked;
    const first = this.#claimed(client, key);
    if (first !== null && !isSame(first.asked, asked))
      return this.#refuse(call, action, 'idempotency_mismatch');
    const changed = new Map<number, number>();
    const seeking = { call, client, action, purpose: null };
    const items =
      first === null
        ? change(seeking, changed)
        : request.items.map((item, i) => this.#again(seeking, item, i, first.changed.get(i)));
    if (first === null && changed.size > 0) this.#claim(client, key, asked, { got: new Map(), changed });
    return { items, requestId: call.id };
  }

  #again({ call, client, action }: Seeking, item: Sought, i: number, version: number | undefined): object {
    const about = { item: i, collection: item.collection };
    const denial = decide(client, action, item.collection, null);
    if (denial !== null) return this.#deny(call, action, about, denial);
    if (version === undefined) return this.#deny(call, action, about, plainly('conflict'));
    this.#log(call, action, 'done', { ...about, detail: { version, repeated: true } });
    return action === 'erase' ? { erased: true } : { version };
  }

  /** A live token and the value at the version asked for, or why not. */
  #seek(
    seeking: Seeking,
    item: Sought,
    i: number,
    misfit: Code | null,
  ): { readonly token: Token; readonly value: string } | { readonly error: object } {
    const { call, client, action, purpose } = seeking;
    const { collection, token, version } = item;
    const found = this.#find(collection, token);
    const value = found === undefined ? null : this.#valueOf(found, version ?? found.version);
    const denial =
      decide(client, action, collection, purpose) ??
      (purpose === null ? null : this.#narrowing(client, action)) ??
      (misfit === null ? null : plainly(misfit)) ??
      decideFound(found, value, purpose);
    if (denial === null && found !== undefined && value !== null) return { token: found, value };
    const { code, reason } = denial ?? notFound('token_not_found');
    const isHidden = TOLD_TO_DESCRIBERS.includes(code) && !holds(client, 'describe', collection);
    const told = isHidden ? notFound(reason) : (denial ?? notFound(reason));
    return this.#deny(call, action, aboutOf(seeking, item, i), told);
  }

  /** The value that a token had at a version; null once that has ended. */
  #valueOf(token: Token, version: number): string | null {
    if (!this.#isLive(token)) return null;
    if (version === token.version) return token.value;
    const { earlier } = token;
    return earlier !== null && earlier.version === version && this.now < earlier.until ? earlier.value : null;
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
    const all = Object.entries(COLLECTIONS).map(([name, { purposes, format, tokens }]) => {
      const mine = touching(client, name);
      const held = purposes.filter((purpose) => mine.some((grant) => grant.purpose === purpose));
      const actions = [...new Set(mine.map(({ action }) => action))];
      return { name, format, tokens, purposes: held, actions };
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

  /** What a vault does on its own: drops the claims of yesterday, destroys what has expired. */
  maintain(): void {
    const kept = this.claims.filter(({ at }) => at >= this.clock - DAY);
    if (kept.length < this.claims.length) this.#latest = this.now;
    this.claims = kept;
    const stored = this.tokens.filter(({ ended }) => !ended);
    const rows = stored.filter((token) => !this.#isLive(token));
    const outlived = stored.filter(
      (token) => this.#isLive(token) && token.earlier !== null && token.earlier.until <= this.now,
    );
    for (const token of rows) token.ended = true;
    for (const token of outlived) token.earlier = null;
    if (rows.length + outlived.length > 0) this.#logPurge(rows.length, outlived.length);
  }

  #logPurge(rows: number, versions: number): void {
    this.#latest = this.now;
    const detail = { rows: Array(rows).fill(''), versions: Array(versions).fill('') };
    this.events.push(eventLine({ action: 'purge', outcome: 'done', actor: 'system:purge', detail }));
  }

  #claimed(client: Client, key: string | null): Claim | null {
    return this.claims.find((claim) => claim.owner === client && claim.key === key) ?? null;
  }

  #claim(owner: Client, key: string | null, asked: Asked, did: Pick<Claim, 'got' | 'changed'>): void {
    if (key !== null) this.claims = [...this.claims, { owner, key, asked, at: this.now, ...did }];
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

  /** What restrictions take from an action that shows something of a value. */
  #narrowing(client: Client, action: string): Denial | null {
    if (action === 'detokenise' && this.#isNarrowed(client, 'masked'))
      return { code: 'restricted', reason: 'masked' };
    return this.#isNarrowed(client, 'approval') ? { code: 'approval_required', reason: 'approval' } : null;
  }

  #isLive({ ended, expiresAt }: Token): boolean {
    return !ended && (expiresAt === undefined || this.now < Date.parse(expiresAt));
  }

  #find(collection: string, token: string): Token | undefined {
    return this.tokens.find((one) => one.collection === collection && one.token === token);
  }

  /** The tokens whose rows hold a value, expired ones included. */
  #holding(collection: string, value: string, subject: string | undefined): Token[] {
    return this.tokens.filter(
      (one) => !one.ended && one.collection === collection && one.value === value && one.subject === subject,
    );
  }

  /** A whole request's refusal for what is in it. */
  #refuse(call: Call, action: string, code: Code): Refused {
    this.#log(call, action, 'denied', { reason: code });
    return refusal(code);
  }

  #deny(
    call: Call,
    action: string,
    about: Facts,
    { code, reason, needed }: Denial,
  ): { readonly error: object } {
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

/** What an event must say, in one order; ids, times and salts are the vault's own. */
const TOLD = ['request', 'action', 'outcome', 'actor', 'item', 'collection', 'name', 'purpose', 'reason'];
const DETAILS = ['rows', 'count', 'found', 'refused', 'detail', 'match', 'version', 'versions', 'repeated'];
/** The verbs whose details a model tells. */
const DETAILED = new Set(['verify', 'lookup', 'replace', 'erase', 'purge']);

/** An event as a line that a model's can be held against: rows are counted. */
export function eventLine(event: Readonly<Record<string, unknown>>): string {
  const { detail, ...rest } = event;
  const told = DETAILED.has(String(event['action'])) ? { ...rest, detail } : rest;
  const counted: unknown = JSON.parse(
    JSON.stringify(told, (_, value: unknown) => (Array.isArray(value) ? value.length : value)),
  );
  return JSON.stringify(counted, [...TOLD, ...DETAILS]);
}

const aboutOf = ({ purpose }: Seeking, { collection }: Sought, item: number): Facts => ({
  item,
  collection,
  ...(purpose !== null && { purpose: PURPOSES.includes(purpose) ? purpose : 'unregistered' }),
});

function decideFound(found: Token | undefined, value: string | null, purpose: string | null): Denial | null {
  if (found === undefined) return notFound('token_not_found');
  if (value === null) return { code: 'token_ended', reason: 'token_ended' };
  return purpose === 'marketing' ? { code: 'consent_required', reason: 'consent_required' } : null;
}

/** How a call that fails whole is told. */
interface Refused {
  readonly code: Code;
  readonly needed: object | null;
}
const refusal = (code: Code, needed: object | null = null): Refused => ({ code, needed });

const error = (of: { readonly code: Code; readonly needed?: object }): { readonly error: object } => ({
  error: { ...of, title: titleOf(of.code) },
});

const plainly = (code: Code): Denial => ({ code, reason: code });
const notFound = (reason: string): Denial => ({ code: 'token_not_found', reason });

/** Whether metadata hold the one card number that they are given. */
const isClear = (metadata: object | undefined): boolean => JSON.stringify(metadata)?.includes(CARD) ?? false;

const isSame = (a: Asked, b: Asked): boolean =>
  a.verb === b.verb && JSON.stringify(a.request) === JSON.stringify(b.request);

function shown({ token: { token, expiresAt }, created }: Got, mayLookup: boolean): object {
  if (!mayLookup) return { token };
  return expiresAt === undefined ? { token, created } : { token, created, expiresAt };
}
