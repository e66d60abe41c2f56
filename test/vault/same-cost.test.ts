import { expect, it } from 'vitest';
import type { BoundVault } from '../../src/vault/bound.ts';
import type { Store } from '../../src/vault/store.ts';
import { eventsOf } from '../attack/tamper.ts';
import { newVault } from '../harness.ts';
import { openAround } from './wrapped.ts';

/** Whatever becomes of a token that a caller may not act on: the same reads, one commit, one event, one answer. */

const POLICY = `
purposes:
  settlement: { basis: contract }
  marketing: { basis: consent }
collections:
  cards: { format: pan, lengths: { min: 15, max: 19 }, lookup: true, purposes: [settlement, marketing] }
  secrets: { format: text, overlap: 1h, purposes: [settlement, marketing] }
  elsewhere: { format: text, purposes: [settlement] }
`;
const PREPARING = ['tokenise', 'replace', 'erase'].map((action) => `${action}:*`);
const SHOWING = ['detokenise', 'mask', 'verify'].flatMap((action) =>
  ['settlement', 'marketing'].map((purpose) => `${action}:*@${purpose}`),
);
const PAN = '4111111111111111';
const HOUR = 3_600_000;

/** What a store was asked: each read with how much it was asked for, each transaction. */
type Count = Map<string, number>;

function counting(store: Store, count: Count): Store {
  const note = (what: string): void => void count.set(what, (count.get(what) ?? 0) + 1);
  return new Proxy(store, {
    get: (target, name, receiver) => {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        const lists = given.filter((one) => Array.isArray(one)).map(({ length }) => length);
        note(`${String(name)} ${lists.join(' ')}`);
        return Reflect.apply(member, target, given);
      };
    },
  });
}

interface Asked {
  readonly collection: string;
  readonly token: string;
  readonly version?: number;
}

const VERBS: Record<string, (vault: BoundVault, item: Asked, purpose: string) => Promise<object>> = {
  detokenise: (vault, item, purpose) => vault.detokenise({ purpose, items: [item] }),
  mask: (vault, item, purpose) => vault.mask({ purpose, items: [item] }),
  verify: (vault, item, purpose) => vault.verify({ purpose, items: [{ ...item, value: PAN }] }),
  describe: (vault, { collection, token }) => vault.describe({ items: [{ collection, token }] }),
  replace: (vault, { collection, token }) =>
    vault.replace({ items: [{ collection, token, value: PAN }] }, 'a key'),
  erase: (vault, { collection, token }) =>
    vault.erase({ reason: 'asked', items: [{ collection, token }] }, 'a key'),
};

/** Tokens that are there no more, or never were, by what they are. */
async function prepared(collection: string) {
  const open = await newVault(POLICY);
  const { vault } = await open.add(PREPARING);
  const expiresAt = new Date(Date.now() + HOUR).toISOString();
  const make = async (more: object, inside = collection): Promise<string> => {
    const { items } = await vault.tokenise({ items: [{ collection: inside, value: PAN, ...more }] });
    return items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  };
  const purged = await make({ expiresAt });
  open.clock.offset += 2 * HOUR;
  await open.vault.maintain();
  const expired = await make({ expiresAt: new Date(Date.now() + 3 * HOUR).toISOString() });
  const erased = await make({ subject: 'cus_1', metadata: { a: 1 } });
  await vault.erase({ reason: 'asked', items: [{ collection, token: erased }] });
  const replaced = await make({ subject: 'cus_1' });
  await vault.replace({ items: [{ collection, token: replaced, value: PAN }] });
  open.clock.offset += 2 * HOUR;
  const misplaced = await make({}, 'elsewhere');
  const gone = { unknown: 'no such token', misplaced, erased, expired, purged };
  return { open, gone, live: await make({ subject: 'cus_1' }), replaced };
}

const around = async (open: Awaited<ReturnType<typeof newVault>>, grants: readonly string[]) => {
  const { key } = await open.add(grants);
  const count: Count = new Map();
  const beside = await openAround(open, (store) => counting(store, count));
  const vault = await beside.as(key);
  await vault.whoami();
  const events = (): number => eventsOf(open.storePath).length;
  /** What a call answers and costs. */
  const ask = async (call: () => Promise<object>) => {
    count.clear();
    const before = events();
    const answer = await call();
    return { answer, asked: Object.fromEntries(count), events: events() - before };
  };
  return { vault, ask };
};

it.each(Object.keys(VERBS))('%s costs the same for each token that is not there', async (verb) => {
  for (const collection of ['cards', 'secrets']) {
    const { open, gone, live, replaced } = await prepared(collection);
    // A grant to describe tells a token that has ended from one that never was: the verb itself then may.
    const grants = verb === 'describe' ? ['describe:*'] : [...PREPARING, ...SHOWING];
    const { vault, ask } = await around(open, grants);
    const seen = (token: string, purpose: string, version?: number) => {
      const item = { collection, token, ...(version === undefined ? {} : { version }) };
      return ask(async () => (await VERBS[verb]?.(vault, item, purpose)) ?? {});
    };
    const isShowing = SHOWING.some((grant) => grant.startsWith(`${verb}:`));
    for (const version of isShowing ? [undefined, 1, 7] : [undefined]) {
      const unknown = await seen(gone.unknown, 'settlement', version);
      expect(unknown).toMatchObject({
        events: 1,
        answer: { items: [{ error: { code: 'token_not_found' } }] },
      });
      expect(unknown.asked).toMatchObject({ 'locate 1': 1, 'transact ': 1 });
      const all = Object.entries(gone).map(([what, token]) => [what, token, 'settlement'] as const);
      const unconsented = [['without consent', live, 'marketing'] as const];
      const versioned = [
        ['of another version', live, 'settlement'] as const,
        ['of a version before that has ended', replaced, 'settlement'] as const,
      ].slice(0, version === 7 ? 2 : 0);
      const outlived = version === 1 ? [['outlived', replaced, 'settlement'] as const] : [];
      for (const [what, token, purpose] of [
        ...all,
        ...(isShowing ? unconsented : []),
        ...versioned,
        ...outlived,
      ]) {
        const { answer, ...cost } = await seen(token, purpose, version);
        expect(cost, what).toEqual({ asked: unknown.asked, events: 1 });
        if (verb !== 'describe') expect(answer, what).toEqual(unknown.answer);
      }
    }
  }
});

it('a lookup costs the same for values and subjects that nobody has', async () => {
  const { open } = await prepared('cards');
  const { vault, ask } = await around(open, ['lookup:*']);
  const seen = (value: string, subject: string) =>
    ask(() => vault.lookup({ items: [{ collection: 'cards', value, subject }] }));
  const unknown = await seen('5555555555554444', 'cus_1');
  expect(unknown.answer).toMatchObject({ items: [{ tokens: [] }] });
  expect(await seen(PAN, 'cus_2')).toEqual(unknown);
  expect(await seen('378282246310005', 'cus_3')).toEqual(unknown);
});
