import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BoundVault } from '../../src/vault/bound.ts';
import type { Caller } from '../../src/vault/call.ts';
import { VaultError } from '../../src/vault/error.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import { KINDS } from '../../src/vault/policy/grant.ts';
import type { AddClientRequest } from '../../src/wire/clients.ts';
import type {
  DetokeniseRequest,
  EraseRequest,
  LookupRequest,
  ReplaceRequest,
  TokeniseRequest,
} from '../../src/wire/values.ts';
import { logOf } from '../attack/tamper.ts';
import { timesOf } from '../engine.ts';
import { type Clock, makeVaultDir, openVaultDir, type TestVault } from '../harness.ts';
import { type Asked, type Call, type Client, eventLine, Model, type Narrowing } from './model.ts';
import { CARD, COLLECTIONS, COVERED, POLICY, PURPOSES, VALUES } from './model-policy.ts';

/** Random histories of a real vault: every answer, and then the log, is held against the model's. */

/** The clock moves by this, and things expire half a tick later: nothing hangs on how long a history takes. */
const TICK = 7 * 60 * 60 * 1000;

/** What an arbitrary makes. */
type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;

/** How a call comes: to which process, and with its key presented anew or as it was bound before. */
interface Via {
  readonly process: number;
  readonly anew: boolean;
}

