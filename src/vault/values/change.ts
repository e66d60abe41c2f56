import type { Code } from '../../wire/codes.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import { type Claim, claimOf, claimRow, firstUnder } from '../claim.ts';
import type { Core } from '../core.ts';
import type { Draft, Facts } from '../commit/event.ts';
import { rowName } from '../findings.ts';
import { COLLECTION_ID, ROW_ID } from '../id.ts';
import type { ClaimRow } from '../rows.ts';
import type { Ending, Insert, Relied, Replacement } from '../statement.ts';
import { answered, decideItem, type ItemAnswer, namedCollection, refused } from './item.ts';
import {
  type AskedToken,
  type Asking,
  inOrder,
  type Live,
  plainly,
  refuse,
  seek,
  type Sought,
  validUntil,
} from './seek.ts';

/** What changing the tokens of a request adds to its commit, and what each item came to. */
export interface Changes {
  readonly inserts: Insert[];
  readonly endings: Ending[];
  readonly replacements: Replacement[];
  /** Values that are refused over what was read after them: were they changed since, it is decided again. */
  readonly relied: Relied[];
  /** By item: the event of an expired row that it met, and that ends too. */
  readonly met: Map<number, Draft>;
  /** By item: the version that its token's value has now. */
  readonly done: Map<number, Changed>;
}

export interface Changed {
  readonly row: Uint8Array;
  /** Its collection's id: a repeated request may find the name given to another. */
  readonly collection: string;
  readonly version: number;
}

/** A batch of tokens that are to be changed. */
export interface Changing<T> {
  readonly asking: Asking;
  readonly request: { readonly items: readonly AskedToken[] };
  readonly idempotencyKey: string | null;
  /** Adds what changes live tokens: each is `done`, or refused in `sought`. */
  readonly change: (call: Call, sought: Sought, into: Changes) => Promise<void>;
  readonly answer: (changed: Changed) => T;
}

/**
 * The walk of what changes live tokens: claim, decide, find, change, commit. It shows nothing of a value.
 * @throws VaultError where the whole request fails; an item's failure stands in its place
 */
export const change = <T extends object>(
  core: Core,
  caller: Caller,
  { asking, request, idempotencyKey, change: add, answer }: Changing<T>,
): Promise<readonly ItemAnswer<T>[]> => {
  const { items } = request;
  const attempted = { action: asking.action, expected: 96 * items.length };
  return attempt(core, caller, attempted, async (call) => {
    const claim = claimOf(call, asking.action, idempotencyKey, request);
    const into: Changes = {
      inserts: [],
      endings: [],
      replacements: [],
      relied: [],
      met: new Map(),
      done: new Map(),
    };
    const first = await firstUnder(call, claim);
    const sought = first === null ? await seek(call, asking, items) : again(call, asking, items, first, into);
    if (first === null) await add(call, sought, into);
    const claimed = first === null ? claims(call, claim, items.length, into) : [];
    // Nothing to change: perhaps the first request under the key has done it since it was looked for, and answers then.
    if (first === null && claimed.length === 0 && (await firstUnder(call, claim)) !== null) return null;
    const committed = await commit(call, 'unavailable', {
      inserts: [...claimed, ...into.inserts],
      endings: into.endings,
      replacements: into.replacements,
      relied: into.relied,
      validUntil: validUntil(sought.live),
      drafts: inOrder(sought).flatMap((event, item) => withMet(into.met.get(item), event)),
    });
    if (committed === null) return null;
    return items.map(({ ref }, i): ItemAnswer<T> => {
      const changed = into.done.get(i);
      if (changed !== undefined) return answered(ref, answer(changed));
      return refused(ref, sought.errors.get(i) ?? { code: 'internal', needed: null });
    });
  });
};

const withMet = (met: Draft | undefined, event: Draft): readonly Draft[] =>
  met === undefined ? [event] : [met, event];

/** Notes that an item is done, with its event. */
export function done(
  call: Call,
  { action }: Pick<Asking, 'action'>,
  { item, collection, row, about }: Live,
  version: number,
  detail: NonNullable<Facts['detail']>,
  sought: Sought,
  into: Changes,
): void {
  into.done.set(item, { row: row.row, collection: collection.id, version });
  sought.events.set(item, draft(call, action, 'done', { item, ...about, detail }));
}

/** Refuses a live token after all. */
export const refuseLive = (
  call: Call,
  asking: Pick<Asking, 'action'>,
  { item, about }: Live,
  code: Code,
  sought: Sought,
): void => refuse(call, asking, item, plainly(code), about, sought);

/** Each item's entry in a claim: whether it was done (1 byte), its row id, the version (4 bytes), its collection's id. */
const VERSION = 1 + ROW_ID;
const COLLECTION = VERSION + 4;
const ENTRY = COLLECTION + COLLECTION_ID;

function claims(call: Call, claim: Claim | null, items: number, into: Changes): Insert[] {
  // What changed nothing claims nothing: it may be asked again.
  if (claim === null || into.done.size === 0) return [];
  const entries = Buffer.alloc(items * ENTRY);
  for (const [item, { row, version, collection }] of into.done) {
    const at = item * ENTRY;
    entries[at] = 1;
    entries.set(row, at + 1);
    entries.writeUInt32BE(version, at + VERSION);
    entries.write(collection, at + COLLECTION, COLLECTION_ID, 'latin1');
  }
  return [claimRow(call, claim, entries)];
}

/** Answers a repeated request from what the first one did, decided and recorded afresh. */
function again(
  call: Call,
  { action }: Asking,
  items: readonly AskedToken[],
  first: ClaimRow,
  into: Changes,
): Sought {
  const sought: Sought = { live: [], errors: new Map(), events: new Map() };
  for (const [item, { collection: name }] of items.entries()) {
    const decision = decideItem(call, action, name, null);
    const about = namedCollection(decision.collection);
    const before = entryOf(first, item);
    // It was refused then and might not be now; but done now it would be done twice. Where the name is another collection's
    // by now, the first request was not about this one.
    const isHis = before !== null && before.collection === decision.collection?.id;
    const denial = 'denial' in decision ? decision.denial : isHis ? null : plainly('conflict');
    if (denial === null && before !== null) {
      into.done.set(item, before);
      const detail = { version: before.version, repeated: true };
      const facts = { item, ...about, row: rowName(before.row), detail };
      sought.events.set(item, draft(call, action, 'done', facts));
    } else {
      refuse(call, { action }, item, denial ?? plainly('conflict'), about, sought);
    }
  }
  return sought;
}

function entryOf({ rows }: ClaimRow, item: number): Changed | null {
  const entry = Buffer.from(rows.subarray(item * ENTRY, (item + 1) * ENTRY));
  if (entry.length !== ENTRY || entry[0] !== 1) return null;
  const row = entry.subarray(1, VERSION);
  return {
    row,
    version: entry.readUInt32BE(VERSION),
    collection: entry.toString('latin1', COLLECTION),
  };
}
