import { keyedHash } from '../../crypto/mac.ts';
import { holdsValue } from '../../formats/clear-text.ts';
import type { Code } from '../../wire/codes.ts';
import type { Call } from '../call.ts';
import { earliest } from '../call.ts';
import type { Draft, Facts } from '../commit/event.ts';
import { type Refusal, VaultError } from '../error.ts';
import type { Collection } from '../policy/active.ts';
import { decideFound, type Denial } from '../policy/decide.ts';
import type { Action } from '../policy/grant.ts';
import type { EarlierRow, ValueRow } from '../rows.ts';
import type { Located } from '../store.ts';
import { byCollection, decideItem, denied, may, namedCollection, namedPurpose } from './item.ts';
import { openEarlier, openValue } from './sealing.ts';
import { locate, stateOf } from './stored.ts';

/** One token of a batch, as its caller wrote it. */
export interface AskedToken {
  readonly collection: string;
  readonly token: string;
  /** A version of the value; without it the newest. */
  readonly version?: number;
  readonly ref?: string;
}

/** What is asked of every token of a batch. `facts` go into each item's event. */
export interface Asking {
  readonly action: Action;
  readonly purpose: string | null;
  readonly facts: Facts;
  /** What the request keeps in clear, beside its items. */
  readonly clear?: readonly (string | undefined)[];
  /** Refuses an item for what else is in it, before its token is looked for. */
  readonly fits?: (item: number, collection: Collection) => Code | null;
}

/** A token that was found, and may be acted on. */
export interface Live {
  readonly item: number;
  readonly collection: Collection;
  /** The token as asked, in its own form: its cell opens under no other. */
  readonly token: string;
  readonly row: ValueRow;
  /** The version before, where that is what was asked for. */
  readonly earlier: EarlierRow | null;
  /** What its event says. */
  readonly about: Facts;
}

/** What each item of a batch came to, by its place: one event, and an error where it failed. */
export interface Outcomes {
  readonly errors: Map<number, Refusal>;
  readonly events: Map<number, Draft>;
}

/** What a batch of tokens came to: those that are live have no event yet. */
export interface Sought extends Outcomes {
  readonly live: Live[];
}

interface Asked {
  readonly item: number;
  readonly collection: Collection;
  readonly token: string;
  readonly version: number | null;
}

/**
 * Decides, finds the tokens of each collection in one read, and decides on what was found.
 * @throws VaultError `value_in_clear` where the request itself holds an account number in clear
 */
export async function seek(call: Call, asked: Asking, items: readonly AskedToken[]): Promise<Sought> {
  if (asked.clear?.some((text) => text !== undefined && holdsValue(text)) === true)
    throw new VaultError('value_in_clear');
  const asking = { ...asked, facts: { ...namedPurpose(call, asked.purpose), ...asked.facts } };
  const sought: Sought = { live: [], errors: new Map(), events: new Map() };
  const wanted: Asked[] = [];
  for (const [item, one] of items.entries()) {
    const decided = admitted(call, asking, one, item, sought);
    if (decided !== null) wanted.push(decided);
  }
  for (const [collection, group] of byCollection(wanted)) {
    const tokens = group.map(({ token }) => token);
    const found = await locate(call, collection, tokens);
    const earlier = await earlierOf(call, group, found);
    for (const [i, one] of group.entries())
      sortFound(call, asking, one, found[i] ?? null, earlier[i] ?? null, sought);
  }
  return sought;
}

/** An item that the decision lets through, before anything is read; null if it is refused. */
function admitted(call: Call, asking: Asking, one: AskedToken, item: number, sought: Sought): Asked | null {
  const { action, purpose, facts } = asking;
  const deny = (denial: Denial, named: Facts): null => {
    refuse(call, asking, item, denial, { ...named, ...facts }, sought);
    return null;
  };
  if (one.ref !== undefined && holdsValue(one.ref)) return deny(plainly('value_in_clear'), {});
  const decision = decideItem(call, action, one.collection, purpose);
  if ('denial' in decision) return deny(decision.denial, namedCollection(decision.collection));
  const { collection } = decision;
  const misfit = asking.fits?.(item, collection) ?? null;
  if (misfit !== null) return deny(plainly(misfit), namedCollection(collection));
  const token = collection.format.tokenForm(wellFormed(one.token));
  return { item, collection, token, version: one.version ?? null };
}

/** Earlier versions, read for all tokens of a collection where any is asked for: whatever becomes of each. */
async function earlierOf(
  { core }: Call,
  group: readonly Asked[],
  found: readonly (Located | null)[],
): Promise<readonly (EarlierRow | null)[]> {
  if (group.every(({ version }) => version === null)) return [];
  return core.store.earlier(group.map((_, i) => found[i]?.row ?? NO_ROW));
}

const NO_ROW = new Uint8Array(16);

function sortFound(
  call: Call,
  asking: Asking,
  { item, collection, token, version }: Asked,
  located: Located | null,
  kept: EarlierRow | null,
  sought: Sought,
): void {
  const { action, purpose, facts } = asking;
  const row = located?.value ?? null;
  const isNewest = version === null || version === row?.version;
  // The one before, and no other: an older row that is put back opens as well as ever.
  const isBefore = kept !== null && kept.version === version && version + 1 === row?.version;
  const earlier = !isNewest && isBefore && call.now < kept.until ? kept : null;
  const state = stateOf(located, call.now);
  const denial = decideFound({
    state: state === 'live' && !isNewest && earlier === null ? 'ended' : state,
    basis: purpose === null ? null : (call.epoch.policy.bases.get(purpose) ?? 'consent'),
    mayDescribe: may(call, 'describe', collection),
  });
  const about = { ...namedCollection(collection), ...facts, ...namedRow(call, located, token) };
  if (denial === null && row !== null) sought.live.push({ item, collection, token, row, earlier, about });
  else refuse(call, { action }, item, denial ?? plainly('token_not_found'), about, sought);
}

export const plainly = (code: Code): Denial => ({ code, reason: code, needed: null });

/** Notes an item's error and the event of its denial. */
export function refuse(
  call: Call,
  { action }: Pick<Asking, 'action'>,
  item: number,
  denial: Denial,
  about: Facts,
  { errors, events }: Outcomes,
): void {
  errors.set(item, denial);
  events.set(item, denied(call, action, item, denial, about));
}

/** The events of a batch, in its order: every item has one. */
export function inOrder({ events }: Outcomes): readonly Draft[] {
  const ordered: Draft[] = [];
  for (const [item, event] of events) ordered[item] = event;
  return ordered;
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

/** Half of a surrogate pair has no UTF-8 form, and is in no token: it is looked for as what stands in its place. */
const wellFormed = (text: string): string => text.replaceAll(/\p{Surrogate}/gu, '\ufffd');

/** The normal form behind a live token, or null if its cell does not open. */
export function openLive({ epoch }: Call, { row, earlier, token, collection }: Live): string | null {
  const asked = { token, collection: collection.id };
  if (earlier === null) return openValue(epoch.keys, row, asked);
  return openEarlier(epoch.keys, row, earlier, asked);
}

/** Until when what was found holds, in milliseconds. */
export const validUntil = (live: readonly Live[]): number | null =>
  live.reduce(
    (until: number | null, { row, earlier }) =>
      earliest(earliest(until, row.expiresAt), earlier?.until ?? null),
    null,
  );