/** Two processes over one store, as a server and a command line are. */
class Real {
  readonly clock: Clock = { offset: 0 };
  readonly #dir: string;
  #processes: readonly TestVault[] = [];
  #callers = new Map<string, Caller['who']>();
  #calls = 0;
  /** Values that were answered. */
  revealed = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  at(process: number): TestVault {
    return pick(this.#processes, process);
  }

  async restart(): Promise<void> {
    await this.close();
    this.#callers = new Map();
    this.#processes = [await openVaultDir(this.#dir, this.clock), await openVaultDir(this.#dir, this.clock)];
  }

  async close(): Promise<void> {
    for (const { close } of this.#processes) await close();
  }

  /** When the log was last moved, in milliseconds. */
  async lastAt(): Promise<number> {
    const [head] = await this.at(0).writer.sql('select last_at from head');
    return Number(head?.['last_at']);
  }

  by(client: Client | null): Call {
    return { client, id: `req_${++this.#calls}` };
  }

  /** What a call comes to: its answer, or why it was refused whole. */
  async ask(via: Via, call: Call, verb: (vault: BoundVault) => Promise<object>): Promise<object> {
    try {
      return await verb(this.at(via.process).vault.bind(await this.#callerOf(via, call)));
    } catch (failure) {
      if (!(failure instanceof VaultError)) throw failure;
      return { code: failure.code, needed: failure.needed };
    }
  }

  /** What was bound with a key that is none any more, or not for long. */
  forget({ id }: Client): void {
    for (const process of [0, 1]) this.#callers.delete(`${process} ${id}`);
  }

  async #callerOf({ process, anew }: Via, { client, id: request }: Call): Promise<Caller> {
    if (client === null) return hostCaller('tester', request);
    const name = `${process % this.#processes.length} ${client.id}`;
    const before = anew ? undefined : this.#callers.get(name);
    const who = before ?? (await this.at(process).vault.authenticate(client.key, null));
    this.#callers.set(name, who);
    return { who, origin: { via: 'http', to: 'caller', from: null, request, trace: null } };
  }

  async detokenise(via: Via, call: Call, request: DetokeniseRequest): Promise<object> {
    const answer = await this.ask(via, call, (vault) => vault.detokenise(request));
    this.revealed += itemsOf(answer).filter((item) => 'value' in item).length;
    return answer;
  }
}

const itemsOf = (answer: object): readonly object[] => ('items' in answer ? (answer.items as object[]) : []);
const textIn = (answer: object = {}, key: string): string => String(Reflect.get(answer, key));

function pick<T>(all: readonly T[], nth: number): T {
  const one = all[nth % all.length];
  if (one === undefined) throw new RangeError('there is none to pick');
  return one;
}

const which = fc.nat(1000);
/** In ticks; what has none left has expired. */
const lives = fc.constantFrom(null, null, null, null, null, 0, 1, 1, 2, 5);
const expiry = ({ now }: Model, ticks: number): string => new Date(now + (ticks - 0.5) * TICK).toISOString();

const PURPOSELESS = ['tokenise', 'replace', 'lookup', 'describe', 'erase'];
const SHOWING = ['detokenise', 'mask', 'verify'];
const EVERYTHING = [
  ...PURPOSELESS.map((action) => `${action}:*`),
  ...SHOWING.flatMap((action) => PURPOSES.map((name) => `${action}:*@${name}`)),
];
const PLAIN = EVERYTHING.filter((grant) => !/^(?:lookup|describe):/.test(grant));
/** The first three stay, so that no history runs dry: one may do everything, the others are told no more than they must be. */
const FIRST = [
  { name: 'everything', kind: 'service', grants: EVERYTHING, expiresAt: null },
  { name: 'plain', kind: 'service', grants: PLAIN, expiresAt: null },
  { name: 'writer', kind: 'service', grants: ['tokenise:*'], expiresAt: null },
  { name: 'narrow', kind: 'custodian', grants: ['clients:cards'], expiresAt: null },
] satisfies AddClientRequest[];
const STAYING = 3;
const pattern = fc.constantFrom(...Object.keys(COVERED), 'cards/*');
const grants = {
  service: fc.oneof(
    fc.tuple(fc.constantFrom(...PURPOSELESS), pattern).map((parts) => parts.join(':')),
    fc
      .tuple(fc.constantFrom(...SHOWING), pattern, fc.constantFrom(...PURPOSES))
      .map(([action, name, purpose]) => `${action}:${name}@${purpose}`),
    fc.constant('role:settler'),
  ),
  custodian: fc.constantFrom('clients:*', 'policy:*', 'clients:cards'),
  auditor: fc.constant('audit:*'),
};
const some = <T>(one: fc.Arbitrary<T>, maxLength = 5) => fc.array(one, { minLength: 1, maxLength });
const newClient = fc.oneof(
  fc.record({ kind: fc.constant('service'), grants: fc.subarray(EVERYTHING, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('service'), grants: some(grants.service, 8) }),
  fc.record({ kind: fc.constant('custodian'), grants: some(grants.custodian, 2) }),
  fc.record({ kind: fc.constant('auditor'), grants: some(grants.auditor) }),
  // Kinds exclude one another: most of these are refused.
  fc.record({ kind: fc.constantFrom(...KINDS), grants: some(fc.oneof(...Object.values(grants))) }),
);

/** A token that was issued, or a text that was not. */
const someToken = fc.option(which, { freq: 5 });
const tokenOf = (
  { tokens }: Model,
  nth: number | null,
): { readonly collection: string; readonly token: string } =>
  nth === null || tokens.length === 0
    ? { collection: 'cards', token: '4111110000001112' }
    : pick(tokens, nth);

const wanted = fc.record({
  collection: fc.constantFrom(
    ...Object.keys(COLLECTIONS),
    'cards-known',
    'cards-known',
    'notes-known',
    'nowhere',
  ),
  value: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...Object.keys(VALUES)) },
    { weight: 2, arbitrary: someToken },
  ),
  subject: fc.constantFrom(null, null, null, null, null, 'cus:one', 'cus:one', 'cus:two', CARD),
  lives,
  metadata: fc.constantFrom(null, null, null, { note: 'beside the value', n: 1 }, { note: CARD }),
});
const wantedItem = (model: Model, { lives: ticks, metadata, ...wantedOne }: Of<typeof wanted>) => ({
  ...valueItem(model, wantedOne),
  ...(ticks !== null && { expiresAt: expiry(model, ticks) }),
  ...(metadata !== null && { metadata }),
});
const valueItem = (
  model: Model,
  { collection, value, subject }: Pick<Of<typeof wanted>, 'collection' | 'value' | 'subject'>,
) => ({
  collection,
  value: typeof value === 'string' ? value : tokenOf(model, value).token,
  ...(subject !== null && { subject }),
});

const soughtItem = fc.record({
  nth: someToken,
  elsewhere: fc.constantFrom(...Array.from({ length: 12 }, () => null), 'cards', 'cards-known', 'nowhere'),
});
const namedItem = (model: Model, { nth, elsewhere }: Of<typeof soughtItem>) => {
  const { collection, token } = tokenOf(model, nth);
  return { collection: elsewhere ?? collection, token };
};
const sought = fc.record({
  /** Null for one that fits the first token. */
  purpose: fc.constantFrom(null, null, null, null, ...PURPOSES, 'resale'),
  items: some(fc.record({ one: soughtItem, version: fc.constantFrom(null, null, null, 1, 2, 3) })),
});
function soughtRequest(model: Model, { purpose, items }: Of<typeof sought>): DetokeniseRequest {
  const asked = items.map(({ one, version }) => ({
    ...namedItem(model, one),
    ...(version !== null && { version }),
  }));
  const fitting = COLLECTIONS[asked[0]?.collection ?? '']?.purposes[0];
  return { purpose: purpose ?? fitting ?? 'settlement', items: asked };
}

const replacing = fc.record({
  one: soughtItem,
  value: wanted.map(({ value }) => value),
  /** Beside the version that the token is at: what has not been changed yet is at the first. */
  ifVersion: fc.constantFrom(null, null, null, null, null, 1, 2),
  /** In ticks; `never` takes an expiry away. */
  lives: fc.oneof(lives, fc.constant('never' as const)),
  metadata: fc.constantFrom(null, null, null, null, { note: 'new' }, { note: 'new' }, { note: CARD }),
});
function replacingItem(model: Model, { one, value, ifVersion, metadata, ...more }: Of<typeof replacing>) {
  const named = namedItem(model, one);
  // Mostly what fits: a value of another format changes nothing.
  const isText = COLLECTIONS[named.collection]?.format === 'text';
  const fits = typeof value === 'string' && (isText || VALUES[value] !== null);
  const expiresAt = typeof more.lives === 'number' ? expiry(model, more.lives) : null;
  return {
    ...named,
    value: typeof value === 'string' ? (fits ? value : '378282246310005') : tokenOf(model, value).token,
    ...(ifVersion !== null && { ifVersion }),
    ...(more.lives !== null && { expiresAt }),
    ...(metadata !== null && { metadata }),
  };
}

type Changing = Extract<Asked, { verb: 'replace' | 'erase' }>;
const keys = fc.constantFrom(null, null, null, null, 'a', 'b', 'c', 'd');

/** One call of a history: who makes it, and how it comes. */
interface Step {
  readonly model: Model;
  readonly real: Real;
  readonly call: Call;
  readonly via: Via;
}

function command<Args>(
  weight: number,
  name: string,
  given: fc.Arbitrary<Args>,
  run: (step: Step, args: Args) => Promise<void>,
) {
  const via = fc.record({ process: fc.nat(1), anew: fc.boolean() });
  /** Half of all calls are made by whoever may do everything, so that there is something to be wrong about. */
  const caller = fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat(STAYING - 1) },
    { weight: 2, arbitrary: which },
  );
  const arbitrary = fc.record({ via, caller, args: given }).map((drawn) => ({
    check: () => true,
    run: (model: Model, real: Real) =>
      run({ model, real, via: drawn.via, call: real.by(pick(model.clients, drawn.caller)) }, drawn.args),
    toString: () => `${name} ${fc.stringify(drawn)}`,
  }));
  return { weight, arbitrary };
}

