import type { LookupRequest } from '../../wire/values.ts';
import { attempt } from '../attempt.ts';
import { mustBeAnchored } from '../audit/coverage.ts';
import { type Call, type Caller, commit, draft, earliest } from '../call.ts';
import type { Core } from '../core.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { VaultError } from '../error.ts';
import { EDITED, rowName } from '../findings.ts';
import { holdsValue } from '../../formats/clear-text.ts';
import type { Collection } from '../policy/active.ts';
import type { FingerprintRow, ValueRow } from '../rows.ts';
import type { Relied } from '../statement.ts';
import { answered, byCollection, decideItem, type ItemAnswer, namedCollection, refused } from './item.ts';
import { hasMoved } from './known.ts';
import { printer } from './print.ts';
import { openValue } from './sealing.ts';
import { inOrder, type Outcomes, plainly, refuse } from './seek.ts';
import { knownSubjects } from './subject.ts';

/** The live tokens of a value, oldest first; `more` where there are others beyond the most that are answered. */
export interface LookedUp {
  readonly tokens: readonly string[];
  readonly more?: true;
}

export interface LookupAnswer {
  readonly items: readonly ItemAnswer<LookedUp>[];
  readonly requestId: string;
}

/** Tokens that are answered for one value, and in all: each is opened, is in an event, and is held until it is answered. */
const MOST_TOKENS = 100;
const MOST_IN_ALL = 10_000;

interface Sorted extends Outcomes {
  readonly asked: Asked[];
  readonly answers: Map<number, LookedUp>;
  readonly relied: Relied[];
  /** Tokens that are answered for each value: its share, whatever the others have. */
  readonly most: number;
  validUntil: number | null;
}

interface Asked {
  readonly item: number;
  readonly collection: Collection;
  readonly normal: string;
  /** The subject's id; of one that the vault has never seen, one that no row has. */
  readonly subject: string | null;
}

const NOBODY = '';

/** Finds the tokens of values. It shows that a value is held, and so each item has its event first. */
export const lookup = (core: Core, caller: Caller, request: LookupRequest): Promise<LookupAnswer> =>
  attempt(core, caller, { action: 'lookup', expected: 32 * request.items.length }, async (call) => {
    await mustBeAnchored(call);
    const sorted = await sort(call, request);
    for (const [collection, group] of byCollection(sorted.asked))
      if (!(await find(call, collection, group, sorted))) return null;
    const { relied, validUntil } = sorted;
    const told = await commit(call, 'audit_unavailable', { relied, validUntil, drafts: inOrder(sorted) });
    if (told === null) return null;
    const items = request.items.map(({ ref }, i): ItemAnswer<LookedUp> => {
      const answer = sorted.answers.get(i);
      if (answer !== undefined) return answered(ref, answer);
      return refused(ref, sorted.errors.get(i) ?? { code: 'internal', needed: null });
    });
    return { items, requestId: call.origin.request };
  });

async function sort(call: Call, { items }: LookupRequest): Promise<Sorted> {
  const refs = new Set(items.flatMap(({ subject }) => subject ?? []));
  if ([...refs].some(holdsValue)) throw new VaultError('value_in_clear');
  const ids = await knownSubjects(call, refs);
  const sorted: Sorted = {
    asked: [],
    answers: new Map(),
    errors: new Map(),
    events: new Map(),
    relied: [],
    most: Math.min(MOST_TOKENS, Math.floor(MOST_IN_ALL / items.length)),
    validUntil: null,
  };
  for (const [item, { collection: name, value, subject, ref }] of items.entries()) {
    const decision = decideItem(call, 'lookup', name, null);
    const about = namedCollection(decision.collection);
    const deny = (denial: ReturnType<typeof plainly>): void =>
      refuse(call, { action: 'lookup' }, item, denial, about, sorted);
    if (holdsValue(ref ?? '')) deny(plainly('value_in_clear'));
    else if ('denial' in decision) deny(decision.denial);
    else if (decision.collection.printing.prints === null) deny(plainly('not_supported'));
    else {
      const { collection } = decision;
      const parsed = collection.format.parse(value);
      const id = subject === undefined ? null : (ids.get(subject) ?? NOBODY);
      if (parsed.ok) sorted.asked.push({ item, collection, normal: parsed.normal, subject: id });
      else deny(plainly('invalid_value'));
    }
  }
  return sorted;
}

