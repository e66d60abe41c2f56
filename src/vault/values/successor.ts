import { equalBytes } from '../../crypto/encoding.ts';
import type { Code } from '../../wire/codes.ts';
import { type Call, earliest } from '../call.ts';
import { EDITED, rowName } from '../findings.ts';
import type { Collection } from '../policy/active.ts';
import type { ValueRow } from '../rows.ts';
import type { Ending, Insert, Replacement } from '../statement.ts';
import { endingOf, type Print, printer, printRow, storedPrint } from './print.ts';
import { activeKey, openMetadata, openValue, sealEarlier, sealValue, valueKind } from './sealing.ts';
import type { Live } from './seek.ts';

/** What is to stand behind a token from now on. Milliseconds; undefined leaves what is stored. */
export interface Wanted {
  readonly normal: string;
  readonly expiresAt: number | null | undefined;
  readonly metadata: string | undefined;
}

/** The next version of a live value, and the row of its fingerprint where that is another one. */
export interface Successor {
  readonly replacement: Replacement;
  readonly inserts: readonly Insert[];
  /** What ends an expired row that the value met. */
  readonly met: Ending | null;
}

/**
 * Makes the next version of a live value.
 * @param taken fingerprints that the same request has given out in this collection, in hex
 * @returns `conflict` where the value has a live token of its own in a deterministic collection; `integrity` where what is
 *   stored does not open: what a cell was bound to must not be sealed anew unseen
 */
export async function successorOf(
  call: Call,
  { row, token, collection }: Live,
  wanted: Wanted,
  taken: Set<string>,
): Promise<Successor | Code> {
  const { keys } = call.epoch;
  const asked = { token, collection: collection.id };
  const before = openValue(keys, row, asked);
  const kept = row.metadata === null ? null : openMetadata(keys, { ...row, ...asked }, row.metadata);
  if (before === null || (row.metadata !== null && kept === null)) {
    call.core.findings.note({ table: 'values', record: rowName(row.row), problem: EDITED });
    return 'integrity';
  }
  const gone = storedPrint(call, collection.printing, row, before);
  const print = gone === null ? null : printer(call, collection.printing)(wanted.normal, row.subject);
  const isSame = gone !== null && print !== null && equalBytes(gone.fingerprint, print.fingerprint);
  const met = print === null || isSame ? null : await meet(call, collection, print, taken);
  if (met === 'conflict') return met;
  const { overlap } = collection;
  const key = activeKey(call, collection, 'seal');
  const until = overlap === null ? null : earliest(call.now + overlap, row.expiresAt);
  return {
    replacement: {
      value: sealed(call, { ...row, ...asked }, wanted, wanted.metadata ?? kept),
      gone: isSame ? null : gone,
      earlier: until === null ? null : sealEarlier(call, key, { ...row, ...asked }, before, until),
    },
    inserts:
      print === null || gone === null || isSame
        ? []
        : [{ table: gone.table, row: printRow(call, gone.table, collection.id, row.row, print) }],
    met,
  };
}

/** In a deterministic collection one value never has two tokens; one that has expired has none, and ends. */
async function meet(
  call: Call,
  { id, deterministic, printing }: Collection,
  print: Print,
  taken: Set<string>,
): Promise<Ending | 'conflict' | null> {
  if (!deterministic) return null;
  const name = `${id} ${Buffer.from(print.fingerprint).toString('hex')}`;
  if (taken.has(name)) return 'conflict';
  taken.add(name);
  const { store } = call.core;
  const [pointer = null] = await store.fingerprinted(id, [print.fingerprint]);
  if (pointer === null) return null;
  const [value = null] = await store.located([pointer.row]);
  if (value === null || value.expiresAt === null || call.now < value.expiresAt) return 'conflict';
  const ending = endingOf(call, printing, value);
  // A pointer that somebody moved to another expired row ends nothing.
  const isIts = ending !== null && equalBytes(ending.print?.fingerprint ?? NO_PRINT, print.fingerprint);
  return isIts ? ending : 'conflict';
}

const NO_PRINT = new Uint8Array(0);

function sealed(call: Call, row: ValueRow, wanted: Wanted, metadata: string | null): ValueRow {
  const key = activeKey(call, { id: row.collection }, 'seal');
  const expiresAt = wanted.expiresAt === undefined ? row.expiresAt : wanted.expiresAt;
  const bound = { ...row, keyId: key.id, version: row.version + 1, expiresAt };
  return {
    ...bound,
    cell: sealValue(call, key, bound, valueKind(metadata), wanted.normal),
    metadata: metadata === null ? null : sealValue(call, key, bound, 'metadata', metadata),
  };
}
