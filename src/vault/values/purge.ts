import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import { EDITED, rowName } from '../findings.ts';
import { printingOf } from '../policy/shape.ts';
import { type EarlierRow, LAST_REVISION, type LeaseRow, type ValueRow } from '../rows.ts';
import type { Ending } from '../statement.ts';
import { endingOf } from './print.ts';
import { openEarlier } from './sealing.ts';

/** Rows of a run: their ids must fit into one event. */
const MOST_ROWS = 160;
/** A lease runs out after this many milliseconds, so that another process takes over from one that died. */
const LEASE = 60_000;
/** What should have gone so long ago, in milliseconds, goes under anybody's lease: its holder has not done it. */
const LATE = 10 * LEASE;
/** Runs in a row: whatever else the vault does on its own has its turn. */
const MOST_RUNS = 512;
const NAME = 'purge';

/**
 * Destroys values that have expired, and earlier versions whose overlap has ended: run by run, an event a run, by one
 * process at a time. Nobody could read them any more; now nobody can decrypt them.
 * @param holder names this process
 */
export async function purge(core: Core, holder: string): Promise<void> {
  let behind: Behind = { values: 0, earlier: 0 };
  for (let runs = 0; runs < MOST_RUNS; runs++) {
    if (!(await isAnyWaiting(core, behind))) return;
    const origin = { via: 'system', to: 'caller', from: null, trace: null } as const;
    const request = Buffer.from(core.world.random(12)).toString('base64url');
    const caller: Caller = { who: () => ACTOR, origin: { ...origin, request } };
    const next = await attempt(core, caller, { action: NAME, expected: 16 }, (call) =>
      run(call, holder, behind),
    );
    if (next === 'held') return;
    behind = next;
  }
}

/** By the time of events, which a clock that was put back does not change. */
async function isAnyWaiting({ world, store, epochs }: Core, { values, earlier }: Behind): Promise<boolean> {
  const now = Math.max(world.now(), epochs.seen.lastAt);
  if ((await store.expired(now, values, 1)).length > 0) return true;
  return (await store.outlived(now, earlier, 1)).length > 0;
}

const ACTOR: ReturnType<Caller['who']> = {
  stamp: { id: 'system:purge', kind: 'system' },
  name: 'system:purge',
  grants: [],
  written: [],
  restrictions: [],
  expiresAt: null,
};

/** How many rows of each table cannot be ended: the next run begins behind them. */
interface Behind {
  readonly values: number;
  readonly earlier: number;
}

/** One run: the lease is renewed in the commit that ends rows, so that whoever lost it ends none. */
async function run(call: Call, holder: string, behind: Behind): Promise<Behind | 'held' | null> {
  const { store } = call.core;
  const lease = await store.lease(NAME);
  const rows = await store.expired(call.now, behind.values, MOST_ROWS);
  const old = await store.outlived(call.now, behind.earlier, MOST_ROWS);
  const first = Math.min(rows[0]?.expiresAt ?? call.now, old[0]?.until ?? call.now);
  if (lease !== null && isHeld(lease, holder, call.now) && call.now - first < LATE) return 'held';
  const endings = rows.flatMap((row) => ending(call, row) ?? []);
  const versions = await outlivedOf(call, old, new Set(endings.map(({ row }) => rowName(row))));
  const next = {
    values: behind.values + rows.length - endings.length,
    earlier: behind.earlier + versions.foul,
  };
  const { outlived } = versions;
  if (endings.length + outlived.length === 0) return next;
  const detail = {
    ended: call.now,
    rows: endings.map(({ row }) => rowName(row)),
    versions: outlived.map(({ row }) => rowName(row)),
  };
  const until = call.now + LEASE;
  const done = await commit(call, 'unavailable', {
    leases: [{ name: NAME, holder, until, revision: revisionAfter(lease) }],
    endings,
    outlived,
    drafts: [draft(call, 'purge', 'done', { detail })],
  });
  return done === null ? null : next;
}

const revisionAfter = (lease: LeaseRow | null): number =>
  lease === null || lease.revision > LAST_REVISION ? 1 : lease.revision + 1;

/**
 * The earlier versions that are to go. One whose value ends in this run goes with it. One that does not open is left, and
 * noted: else whoever writes the database had the log say that its time had come.
 */
async function outlivedOf(
  { core, epoch }: Call,
  old: readonly EarlierRow[],
  ended: ReadonlySet<string>,
): Promise<{ readonly outlived: readonly EarlierRow[]; readonly foul: number }> {
  const waiting = old.filter(({ row }) => !ended.has(rowName(row)));
  const values = await core.store.located(waiting.map(({ row }) => row));
  const outlived = waiting.filter((one, i) => {
    const value = values[i] ?? null;
    return value !== null && openEarlier(epoch.keys, value, one, value) !== null;
  });
  for (const { row } of waiting.filter((one) => !outlived.includes(one)))
    core.findings.note({ table: 'earlier', record: rowName(row), problem: EDITED });
  return { outlived, foul: waiting.length - outlived.length };
}

/**
 * A lease of longer than any process takes is not the vault's: it would keep values for ever. One that is written again and
 * again would too, which is what LATE is for: two that purge at once waste some work, and end nothing twice.
 */
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