/** Who adds and revokes: the host itself, or a client that may or may not. */
const by = fc.option(which, { freq: 2 });
const stepBy = ({ model, real, via }: Step, nth: number | null): Step => ({
  model,
  real,
  via,
  call: real.by(nth === null ? null : pick(model.clients, nth)),
});

function moveClock({ model, real }: Pick<Step, 'model' | 'real'>, ticks: number): void {
  model.clock += ticks * TICK;
  real.clock.offset += ticks * TICK;
}

async function askWho({ model, real, call, via }: Step): Promise<void> {
  expect(await real.ask(via, call, (vault) => vault.whoami())).toEqual(model.whoami(call));
  expect(await real.ask(via, call, (vault) => vault.collections())).toEqual(model.collections(call));
}

async function add({ model, real, call, via }: Step, request: AddClientRequest): Promise<void> {
  const answer = await real.ask(via, call, (vault) => vault.clients.add(request));
  const made = { id: textIn(answer, 'id'), key: textIn(answer, 'key') };
  expect(answer).toEqual(model.addClient(call, request, made));
  // What its grants cover, the collections that it is told of show.
  const added = model.clients.find(({ id }) => id === made.id);
  if (added !== undefined) await askWho({ model, real, via, call: real.by(added) });
}

/** The same request some times at once, to both processes. It has one id: nobody can tell which of them was first. */
async function tokenise(
  { model, real, call, via }: Step,
  request: TokeniseRequest,
  key: string | null,
  times: number,
): Promise<void> {
  const ways = Array.from({ length: times }, (_, i) => ({ ...via, process: (via.process + i) % 2 }));
  const answers = await Promise.all(
    ways.map((way) => real.ask(way, call, (vault) => vault.tokenise(request, key))),
  );
  // Whichever created the most was first.
  const created = (answer: object): number => JSON.stringify(answer).split('"created":true').length;
  for (const answer of answers.toSorted((a, b) => created(b) - created(a))) {
    const drawn = (item: number): string => textIn(itemsOf(answer)[item], 'token');
    expect(answer).toEqual(model.tokenise(call, request, key, drawn));
  }
}

