import { attempt } from '../attempt.ts';
import { mustBeAnchored } from '../audit/coverage.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Draft, Facts } from '../commit/event.ts';
import type { Core } from '../core.ts';
import { rowName } from '../findings.ts';
import { answered, type ItemAnswer, refused } from './item.ts';
import { type AskedToken, type Asking, inOrder, type Live, seek, type Sought, validUntil } from './seek.ts';

/** A batch of tokens that are to be shown, and how. */
export interface Showing<T> {
  readonly asking: Asking;
  readonly items: readonly AskedToken[];
  /** Reads what rendering needs, before the events are committed. */
  readonly prepare?: (call: Call, live: readonly Live[]) => Promise<void>;
  /** What a caller gets of a live token, now that its event is durable; null if a cell does not open. */
  readonly render: (call: Call, live: Live) => T | null;
}

/**
 * The walk out: decide, find, decide again, commit the events, and only then open.
 * @throws VaultError where the whole request fails; an item's failure stands in its place
 */
export async function show<T extends object>(
  core: Core,
  caller: Caller,
  showing: Showing<T>,
): Promise<readonly ItemAnswer<T>[]> {
  const { asking, items } = showing;
  const attempted = { action: asking.action, expected: 32 * items.length };
  const recorded = await attempt(core, caller, attempted, (call) => record(call, showing));
  const rendered = await renderAll(recorded, showing);
  return items.map(({ ref }, i) => {
    const one = rendered.get(i);
    if (one !== undefined) return answered(ref, one);
    return refused(ref, recorded.sought.errors.get(i) ?? { code: 'internal', needed: null });
  });
}

/** A batch whose events are durable. */
interface Recorded {
  readonly call: Call;
  readonly sought: Sought;
  /** The index of the first item's event: every item has one, and the n-th is the n-th item's. */
  readonly first: number;
}

async function record<T>(call: Call, { asking, items, prepare }: Showing<T>): Promise<Recorded | null> {
  const { action } = asking;
  await mustBeAnchored(call);
  const sought = await seek(call, asking, items);
  await prepare?.(call, sought.live);
  for (const { item, about } of sought.live)
    sought.events.set(item, draft(call, action, 'done', { item, ...about }));
  const done = await commit(call, 'audit_unavailable', {
    relied: sought.live.map(({ row }) => row),
    validUntil: validUntil(sought.live),
    drafts: inOrder(sought),
  });
  return done === null ? null : { call, sought, first: done.first };
}

/** Opens the cells. One that does not open has an event of its own before its error is answered. */
async function renderAll<T>(
  { call, sought, first }: Recorded,
  { render }: Showing<T>,
): Promise<ReadonlyMap<number, T>> {
  const rendered = new Map<number, T>();
  const failed: Draft[] = [];
  for (const [i, live] of sought.live.entries()) {
    const one = render(call, live);
    if (one === null) failed.push(failure(call, live, { after: first + live.item }));
    else rendered.set(live.item, one);
    if (i % 128 === 127) await call.core.world.breathe();
  }
  if (failed.length > 0) await tell(call, failed);
  return rendered;
}

/** The event of a cell that did not open. */
export const failure = (call: Call, { item, row, about }: Live, facts: Facts = {}): Draft =>
  draft(call, 'reveal_failed', 'failed', {
    item,
    ...facts,
    ...(about.collection === undefined ? {} : { collection: about.collection }),
    row: rowName(row.row),
  });

/** Told whatever has changed since: it is a fact, not a decision. */
const tell = (call: Call, drafts: readonly Draft[]) =>
  commit({ ...call, actor: { ...call.actor, expiresAt: null } }, 'audit_unavailable', {
    epoch: null,
    drafts,
  });

/** The ticket of a request, as its events have it. */
export const namedTicket = (ticket: string | undefined): Facts => (ticket === undefined ? {} : { ticket });
