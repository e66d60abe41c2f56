import type { Secret } from '../../crypto/key.ts';
import { parseCheckpoint } from '../../log/checkpoint.ts';
import { decodeFrontier, root } from '../../log/tree.ts';
import type { AnchorAsking } from '../anchor.ts';
import { timeIn } from '../commit/event.ts';
import { isAuthentic } from '../custody/authentic.ts';
import type { HeadRow } from '../rows.ts';
import type { StoreInspection } from '../store.ts';
import { anchorRow, isAnchorRow } from './anchor-state.ts';
import { CHECKPOINTS, publishedIn } from './checkpoints.ts';
import type { LogKeys } from './log-keys.ts';

/** Events that stand under no signed checkpoint. */
export interface Unsigned {
  /** The index of the first. */
  readonly from: number;
  /** When it was committed, in milliseconds. */
  readonly since: number;
}

/** What an anchor confirmed of the log. */
export interface Confirmed {
  readonly size: number;
  readonly root: Uint8Array;
  /** When the first event that it did not confirm was committed, in milliseconds; null where there is none. */
  readonly since: number | null;
}

/** How far the log was followed, in a store that is only looked at. */
export interface Inspected {
  /** Null where all are signed for, or where nobody has ever served the vault and so signed. */
  readonly unsigned: Unsigned | null;
  /** The newest signed checkpoint, for a place that answers nobody without one; null where none is stored. */
  readonly signed: AnchorAsking | null;
  /** The log's keys, as far as it was followed. */
  readonly keys: LogKeys;
  /** By the anchor's name: those that ever confirmed anything. */
  readonly confirmed: ReadonlyMap<string, Confirmed>;
}

/** Reads the followers' rows; one that is not the vault's says nothing. */
export async function inspectFollowers(
  inspection: StoreInspection,
  head: HeadRow,
  rowsKey: Secret,
): Promise<Inspected> {
  const confirmed = new Map<string, Confirmed>();
  let found: Omit<Inspected, 'confirmed'> = { unsigned: null, signed: null, keys: [] };
  for await (const row of inspection.scan('followers')) {
    if (!isAuthentic(rowsKey, 'followers', row)) continue;
    const { name, cursor } = row;
    const since = cursor < head.size ? await timeOf(inspection, cursor, head) : null;
    const frontier = decodeFrontier(cursor, row.frontier);
    if (isAnchorRow(row) && frontier !== null)
      confirmed.set(name.slice(anchorRow('').length), { size: cursor, root: root(frontier), since });
    if (name !== CHECKPOINTS) continue;
    const { note, keys } = publishedIn(row, rowsKey) ?? { note: '', keys: [] };
    const size = note === '' ? 0 : parseCheckpoint(note).size;
    found = {
      unsigned: since === null ? null : { from: cursor, since },
      signed: note === '' ? null : { note, size, consistency: null },
      keys,
    };
  }
  return { ...found, confirmed };
}

/** When an event was committed, in milliseconds. */
async function timeOf(inspection: StoreInspection, index: number, { lastAt }: HeadRow): Promise<number> {
  for await (const { bytes } of inspection.eventsFrom(index)) return timeIn(bytes) ?? lastAt;
  return lastAt;
}