/** What is asked some times at once, to both processes, is answered as if one after another. */
async function change(
  { model, real, call, via }: Step,
  asked: Changing,
  key: string | null,
  times: number,
): Promise<void> {
  const ways = Array.from({ length: times }, (_, i) => ({ ...via, process: (via.process + i) % 2 }));
  const answers = await Promise.all(
    ways.map((way) =>
      real.ask(way, call, (vault) =>
        asked.verb === 'replace' ? vault.replace(asked.request, key) : vault.erase(asked.request, key),
      ),
    ),
  );
  // Whoever was refused the least was first; then, whose versions are the lowest.
  for (const answer of answers.toSorted((a, b) => lateness(a) - lateness(b))) {
    const told =
      asked.verb === 'replace'
        ? model.replace(call, asked.request, key)
        : model.erase(call, asked.request, key);
    expect(answer).toEqual(told);
  }
}

function lateness(answer: object): number {
  const text = JSON.stringify(answer);
  const versions = itemsOf(answer).map((item) => Number(Reflect.get(item, 'version') ?? 0));
  const sum = versions.reduce((all, version) => all + version, 0);
  return text.split('"code"').length * 1e6 + text.split('"conflict"').length * 1e4 + sum;
}

/** A token is erased, or gets another value, while both processes read it: its old value is not answered after that. */
async function overtake(step: Step, nth: number, asked: 'erase' | Of<typeof replacing>): Promise<void> {
  const { model, real, call, via } = step;
  if (model.tokens.length === 0) return;
  const { collection, token, value } = pick(model.tokens, nth);
  const purpose = COLLECTIONS[collection]?.purposes[0] ?? '';
  const reader = pick(model.clients, 0);
  const named = { collection, token };
  const reading = [0, 1, 2, 3].map(async (n) => {
    const own = real.by(reader);
    const answer = await real.detokenise({ ...via, process: n }, own, { purpose, items: [named] });
    return { own, answer };
  });
  const changing: Changing =
    asked === 'erase'
      ? { verb: 'erase', request: { reason: 'asked', items: [named] } }
      : { verb: 'replace', request: { items: [{ ...replacingItem(model, asked), ...named }] } };
  const changed = await real.ask(via, call, (vault) =>
    changing.verb === 'erase' ? vault.erase(changing.request) : vault.replace(changing.request),
  );
  const read = await Promise.all(reading);
  const isOld = ({ answer }: (typeof read)[number]): boolean => textIn(itemsOf(answer)[0], 'value') === value;
  const check = (part: typeof read): void => {
    for (const { own, answer } of part)
      expect(answer).toEqual(model.detokenise(own, { purpose, items: [named] }));
  };
  check(read.filter(isOld));
  const told =
    changing.verb === 'erase'
      ? model.erase(call, changing.request, null)
      : model.replace(call, changing.request, null);
  expect(changed).toEqual(told);
  check(read.filter((one) => !isOld(one)));
}

/** A client is revoked while it reads: whatever was still answered, the log has it before the revocation. */
async function race({ model, real, via }: Step, client: Client, request: DetokeniseRequest): Promise<void> {
  const revoking = real.by(null);
  const reading = [1, 2, 3].map(async () => {
    const call = real.by(client);
    return { call, answer: await real.detokenise(via, call, request) };
  });
  const revoked = await real.ask(via, revoking, (vault) => vault.clients.revoke({ client: client.id }));
  const read = await Promise.all(reading);
  const check = (part: typeof read): void => {
    for (const { call, answer } of part) expect(answer).toEqual(model.detokenise(call, request));
  };
  const isEnded = (answer: object): boolean => textIn(answer, 'code') === 'unauthenticated';
  check(read.filter(({ answer }) => !isEnded(answer)));
  expect(revoked).toEqual(model.revokeClient(revoking, client.id));
  check(read.filter(({ answer }) => isEnded(answer)));
}

