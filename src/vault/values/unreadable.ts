import type { Call } from '../call.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { rowName } from '../findings.ts';
import type { Collection } from '../policy/active.ts';
import type { ValueRow } from '../rows.ts';
import type { Ending, StoredPrint } from '../statement.ts';
import { openValue } from './sealing.ts';
import type { Live } from './seek.ts';
import { tokenHash } from './token.ts';

/** Rows that are looked at between two turns of the event loop. */
const PIECE = 1024;
/** Claims and the store hold no other. */
const LAST_VERSION = 0xffff_ffff;

/**
 * Whether a value that does not open may be destroyed. Not where it opens under the token and collection that its row names:
 * then it is whole, and somebody has made another token point at it. Nor at a version that no statement could name.
 */
export function mayEnd({ epoch }: Call, row: ValueRow): boolean {
  const { version } = row;
  return (
    Number.isInteger(version) &&
    version > 0 &&
    version <= LAST_VERSION &&
    openValue(epoch.keys, row, row) === null
  );
}

/**
 * What ends values whose cells do not open. Their fingerprints cannot be computed, and are looked for by the rows that they
 * point at: the whole table is read, and only what the vault wrote is taken away with them.
 */
export async function endingsOf(call: Call, unread: readonly Live[]): Promise<Ending[]> {
  const endings: Ending[] = [];
  for (const collection of new Set(unread.map((live) => live.collection))) {
    const own = unread.filter((live) => live.collection === collection);
    const prints = await pointingAt(call, collection, new Set(own.map(({ row }) => rowName(row.row))));
    for (const { row, token } of own)
      endings.push({
        collection: collection.id,
        hash: tokenHash(call.epoch.keys, collection.id, token),
        row: row.row,
        version: row.version,
        print: prints.get(rowName(row.row)) ?? null,
        at: call.now,
      });
  }
  return endings;
}

async function pointingAt(
  { core, epoch }: Call,
  { id, printing: { prints: table } }: Collection,
  rows: ReadonlySet<string>,
): Promise<ReadonlyMap<string, StoredPrint>> {
  const found = new Map<string, StoredPrint>();
  if (table === null) return found;
  const { secret } = epoch.keys.vault('rows');
  const snapshot = await core.store.snapshot();
  try {
    let seen = 0;
    for await (const print of snapshot.scan(table)) {
      const name = rowName(print.row);
      if (print.collection === id && rows.has(name) && isAuthentic(secret, table, print))
        found.set(name, { table, fingerprint: print.fingerprint });
      if (++seen % PIECE === 0) await core.world.breathe();
    }
  } finally {
    await snapshot.close();
  }
  return found;
}
