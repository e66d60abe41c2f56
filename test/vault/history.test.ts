import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BoundVault } from '../../src/vault/bound.ts';
import type { Caller } from '../../src/vault/call.ts';
import { VaultError } from '../../src/vault/error.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import { KINDS } from '../../src/vault/policy/grant.ts';
import type { AddClientRequest } from '../../src/wire/clients.ts';
import type { DetokeniseRequest, TokeniseRequest } from '../../src/wire/values.ts';
import { eventsOf } from '../attack/tamper.ts';
import { type Clock, makeVaultDir, openVaultDir, type TestVault } from '../harness.ts';
import {
  type Call,
  CARD,
  type Client,
  COLLECTIONS,
  COVERED,
  eventLine,
  Model,
  type Narrowing,
  PURPOSES,
  VALUES,
} from './model.ts';

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
  lastAt(): number {
    const db = new Database(this.at(0).storePath, { readonly: true });
    const at = db.prepare<[], number>('select last_at from head').pluck().get();
    db.close();
    return at ?? 0;
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
    const name = `${process} ${client.id}`;
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
const lives = fc.constantFrom(null, null, null, 0, 1, 1, 2, 5);
const expiry = ({ now }: Model, ticks: number): string => new Date(now + (ticks - 0.5) * TICK).toISOString();

const EVERYTHING = [
  'tokenise:*',
  'lookup:*',
  'describe:*',
  ...PURPOSES.map((name) => `detokenise:*@${name}`),
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
    fc.tuple(fc.constantFrom('tokenise', 'lookup', 'describe'), pattern).map((parts) => parts.join(':')),
    fc.tuple(pattern, fc.constantFrom(...PURPOSES)).map((parts) => `detokenise:${parts.join('@')}`),
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
    ? { collection: 'cards', token: '4111110000001111' }
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
  subject: fc.constantFrom(null, null, null, null, null, 'cus_1', 'cus_1', 'cus_2', CARD),
  lives,
});
const wantedItem = (model: Model, { collection, value, subject, lives: ticks }: Of<typeof wanted>) => ({
  collection,
  value: typeof value === 'string' ? value : tokenOf(model, value).token,
  ...(subject !== null && { subject }),
  ...(ticks !== null && { expiresAt: expiry(model, ticks) }),
});

const sought = fc.record({
  /** Null for one that fits the first token. */
  purpose: fc.constantFrom(null, null, null, null, ...PURPOSES, 'resale'),
  items: some(
    fc.record({
      nth: someToken,
      elsewhere: fc.constantFrom(null, null, null, null, null, 'cards', 'cards-known', 'nowhere'),
    }),
  ),
});
function soughtRequest(model: Model, { purpose, items }: Of<typeof sought>): DetokeniseRequest {
  const asked = items.map(({ nth, elsewhere }) => {
    const { collection, token } = tokenOf(model, nth);
    return { collection: elsewhere ?? collection, token };
  });
  const fitting = COLLECTIONS[asked[0]?.collection ?? '']?.purposes[0];
  return { purpose: purpose ?? fitting ?? 'settlement', items: asked };
}

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
  /** Half of all calls are made by those who stay. */
  const caller = fc.oneof(fc.nat(STAYING - 1), which);
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
      key: fc.constantFrom(null, null, null, null, 'a', 'b', 'c', 'd'),
      times: fc.constantFrom(1, 1, 1, 3),
    }),
    (step, { items, key, times }) =>
      tokenise(step, { items: items.map((item) => wantedItem(step.model, item)) }, key, times),
  ),
  command(
    4,
    'tokenise again',
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
      const { owner, key, request } = pick(step.model.claims, args.nth);
      const call = args.isItsOwn ? { ...step.call, client: owner } : step.call;
      const items = args.isChanged ? [...request.items, ...request.items] : request.items;
      await tokenise({ ...step, call }, { items }, key, args.times);
    },
  ),
  command(8, 'detokenise', sought, async ({ model, real, call, via }, args) => {
    const request = soughtRequest(model, args);
    expect(await real.detokenise(via, call, request)).toEqual(model.detokenise(call, request));
  }),
  command(1, 'ask who and what', fc.constant(null), askWho),
  command(2, 'move the clock', fc.constantFrom(1, 1, 2, 4), async (step, ticks) => moveClock(step, ticks)),
  // A host may come up with its clock wrong: time in the vault stands still until that has caught up.
  command(1, 'restart', fc.constantFrom(0, 0, 0, 3), async ({ model, real }, back) => {
    moveClock({ model, real }, -back);
    const before = real.lastAt();
    await real.restart();
    if (real.lastAt() !== before) model.committed();
  }),
  command(1, 'maintain', fc.constant(null), async ({ model, real, via }) => {
    const before = real.lastAt();
    await real.at(via.process).vault.maintain();
    model.maintain();
    // Last uses are hints, written now and then: whether any were, no model tells.
    if (real.lastAt() !== before) model.committed();
  }),
];

/** What holds of any history, as its log and the vault's own verification tell it. */
async function checkLog(model: Model, real: Real): Promise<void> {
  const { host, storePath } = real.at(0);
  expect(await host.audit.verify()).toMatchObject({ ok: true, findings: [], rows: model.tokens.length });
  // The harness's own calls, which made the vault and have just verified it, share one id.
  const events = eventsOf(storePath).filter(
    ({ request, action }) => request !== 'cli_test' && action !== 'key_refused',
  );
  const actors = events.map(({ actor }) => textIn(Object(actor), 'id'));
  const lines = events.map((event, i) => eventLine({ ...event, actor: actors[i] }));
  expect(lines.toSorted()).toEqual(model.events.toSorted());
  const reveals = events.filter(({ action, outcome }) => action === 'detokenise' && outcome === 'done');
  expect(reveals).toHaveLength(real.revealed);
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

async function runHistory(commands: Iterable<fc.AsyncCommand<Model, Real>>): Promise<void> {
  const model = new Model(Date.now());
  const real = new Real(await makeVaultDir());
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
    numRuns: 30,
    unbiased: true,
    // Shrinking on a slow machine ends in time to print what it has.
    interruptAfterTimeLimit: 40_000,
  });
});
