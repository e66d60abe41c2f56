import type { Secret } from '../../crypto/key.ts';
import { decodeFrontier, root } from '../../log/tree.ts';
import { isAuthentic } from '../custody/authentic.ts';
import type { HeadRow } from '../rows.ts';
import type { StoreInspection } from '../store.ts';
import { anchorRow, isAnchorRow } from './anchor-state.ts';
import { CHECKPOINTS, decodePublished } from './checkpoints.ts';
import type { LogKeys } from './log-keys.ts';
import { parseCheckpoint } from '../../log/checkpoint.ts';
import type { AnchorAsking } from '../anchor.ts';

/** Events that stand under no signed checkpoint. */
export interface Unsigned {
  /** The index of the first. */
  readonly from: number;
  /** When it was committed, in milliseconds. */
  readonly since: number;
}

/** Null where all are signed for, or where nobody has ever served the vault and so signed. */
export async function unsignedEvents(
  inspection: StoreInspection,
  head: HeadRow,
  rowsKey: Secret,
): Promise<Unsigned | null> {
  for await (const row of inspection.scan('followers')) {
    if (row.name !== CHECKPOINTS || !isAuthentic(rowsKey, 'followers', row) || row.cursor >= head.size)
      continue;
    return { from: row.cursor, since: await timeOf(inspection, row.cursor, head) };
  }
  return null;
}

/** The newest signed checkpoint, for a place that answers nobody without one; null where none is stored. */
export async function signedNewest(
  inspection: StoreInspection,
  rowsKey: Secret,
): Promise<AnchorAsking | null> {
  for await (const row of inspection.scan('followers')) {
    if (row.name !== CHECKPOINTS || !isAuthentic(rowsKey, 'followers', row)) continue;
    const note = decodePublished(row.state, row.cursor)?.note ?? '';
    return note === '' ? null : { note, size: parseCheckpoint(note).size, consistency: null };
  }
  return null;
}

/** The log's keys, as far as it was followed. */
export async function knownKeys(inspection: StoreInspection, rowsKey: Secret): Promise<LogKeys> {
  for await (const row of inspection.scan('followers')) {
    if (row.name !== CHECKPOINTS || !isAuthentic(rowsKey, 'followers', row)) continue;
    return decodePublished(row.state, row.cursor)?.keys ?? [];
  }
  return [];
}

/** What an anchor confirmed of the log. */
export interface Confirmed {
  readonly size: number;
  readonly root: Uint8Array;
  /** When the first event that it did not confirm was committed, in milliseconds; null where there is none. */
  readonly since: number | null;
}

/** By the anchor's name: those that ever confirmed anything. */
export async function confirmedBy(
  inspection: StoreInspection,
  head: HeadRow,
  rowsKey: Secret,
): Promise<ReadonlyMap<string, Confirmed>> {
  const confirmed = new Map<string, Confirmed>();
  for await (const row of inspection.scan('followers')) {
    const frontier = decodeFrontier(row.cursor, row.frontier);
    if (!isAnchorRow(row) || frontier === null || !isAuthentic(rowsKey, 'followers', row)) continue;
    const { cursor: size, name } = row;
    const since = size < head.size ? await timeOf(inspection, size, head) : null;
    confirmed.set(name.slice(anchorRow('').length), { size, root: root(frontier), since });
  }
  return confirmed;
}

/** When an event was committed, in milliseconds. */
async function timeOf(inspection: StoreInspection, index: number, { lastAt }: HeadRow): Promise<number> {
  for await (const { bytes } of inspection.eventsFrom(index)) {
    const [, at = ''] = /^\{"v":1,"at":"([^"]+)"/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
    const time = Date.parse(at);
    return Number.isNaN(time) ? lastAt : time;
  }
  return lastAt;
}
