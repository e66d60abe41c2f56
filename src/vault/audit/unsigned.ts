import type { Secret } from '../../crypto/key.ts';
import { isAuthentic } from '../custody/authentic.ts';
import type { HeadRow } from '../rows.ts';
import type { StoreInspection } from '../store.ts';
import { CHECKPOINTS } from './checkpoints.ts';

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
    for await (const { bytes } of inspection.eventsFrom(row.cursor)) {
      const [, at = ''] = /^\{"v":1,"at":"([^"]+)"/.exec(Buffer.from(bytes).toString('latin1')) ?? [];
      const since = Date.parse(at);
      return { from: row.cursor, since: Number.isNaN(since) ? head.lastAt : since };
    }
  }
  return null;
}