/** @param until null to end it */
const narrow = (
  clients: BoundVault['clients'],
  client: string,
  how: Narrowing,
  until: number | null,
): Promise<object> => {
  const end = until === null ? null : new Date(until).toISOString();
  if (how === 'suspended')
    return end === null ? clients.resume({ client }) : clients.suspend({ client, until: end });
  return end === null
    ? clients.lift({ client, restriction: how })
    : clients.restrict({ client, restriction: how, until: end });
};

const COMMANDS = [
  command(
    5,
    'add',
    fc.record({ by, name: fc.constantFrom(...'abcdefghijklmnopqrst'.split('')), lives, newClient }),
    (step, args) => {
      const expiresAt = args.lives === null ? null : expiry(step.model, args.lives);
      return add(stepBy(step, args.by), { name: args.name, ...args.newClient, expiresAt });
    },
  ),
  command(
    1,
    'revoke',
    fc.record({ by, nth: which, named: fc.constantFrom('id', 'name', 'amiss') }),
    async (step, args) => {
      const { model, real, call, via } = stepBy(step, args.by);
      const client = pick(model.clients.slice(STAYING), args.nth);
      const named = args.named === 'amiss' ? 'nobody' : client[args.named];
      const answer = await real.ask(via, call, (vault) => vault.clients.revoke({ client: named }));
      expect(answer).toEqual(model.revokeClient(call, named));
      // Whatever became of it holds at once, in the other process too.
      await askWho({ model, real, via: { process: 1 - via.process, anew: false }, call: real.by(client) });
    },
  ),
  command(
    2,
    'narrow',
    fc.record({
      by,
      nth: which,
      how: fc.constantFrom<Narrowing>('suspended', 'masked', 'approval'),
      ticks: fc.constantFrom(null, 1, 1, 2),
    }),
    async (step, { by: nthBy, nth, how, ticks }) => {
      const { model, real, call, via } = stepBy(step, nthBy);
      const client = pick(model.clients, nth);
      const until = ticks === null ? null : Date.parse(expiry(model, ticks));
      const answer = await real.ask(via, call, ({ clients }) => narrow(clients, client.id, how, until));
      expect(answer).toEqual(model.narrowClient(call, client.id, how, until));
      await askWho({ model, real, via: { process: 1 - via.process, anew: false }, call: real.by(client) });
    },
  ),
  command(
    1,
    'rotate',
    fc.record({ by, nth: which, ticks: fc.constantFrom(null, 1, 2) }),
    async (step, { by: nthBy, nth, ticks }) => {
      const { model, real, call, via } = stepBy(step, nthBy);
      const client = pick(model.clients, nth);
      const { key: prior } = client;
      const until = ticks === null ? null : Date.parse(expiry(model, ticks));
      const priorKeyUntil = until === null ? null : new Date(until).toISOString();
      const answer = await real.ask(via, call, ({ clients }) =>
        clients.rotate({ client: client.id, priorKeyUntil }),
      );
      expect(answer).toEqual(model.rotateClient(call, client.id, until, textIn(answer, 'key')));
      if (client.key === prior) return;
      real.forget(client);
      // The other process takes the new key at once, and the one before as long as that was said.
      const other = { process: 1 - via.process, anew: true };
      const before = { ...client, key: prior };
      const asked = real.by(before);
      const told = await real.ask(other, asked, (vault) => vault.whoami());
      real.forget(client);
      if (until === null) expect(told).toEqual({ code: 'unauthenticated', needed: null });
      else if ('id' in told) model.whoami({ ...asked, client });
      else expect(told).toEqual(model.whoami({ ...asked, client }));
      await askWho({ model, real, via: other, call: real.by(client) });
    },
  ),
  command(1, 'revoke while it reads', fc.record({ nth: which, sought }), (step, args) =>
    race(step, pick(step.model.clients.slice(STAYING), args.nth), soughtRequest(step.model, args.sought)),
  ),
  command(
    8,
    'tokenise',
    fc.record({
      items: some(wanted),
      key: keys,
      times: fc.constantFrom(1, 1, 1, 3),
    }),
    (step, { items, key, times }) =>
      tokenise(step, { items: items.map((item) => wantedItem(step.model, item)) }, key, times),
  ),
  command(
    6,
    'ask again',
    fc.record({
      nth: which,
      isItsOwn: fc.constantFrom(true, true, true, false),
      isChanged: fc.constantFrom(false, false, true),
      times: fc.constantFrom(1, 2),
      later: fc.constantFrom(0, 0, 1, 2),
    }),
    async (step, args) => {
      if (step.model.claims.length === 0) return;
      moveClock(step, args.later);
      const { owner, key, asked } = pick(step.model.claims, args.nth);
      const call = args.isItsOwn ? { ...step.call, client: owner } : step.call;
      const again = args.isChanged ? twice(asked) : asked;
      if (again.verb === 'tokenise') await tokenise({ ...step, call }, again.request, key, args.times);
      else await change({ ...step, call }, again, key, args.times);
    },
  ),
  command(8, 'detokenise', sought, async ({ model, real, call, via }, args) => {
    const request = soughtRequest(model, args);
    expect(await real.detokenise(via, call, request)).toEqual(model.detokenise(call, request));
  }),
  command(3, 'mask', sought, async ({ model, real, call, via }, args) => {
    const request = soughtRequest(model, args);
    expect(await real.ask(via, call, (vault) => vault.mask(request))).toEqual(model.mask(call, request));
  }),
  command(
    3,
    'verify',
    fc.record({ sought, value: wanted.map(({ value }) => value) }),
    async ({ model, real, call, via }, args) => {
      const { purpose, items } = soughtRequest(model, args.sought);
      const value = typeof args.value === 'string' ? args.value : tokenOf(model, args.value).token;
      const request = { purpose, items: items.map((item) => ({ ...item, value })) };
      const answer = await real.ask(via, call, (vault) => vault.verify(request));
      expect(answer).toEqual(model.verify(call, request));
    },
  ),
  command(3, 'describe', some(soughtItem), async ({ model, real, call, via }, items) => {
    const request = { items: items.map((item) => namedItem(model, item)) };
    const answer = await real.ask(via, call, (vault) => vault.describe(request));
    const told = (item: number): string => textIn(itemsOf(answer)[item], 'created');
    expect(answer).toEqual(model.describe(call, request, told));
  }),
  command(3, 'lookup', some(wanted), async ({ model, real, call, via }, items) => {
    const request: LookupRequest = { items: items.map((item) => valueItem(model, item)) };
    const answer = await real.ask(via, call, (vault) => vault.lookup(request));
    expect(inAnyOrder(answer)).toEqual(model.lookup(call, request));
  }),
  command(
    8,
    'replace',
    fc.record({ items: some(replacing), key: keys, times: fc.constantFrom(1, 1, 1, 3) }),
    (step, { items, key, times }) => {
      const request: ReplaceRequest = { items: items.map((item) => replacingItem(step.model, item)) };
      return change(step, { verb: 'replace', request }, key, times);
    },
  ),
  command(
    2,
    'erase',
    fc.record({ items: some(soughtItem, 3), key: keys, times: fc.constantFrom(1, 1, 2) }),
    (step, { items, key, times }) => {
      const named = items.map((item) => namedItem(step.model, item));
      const request: EraseRequest = { reason: 'asked', items: named };
      return change(step, { verb: 'erase', request }, key, times);
    },
  ),
  command(
    2,
    'erase or replace while it is read',
    fc.record({ nth: which, asked: fc.oneof(fc.constant('erase' as const), replacing) }),
    (step, { nth, asked }) => overtake(step, nth, asked),
  ),
  command(1, 'ask who and what', fc.constant(null), askWho),
  command(2, 'move the clock', fc.constantFrom(1, 1, 2, 4), async (step, ticks) => moveClock(step, ticks)),
  // A host may come up with its clock wrong: time in the vault stands still until that has caught up.
  command(1, 'restart', fc.constantFrom(0, 0, 0, 3), async ({ model, real }, back) => {
    moveClock({ model, real }, -back);
    const before = await real.lastAt();
    await real.restart();
    if ((await real.lastAt()) !== before) model.committed();
  }),
  // Servers do it every few seconds, and meet: one of them purges.
  command(2, 'maintain', fc.constantFrom(1, 1, 2), async ({ model, real, via }, times) => {
    const before = await real.lastAt();
    const all = Array.from({ length: times }, (_, i) => real.at(via.process + i).vault.maintain());
    await Promise.all(all);
    model.maintain();
    // Last uses are hints, written now and then: whether any were, no model tells.
    if ((await real.lastAt()) !== before) model.committed();
  }),
];

