import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { EDITED, rowName } from '../findings.ts';
import { printingOf } from '../policy/shape.ts';
import type { Ending, LeaseRow, ValueRow } from '../store.ts';
import { endingOf } from './print.ts';

/** Rows of a run: their ids must fit into one event. */
const MOST_ROWS = 160;
/** A lease runs out after this many milliseconds, so that another process takes over from one that died. */
const LEASE = 60_000;
/** Runs in a row: whatever else the vault does on its own has its turn. */
const MOST_RUNS = 64;
const NAME = 'purge';

/**
 * Destroys values that have expired, and earlier versions whose overlap has ended: run by run, an event a run, by one
 * process at a time. Nobody could read them any more; now nobody can decrypt them.
 * @param holder names this process
 */
export async function purge(core: Core, holder: string): Promise<void> {
  let skip = 0;
  for (let runs = 0; runs < MOST_RUNS; runs++) {
    const now = core.world.now();
    const [waiting, outlived] = [await core.store.expired(now, skip, 1), await core.store.outlived(now, 1)];
    if (waiting.length === 0 && outlived.length === 0) return;
    const origin = { via: 'system', to: 'caller', from: null, trace: null } as const;
    const request = Buffer.from(core.world.random(12)).toString('base64url');
    const caller: Caller = { who: () => ACTOR, origin: { ...origin, request } };
    const came = await attempt(core, caller, { action: NAME, expected: 16 }, (call) =>
      run(call, holder, skip),
    );
    if (came === 'held' || came.ended + came.skipped === 0) return;
    skip += came.skipped;
  }
}

const ACTOR: ReturnType<Caller['who']> = {
  stamp: { id: 'system:purge', kind: 'system' },
  name: 'system:purge',
  grants: [],
  written: [],
  restriction: null,
  expiresAt: null,
};

interface Run {
  readonly ended: number;
  /** Rows that cannot be ended: the next run begins behind them. */
  readonly skipped: number;
}

/** One run: the lease is renewed in the commit that ends rows, so that whoever lost it ends none. */
async function run(call: Call, holder: string, skip: number): Promise<Run | 'held' | null> {
  const { store } = call.core;
  const lease = await store.lease(NAME);
  if (lease !== null && isHeld(lease, holder, call.now)) return 'held';
  const rows = await store.expired(call.now, skip, MOST_ROWS);
  const outlived = await store.outlived(call.now, MOST_ROWS);
  const endings = rows.flatMap((row) => ending(call, row) ?? []);
  const ended = endings.length + outlived.length;
  const skipped = rows.length - endings.length;
  if (ended === 0) return { ended, skipped };
  const detail = {
    ended: call.now,
    rows: endings.map(({ row }) => rowName(row)),
    versions: outlived.map(({ row }) => rowName(row)),
  };
  const next = { name: NAME, holder, until: call.now + LEASE, revision: (lease?.revision ?? 0) + 1 };
  const done = await commit(call, 'unavailable', {
    leases: [next],
    endings,
    outlived,
    drafts: [draft(call, 'purge', 'done', { detail })],
  });
  return done === null ? null : { ended, skipped };
}

/** A lease of longer than any process takes is not the vault's: it would keep values for ever. */
const isHeld = ({ holder, until }: LeaseRow, mine: string, now: number): boolean =>
  holder !== mine && until > now && until <= now + LEASE;

/** Ends an expired value, of a closed collection too. One that does not open is left, and noted. */
function ending(call: Call, row: ValueRow): Ending | null {
  const stored = [...call.epoch.collections.values()].find(({ id }) => id === row.collection);
  const printing = stored === undefined ? null : printingOf(stored);
  const made = printing === null ? null : endingOf(call, printing, row);
  if (made === null) call.core.findings.note({ table: 'values', record: rowName(row.row), problem: EDITED });
  return made;
}
