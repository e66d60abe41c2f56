import { equalBytes } from '../../crypto/encoding.ts';
import { TILE_WIDTH } from '../../log/tile.ts';
import { HASH_BYTES, leafHash } from '../../log/tree.ts';
import type { ReadEventsRequest } from '../../wire/audit.ts';
import type { Actor } from '../access/clients.ts';
import { holdsAudit } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import type { Key } from '../custody/keyring.ts';
import type { Epoch } from '../epoch.ts';
import { wrongAt } from '../error.ts';
import { covers, isPattern } from '../policy/grant.ts';
import type { EventRow } from '../rows.ts';
import { collectionOf } from './belonging.ts';
import { tileReader } from './checkpoints.ts';
import { eventGone, proofOf, publishedOf, type Shown } from './published.ts';

export interface ReadEvent {
  readonly index: number;
  /** Its text: the UTF-8 of it are the bytes that were hashed. */
  readonly event: string;
  /** A proof of C2SP tlog-proof against the checkpoint of the page, where it was asked for. */
  readonly proof?: string | undefined;
}

export interface EventPage {
  /** In the order of the log. */
  readonly events: readonly ReadEvent[];
  /** The first index that was not looked at: a page without events has come so far, too. */
  readonly next: number;
  /** Of the newest checkpoint: no page goes beyond it. */
  readonly size: number;
  readonly requestId: string;
}

const EVENTS = { action: 'audit.events', expected: 16 };
const USUALLY = 50;
/** Events that one page looks at: more is for the next one. Counted in events alone, as bytes would tell how long others are. */
const MOST_SEEN = 2048;

/**
 * A page of what was done with the collections that the caller may audit. Whoever may audit the whole log reads all of it. A pattern
 * that covers nothing of the caller's finds nothing, whether there is such a collection or not.
 * @throws VaultError `not_found` before the first checkpoint; `invalid_request` for what is no pattern
 */
export const readEvents = (
  core: Core,
  caller: Caller,
  request: ReadEventsRequest,
  rowsKey: Key,
): Promise<EventPage> =>
  attempt(core, caller, EVENTS, async (call) => {
    if (!(await holdsAudit(call, 'audit.events'))) return null;
    const { limit = USUALLY, collection = null, proofs = false } = request;
    if (collection !== null && !isPattern(collection)) throw wrongAt('/collection', 'invalid_pattern');
    const shown = await publishedOf(call, rowsKey);
    const reads = reader(call.actor, call.epoch, collection);
    // A number that no event has yet may be anything: an account's, too. It is neither kept nor answered.
    const from = Math.min(request.from ?? 0, shown.size);
    const { found, next } = await look(call, shown, { from, limit, reads });
    const events = await told(call, shown, found, proofs);
    const detail = { first: from, next, count: events.length };
    const done = await commit(call, 'audit_unavailable', {
      drafts: [draft(call, 'audit.events', 'done', { detail })],
    });
    return done === null ? null : { events, next, size: shown.size, requestId: caller.origin.request };
  });

/** Whether an event is one for this caller, by the collection that it belongs to: by the name that this has now. */
function reader(actor: Actor, epoch: Epoch, asked: string | null): (bytes: Uint8Array) => boolean {
  const patterns = actor.grants.filter(({ action }) => action === 'audit').map(({ pattern }) => pattern);
  if (asked === null && patterns.includes('*')) return () => true;
  const ids = new Set<string>();
  for (const [name, { id }] of epoch.collections)
    if (patterns.some((one) => covers(one, name)) && (asked === null || covers(asked, name))) ids.add(id);
  return (bytes) => {
    const id = collectionOf(bytes);
    return id !== null && ids.has(id);
  };
}

interface Looking {
  readonly from: number;
  readonly limit: number;
  readonly reads: (bytes: Uint8Array) => boolean;
}

/** Looks at the log from an index on, as far as a page goes. */
async function look(
  call: Call,
  shown: Shown,
  { from, limit, reads }: Looking,
): Promise<{ readonly found: readonly EventRow[]; readonly next: number }> {
  const { store, world } = call.core;
  const found: EventRow[] = [];
  const end = Math.min(shown.size, from + MOST_SEEN);
  let next = from;
  while (next < end) {
    // Up to the end of a tile.
    const rows = await store.eventsFrom(next, Math.min(TILE_WIDTH - (next % TILE_WIDTH), end - next));
    await mustBeLog(call, shown, next, rows);
    for (const row of rows) {
      next++;
      if (reads(row.bytes)) found.push(row);
      if (found.length === limit) return { found, next };
    }
    await world.breathe();
  }
  return { found, next };
}

/**
 * Holds events of one tile against the log, those that are for others too: one that was changed could not be found by what it says.
 * A proof of one of them rests on the hashes of all.
 * @throws VaultError `integrity`
 */
async function mustBeLog(call: Call, shown: Shown, first: number, rows: readonly EventRow[]): Promise<void> {
  const [one] = rows;
  if (one === undefined) throw eventGone(call, first);
  await proofOf(call, shown, one);
  const hashes = await tileReader(call.core.store, shown.edge)(0, Math.floor(first / TILE_WIDTH), TILE_WIDTH);
  for (const [i, { index, bytes }] of rows.entries()) {
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    if (index !== first + i || !equalBytes(leafHash(bytes), hashes.subarray(at, at + HASH_BYTES)))
      throw eventGone(call, first + i);
  }
}

async function told(
  call: Call,
  shown: Shown,
  found: readonly EventRow[],
  withProofs: boolean,
): Promise<readonly ReadEvent[]> {
  const events: ReadEvent[] = [];
  for (const row of found) {
    const event = Buffer.from(row.bytes).toString('utf8');
    const proof = withProofs ? { proof: await proofOf(call, shown, row) } : {};
    events.push({ index: row.index, event, ...proof });
  }
  return events;
}