/** Another body under the same key. */
function twice(asked: Asked): Asked {
  const { verb, request } = asked;
  if (verb === 'tokenise') return { verb, request: { items: [...request.items, ...request.items] } };
  if (verb === 'replace') return { verb, request: { items: [...request.items, ...request.items] } };
  return { verb, request: { ...request, items: [...request.items, ...request.items] } };
}

/** Rows that were made in one millisecond have no order that a model could know. */
const inAnyOrder = (answer: object): object => {
  if (!('items' in answer)) return answer;
  const items = itemsOf(answer).map((item) =>
    'tokens' in item ? { ...item, tokens: (item.tokens as string[]).toSorted() } : item,
  );
  return { ...answer, items };
};

/** What holds of any history, as its log and the vault's own verification tell it. */
async function checkLog(model: Model, real: Real): Promise<void> {
  const { host } = real.at(0);
  expect(await host.audit.verify()).toMatchObject({ ok: true, findings: [], rows: model.tokens.length });
  // The harness's own calls, which made the vault and have just verified it, share one id.
  const events = (await logOf(real.at(0))).filter(
    ({ request, action }) => request !== 'cli_test' && action !== 'key_refused',
  );
  const actors = events.map(({ actor }) => textIn(Object(actor), 'id'));
  const lines = events.map((event, i) => {
    const isOwn = event['action'] === 'purge';
    return eventLine({ ...event, actor: actors[i], ...(isOwn && { request: undefined }) });
  });
  expect(lines.toSorted()).toEqual(model.events.toSorted());
  const reveals = events.filter(({ action, outcome }) => action === 'detokenise' && outcome === 'done');
  expect(reveals).toHaveLength(real.revealed);
  checkEnds(events);
  const text = JSON.stringify(events);
  const unsaid = [
    ...Object.keys(VALUES),
    'cus:one',
    'cus:two',
    'beside the value',
    ...model.tokens.map(({ token }) => token),
  ];
  for (const one of unsaid) expect(text).not.toContain(one);
  // Nobody acts after its revocation, as the log orders them, or from its expiry on.
  const revocations = new Map<string, number>();
  for (const [i, { action, outcome, detail }] of events.entries()) {
    const client = textIn(Object(detail), 'client');
    if (action === 'clients.revoke' && outcome === 'done' && !revocations.has(client))
      revocations.set(client, i);
  }
  for (const { id, expiresAt } of model.clients) {
    const last = actors.lastIndexOf(id);
    const end = revocations.get(id);
    if (end !== undefined) expect(last).toBeLessThanOrEqual(end);
    if (last !== -1 && expiresAt !== null) expect(String(events[last]?.['at']) < expiresAt).toBe(true);
  }
}

