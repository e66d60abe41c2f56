import { keyedHash } from '../../crypto/mac.ts';
import { holdsValue } from '../../formats/clear-text.ts';
import type { DetokeniseRequest } from '../../wire/values.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft, earliest } from '../call.ts';
import type { Committed } from '../commit/commit.ts';
import type { Draft, Facts } from '../commit/event.ts';
import type { Core } from '../core.ts';
import { type Refusal, VaultError } from '../error.ts';
import type { Collection } from '../policy/active.ts';
import { decideFound, type Denial } from '../policy/decide.ts';
import type { Located, ValueRow } from '../store.ts';
import {
  answered,
  byCollection,
  decideItem,
  denied,
  type ItemAnswer,
  may,
  namedCollection,
  namedPurpose,
  refused,
} from './item.ts';
import { openValue } from './sealing.ts';
import { locate, stateOf } from './stored.ts';

export interface DetokeniseAnswer {
  readonly items: readonly ItemAnswer<{ readonly value: string }>[];
  readonly requestId: string;
}

/** An item that may be revealed once its event is durable. */
interface Allowed {
  readonly item: number;
  readonly collection: Collection;
  /** The token as asked: its cell opens under no other. */
  readonly token: string;
  readonly row: ValueRow;
  /** Its event's place among the request's. */
  readonly event: number;
}

/** What a batch came to: one event per item, whatever it is. */
interface Sorted {
  readonly allowed: Allowed[];
  readonly errors: Map<number, Refusal>;
  readonly drafts: Draft[];
}

/**
 * The walk out: parse, decide, find, decide again, commit the event, open, value.
 * @throws VaultError where the whole request fails; an item's failure stands in its place
 */
export async function detokenise(
  core: Core,
  caller: Caller,
  request: DetokeniseRequest,
): Promise<DetokeniseAnswer> {
  const { sorted, committed, call } = await attempt(
    core,
    caller,
    { action: 'detokenise', expected: 32 * request.items.length },
    async (attempted) => {
      if (request.ticket !== undefined && holdsValue(request.ticket)) throw new VaultError('value_in_clear');
      const came = await sort(attempted, request);
      const done = await commit(attempted, 'audit_unavailable', {
        relied: came.allowed.map(({ row }) => row),
        validUntil: came.allowed.reduce(
          (until: number | null, { row }) => earliest(until, row.expiresAt),
          null,
        ),
        drafts: came.drafts,
      });
      return done === null ? null : { sorted: came, committed: done, call: attempted };
    },
  );
  const values = await openAll(call, sorted, committed);
  const items = request.items.map(({ ref }, i): ItemAnswer<{ readonly value: string }> => {
    const value = values.get(i);
    if (value !== undefined) return answered(ref, { value });
    return refused(ref, sorted.errors.get(i) ?? { code: 'internal', needed: null });
  });
  return { items, requestId: call.origin.request };
}

const IN_CLEAR: Denial = { code: 'value_in_clear', reason: 'value_in_clear', needed: null };

async function sort(call: Call, request: DetokeniseRequest): Promise<Sorted> {
  const sorted: Sorted = { allowed: [], errors: new Map(), drafts: [] };
  const facts: Facts = {
    ...namedPurpose(call, request.purpose),
    ...(request.ticket === undefined ? {} : { ticket: request.ticket }),
  };
  const asked: { readonly item: number; readonly collection: Collection; readonly token: string }[] = [];
  for (const [item, { collection: name, token, ref }] of request.items.entries()) {
    const decided = decideItem(call, 'detokenise', name, request.purpose);
    if (ref !== undefined && holdsValue(ref)) {
      sorted.errors.set(item, IN_CLEAR);
      sorted.drafts.push(denied(call, 'detokenise', item, IN_CLEAR, facts));
    } else if ('denial' in decided) {
      sorted.errors.set(item, decided.denial);
      const named = namedCollection(decided.collection);
      sorted.drafts.push(denied(call, 'detokenise', item, decided.denial, { ...named, ...facts }));
    } else {
      const { collection } = decided;
      asked.push({ item, collection, token: collection.format.tokenForm(wellFormed(token)) });
    }
  }
  for (const [collection, group] of byCollection(asked)) {
    const found = await locate(
      call,
      collection,
      group.map(({ token }) => token),
    );
    for (const [i, one] of group.entries())
      sortFound(call, request.purpose, facts, one, found[i] ?? null, sorted);
  }
  return sorted;
}

function sortFound(
  call: Call,
  purpose: string,
  facts: Facts,
  asked: { readonly item: number; readonly collection: Collection; readonly token: string },
  located: Located | null,
  sorted: Sorted,
): void {
  const { item, collection, token } = asked;
  const basis = call.epoch.policy.bases.get(purpose) ?? 'consent';
  const denial = decideFound({
    state: stateOf(located, call.now),
    basis,
    mayDescribe: may(call, 'describe', collection),
  });
  const about = { ...namedCollection(collection), ...facts, ...namedRow(call, located, token) };
  const row = located?.value ?? null;
  if (denial === null && row !== null) {
    sorted.allowed.push({ item, collection, token, row, event: sorted.drafts.length });
    sorted.drafts.push(draft(call, 'detokenise', 'done', { item, ...about }));
  } else {
    const refusal = denial ?? { code: 'token_not_found', reason: 'token_not_found', needed: null };
    sorted.errors.set(item, refusal);
    sorted.drafts.push(denied(call, 'detokenise', item, refusal, about));
  }
}

/** A known token is named by its row and its subject's random id; an unknown one by a keyed hash of what was asked. */
function namedRow(call: Call, located: Located | null, token: string): Facts {
  if (located === null) {
    const hash = keyedHash(call.epoch.keys.vault('audit').secret, 'strongroom/unknown-token/v1', token);
    return { token: Buffer.from(hash).toString('base64url') };
  }
  const row = Buffer.from(located.row).toString('hex');
  const subject = located.value?.subject ?? null;
  return subject === null ? { row } : { row, subject };
}

/** Opens the cells, now that their events are durable. A cell that does not open has an event of its own first. */
async function openAll(call: Call, sorted: Sorted, committed: Committed): Promise<Map<number, string>> {
  const values = new Map<number, string>();
  const failed: Draft[] = [];
  for (const [i, { item, collection, token, row, event }] of sorted.allowed.entries()) {
    const value = openValue(call.epoch.keys, row, { token, collection: collection.id });
    if (value !== null) values.set(item, value);
    else {
      const about = { item, after: committed.first + event, ...namedCollection(collection) };
      failed.push(
        draft(call, 'reveal_failed', 'failed', { ...about, row: Buffer.from(row.row).toString('hex') }),
      );
    }
    if (i % 128 === 127) await call.core.world.breathe();
  }
  // Told whatever has changed since: it is a fact, not a decision.
  if (failed.length > 0)
    await commit({ ...call, actor: { ...call.actor, expiresAt: null } }, 'audit_unavailable', {
      epoch: null,
      drafts: failed,
    });
  return values;
}

/** Half of a surrogate pair has no UTF-8 form, and is in no token: it is looked for as what stands in its place. */
const wellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
