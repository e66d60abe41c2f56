import { equalBytes } from '../crypto/encoding.ts';
import { NOTHING } from './commit/commit.ts';
import type { HeadSeal } from './commit/head.ts';
import { closedBecause, parseStanding, type Standing, standingText, type Turn } from './commit/standing.ts';
import { groupTransaction, HeadInvalid } from './commit/transaction.ts';
import { newId } from './id.ts';
import type { HeadRow, KeyRow, RawRow } from './rows.ts';
import type { Transaction } from './statement.ts';
import { type Store, StoreFailure } from './store.ts';

/** The steps by which a vault moves to another store, each one transaction (docs/adr/0008-store-copy.md). */

/** Where a move is, by the heads of both stores: what is next. `load` is idempotent, and all that comes after it too. */
export type Stage =
  | { readonly next: 'close' | 'begin' }
  | { readonly next: 'load' | 'nothing'; readonly copy: string }
  | { readonly refused: string };

/**
 * @param source the old store's head; it authenticated
 * @param target the new store's, or null for an empty one; it authenticated under the same key
 * @param place of the new store
 */
export function stageOf(source: HeadRow, target: HeadRow | null, place: string): Stage {
  const from = parseStanding(source.standing);
  if (from === null || from.state === 'arriving') return refused(source);
  if (from.state !== 'open' && from.place !== place) return refused(source);
  if (target === null) {
    if (from.state === 'moved')
      return { refused: `${closedBecause(source.standing)}. The new store is empty` };
    return { next: from.state === 'open' ? 'close' : 'begin' };
  }
  const to = parseStanding(target.standing);
  if (to?.state === 'open' && from.state === 'moved' && to.copy === from.copy)
    return { next: 'nothing', copy: from.copy };
  if (to?.state !== 'arriving') return { refused: 'the new store holds this vault already' };
  const isThis =
    isHeadOf(source, target) && (from.state === 'moved' ? from.copy === to.copy : from.state === 'leaving');
  return isThis ? { next: 'load', copy: to.copy } : { refused: GIVEN_UP };
}

const GIVEN_UP = 'the new store holds a copy that was begun before and given up: empty it, or name another';

const refused = ({ standing }: HeadRow): Stage => ({ refused: closedBecause(standing) ?? '' });

/** Whether a copy was begun from this head. A reopened store has an event more: its head is another one ever after. */
const isHeadOf = (source: HeadRow, copy: HeadRow): boolean =>
  source.vault === copy.vault &&
  source.environment === copy.environment &&
  source.size === copy.size &&
  source.epoch === copy.epoch &&
  source.changes === copy.changes &&
  equalBytes(source.frontier, copy.frontier) &&
  equalBytes(source.digests, copy.digests);

/**
 * Makes an empty store the beginning of a copy: the old store's head, but for its standing, and the keys that it needs to
 * authenticate.
 * @returns the id of the copy, or null where the store is not empty any more
 */
export async function begin(
  target: Store,
  source: HeadRow,
  keys: readonly KeyRow[],
  { seal, random }: { readonly seal: HeadSeal; readonly random: (bytes: number) => Uint8Array },
): Promise<string | null> {
  const copy = newId('copy', random);
  const head = seal.sign({ ...source, standing: standingText({ state: 'arriving', copy }) });
  const inserts = keys.map((row) => ({ table: 'keys' as const, row }));
  return (await target.found(head, inserts)) ? copy : null;
}

/** Puts rows in, under the lock of a head that stands `arriving`: whatever the store becomes later, no late page reaches it. */
export const load = (
  target: Store,
  seal: HeadSeal,
  copy: string,
  page: { readonly table: string; readonly rows: readonly RawRow[] },
): Promise<void> => target.transact(() => loading(seal, standingText({ state: 'arriving', copy }), page));

function* loading(
  seal: HeadSeal,
  standing: string,
  page: { readonly table: string; readonly rows: readonly RawRow[] },
): Transaction<void> {
  const { head } = yield { do: 'lockHead' };
  if (head === null || !seal.verify(head)) throw new HeadInvalid();
  if (head.standing !== standing) throw new StoreFailure('closed', 'the new store is no longer this copy');
  yield { do: 'load', ...page };
  return { keep: true, result: undefined };
}

/** The old store is closed for good, in favour of this copy; it may have been before. */
export const handOver = (source: Turning, place: string, copy: string): Promise<void> =>
  turned(source, { state: 'leaving', place }, { state: 'moved', place, copy });

/** The new store may be served: only after `handOver`. It may have been opened before. */
export const settleIn = (target: Turning, copy: string): Promise<void> =>
  turned(target, { state: 'arriving', copy }, { state: 'open', copy });

interface Turning {
  readonly store: Store;
  readonly seal: HeadSeal;
  readonly now: () => number;
}

async function turned({ store, seal, now }: Turning, from: Standing, to: Standing): Promise<void> {
  const turn: Turn = { from: standingText(from), to: standingText(to) };
  const { head } = await store.authority();
  if (head?.standing === turn.to && seal.verify(head)) return;
  const { kept } = await store.transact(() => groupTransaction([{ ...NOTHING, turn }], now, seal));
  if (!kept) throw new StoreFailure('other', 'the store could not be turned');
}