/** What has ended is shown no more, as the log orders it: whatever was decided beside an ending stands before it. */
function checkEnds(events: readonly Record<string, unknown>[]): void {
  /** By row: the request that ended it, which may have named it twice. */
  const ended = new Map<string, unknown>();
  for (const { action, outcome, row, detail, request } of events) {
    const { repeated = false, rows = [] } = Object(detail) as { repeated?: boolean; rows?: string[] };
    if (outcome !== 'done' || repeated) continue;
    if (typeof row === 'string') expect(ended.get(row) ?? request, `${String(action)} ${row}`).toBe(request);
    if (action === 'erase' || action === 'expire') ended.set(String(row), request);
    for (const one of action === 'purge' ? rows : []) ended.set(one, request);
  }
}

async function runHistory(commands: Iterable<fc.AsyncCommand<Model, Real>>): Promise<void> {
  const model = new Model(Date.now());
  const real = new Real(await makeVaultDir(POLICY));
  try {
    await real.restart();
    for (const request of FIRST)
      await add({ model, real, call: real.by(null), via: { process: 0, anew: true } }, request);
    await fc.asyncModelRun(() => ({ model, real }), commands);
    await checkLog(model, real);
  } finally {
    await real.close();
  }
}

it('any history of clients, values, time and restarts is as the model tells it', async () => {
  const histories = fc.commands([fc.oneof(...COMMANDS)], { maxCommands: 100, size: 'max' });
  await fc.assert(fc.asyncProperty(histories, runHistory), {
    numRuns: timesOf(30, 5),
    unbiased: true,
    // Shrinking on a slow machine ends in time to print what it has.
    interruptAfterTimeLimit: 40_000,
  });
});