/** Values that are looked for between two turns of the event loop: each may have a hundred tokens, whose cells are opened. */
const PIECE = 8;

/** Finds the values of one collection, a piece at a time. False as below. */
async function find(
  call: Call,
  collection: Collection,
  group: readonly Asked[],
  sorted: Sorted,
): Promise<boolean> {
  for (let at = 0; at < group.length; at += PIECE) {
    if (!(await findSome(call, collection, group.slice(at, at + PIECE), sorted))) return false;
    await call.core.world.breathe();
  }
  return true;
}

/**
 * Finds some values: by fingerprint, then the rows, then each cell is opened and compared.
 * @returns false if a row moved between the two reads: decide again
 */
async function findSome(
  call: Call,
  collection: Collection,
  group: readonly Asked[],
  sorted: Sorted,
): Promise<boolean> {
  const printOf = printer(call, collection.printing);
  const prints = group.map(({ normal, subject }) => printOf(normal, subject).fingerprint);
  const pointers = await pointersOf(call, collection, prints, sorted.most);
  const values = await call.core.store.located(pointers.flat().map(({ row }) => row));
  let position = 0;
  for (const [i, one] of group.entries()) {
    const pointing = pointers[i] ?? [];
    const found = pointing.map((pointer) => ({ pointer, value: values[position++] ?? null }));
    if (!(await settle(call, one, found, sorted))) return false;
  }
  return true;
}

/** One more than is answered, to know that there are others. */
async function pointersOf(
  { core }: Call,
  { id, printing }: Collection,
  prints: readonly Uint8Array[],
  most: number,
): Promise<readonly (readonly FingerprintRow[])[]> {
  if (printing.prints === 'lookups') return core.store.lookedUp(id, prints, most + 1);
  const rows = await core.store.fingerprinted(id, prints);
  return rows.map((row) => (row === null ? [] : [row]));
}

/** A pointer and the value that it points at; null where that has ended since. */
interface Pointed {
  readonly pointer: FingerprintRow;
  readonly value: ValueRow | null;
}

async function settle(call: Call, asked: Asked, found: readonly Pointed[], sorted: Sorted): Promise<boolean> {
  const { item, collection, subject } = asked;
  const tokens: string[] = [];
  const rows: string[] = [];
  for (const { pointer, value } of found.slice(0, sorted.most)) {
    if (value === null || (value.expiresAt !== null && call.now >= value.expiresAt)) continue;
    if (!isHis(call, asked, pointer, value)) {
      const [again = []] = await pointersOf(call, collection, [pointer.fingerprint], sorted.most);
      if (await hasMoved(call, again, pointer, value)) return false;
      call.core.findings.note({ table: 'values', record: rowName(pointer.row), problem: EDITED });
      const about = namedCollection(collection);
      refuse(call, { action: 'lookup' }, item, plainly('integrity'), about, sorted);
      return true;
    }
    tokens.push(value.token);
    rows.push(rowName(value.row));
    sorted.relied.push({ row: value.row, version: value.version });
    sorted.validUntil = earliest(sorted.validUntil, value.expiresAt);
  }
  const more = found.length > sorted.most;
  sorted.answers.set(item, { tokens, ...(more ? { more } : {}) });
  const facts = {
    item,
    ...namedCollection(collection),
    ...(subject === null || subject === NOBODY ? {} : { subject }),
  };
  sorted.events.set(item, draft(call, 'lookup', 'done', { ...facts, detail: { rows } }));
  return true;
}

/** Whether a pointer is the vault's, and its value the one that was asked for. */
function isHis(call: Call, { collection, normal, subject }: Asked, pointer: FingerprintRow, value: ValueRow) {
  const { prints, id } = collection.printing;
  if (prints === null || value.subject !== subject) return false;
  if (!isAuthentic(call.epoch.keys.vault('rows').secret, prints, pointer)) return false;
  return openValue(call.epoch.keys, value, { token: value.token, collection: id }) === normal;
}
