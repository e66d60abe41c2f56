import { equalBytes } from '../../crypto/encoding.ts';
import { type Call, earliest } from '../call.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { EDITED, rowName } from '../findings.ts';
import type { Collection } from '../policy/active.ts';
import type { FingerprintRow, ValueRow } from '../rows.ts';
import { type Fresh, type Issue, settleAll, type Wanted } from './issue.ts';
import { endingOf, type Print, printer } from './print.ts';
import { openValue } from './sealing.ts';

/**
 * Deterministic collections: gives each value that has a live token that token.
 * @returns the values that need a new one, or null if a row moved between two reads: decide again
 */
export async function findKnown(
  call: Call,
  collection: Collection,
  wanted: readonly Wanted[],
  into: Issue,
): Promise<Fresh[] | null> {
  const unique = distinct(call, collection, wanted);
  const { store } = call.core;
  const prints = unique.map(({ print }) => print.fingerprint);
  const rows = await store.fingerprinted(collection.id, prints);
  const values = await store.located(rows.flatMap((row) => (row === null ? [] : [row.row])));
  const fresh: Fresh[] = [];
  let position = 0;
  for (const [i, one] of unique.entries()) {
    const row = rows[i] ?? null;
    const value = row === null ? null : (values[position++] ?? null);
    if (row === null) fresh.push(one);
    else if (value !== null && isHis(call, collection, one, row, value)) {
      if (!meet(call, collection, one, value, into)) fresh.push(one);
    } else if (await hasMoved(call, await store.fingerprinted(collection.id, [row.fingerprint]), row, value))
      return null;
    else distrust(call, one, row, into);
  }
  return fresh;
}

/** Whether any of these values, which had no token when they were looked for, has one now. */
export async function isAnyKnown(
  { core: { store } }: Call,
  { id }: Collection,
  fresh: readonly Fresh[],
): Promise<boolean> {
  const prints = fresh.flatMap(({ print }) => print?.fingerprint ?? []);
  return (await store.fingerprinted(id, prints)).some((row) => row !== null);
}

/**
 * Whether a fingerprint and the value that was read after it have parted since: the value has ended, or was replaced. If
 * not, they are of one moment, and what does not fit was written by somebody else.
 * @param again the rows under that fingerprint, read once more
 */
export async function hasMoved(
  { core: { store } }: Call,
  again: readonly (FingerprintRow | null)[],
  { row }: FingerprintRow,
  value: ValueRow | null,
): Promise<boolean> {
  if (!again.some((one) => one !== null && equalBytes(one.row, row))) return true;
  const [now = null] = await store.located([row]);
  return now?.version !== value?.version;
}

/** The cell is opened and compared before its token is answered: a pointer moved to another row is found here. */
function isHis(
  { epoch: { keys } }: Call,
  { id }: Collection,
  { want: { normal, subject } }: Fresh,
  pointer: FingerprintRow,
  value: ValueRow,
): boolean {
  const authentic = isAuthentic(keys.vault('rows').secret, 'fingerprints', pointer);
  const opened = openValue(keys, value, { token: value.token, collection: id });
  return authentic && opened === normal && value.subject === subject;
}

/** What is stored for a value is not the vault's: no token is answered for it, and a finding is noted. */
function distrust({ core }: Call, one: Fresh, { row }: FingerprintRow, into: Issue): void {
  core.findings.note({ table: 'fingerprints', record: rowName(row), problem: EDITED });
  settleAll(into, one, 'integrity');
}

/** The values of a request, each once, with its fingerprint. */
function distinct(
  call: Call,
  collection: Collection,
  wanted: readonly Wanted[],
): (Fresh & { readonly print: Print })[] {
  const printOf = printer(call, collection.printing);
  const seen = new Map<string, { want: Wanted; twins: number[]; print: Print }>();
  for (const want of wanted) {
    const { normal, subject } = want;
    const print = printOf(normal, subject);
    const id = Buffer.from(print.fingerprint).toString('latin1');
    const first = seen.get(id);
    if (first === undefined) seen.set(id, { want, twins: [], print });
    else first.twins.push(want.item);
  }
  return [...seen.values()];
}

/** A fingerprint was found: answers its token if that is live, else ends it. False if the value needs a new one. */
function meet(call: Call, collection: Collection, one: Fresh, value: ValueRow, into: Issue): boolean {
  const { want } = one;
  const { expiresAt, token, version } = value;
  if (expiresAt !== null && call.now >= expiresAt) {
    const ending = endingOf(call, collection.printing, value);
    if (ending !== null) into.met.push({ ending, item: want.item, collection });
    return false;
  }
  into.relied.push({ row: value.row, version });
  into.validUntil = earliest(into.validUntil, expiresAt);
  settleAll(into, one, { token, row: value.row, created: false, expiresAt });
  return true;
}
