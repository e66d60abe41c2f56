import type { Call } from '../call.ts';
import type { Key } from '../custody/keyring.ts';
import { rowTime } from '../id.ts';
import type { Collection } from '../policy/active.ts';
import type { Located } from '../store.ts';
import { type Fresh, type Issue, settleAll, type Wanted } from './issue.ts';
import { findKnown, isAnyKnown } from './known.ts';
import { printer, printRow } from './print.ts';
import { activeKey, sealValue, valueKind } from './sealing.ts';
import { type Drawn, drawTokens, tokenHash } from './token.ts';

/** The scheme with rows: how a collection issues, locates and opens. */

/** Finds tokens of one collection, in their own form: one read, whatever becomes of each. */
export async function locate(
  call: Call,
  collection: Collection,
  tokens: readonly string[],
): Promise<readonly (Located | null)[]> {
  const { store } = call.core;
  return store.locate(
    collection.id,
    tokens.map((token) => tokenHash(call.epoch.keys, collection.id, token)),
  );
}

/** `live | ended | absent`; an expired value has ended. */
export function stateOf(located: Located | null, now: number): 'live' | 'ended' | 'absent' {
  if (located === null) return 'absent';
  const { ended, value } = located;
  if (ended !== null || value === null) return 'ended';
  return value.expiresAt !== null && now >= value.expiresAt ? 'ended' : 'live';
}

/**
 * Gives every wanted value of one collection a token: random ones a new one, deterministic ones theirs.
 * @returns false if what was read moved meanwhile: decide again
 */
export async function issue(
  call: Call,
  collection: Collection,
  wanted: readonly Wanted[],
  into: Issue,
): Promise<boolean> {
  const fresh = collection.deterministic
    ? await findKnown(call, collection, wanted, into)
    : allNew(call, collection, wanted);
  if (fresh === null) return false;
  const normals = fresh.map(({ want }) => want.normal);
  const drawn = await drawTokens(call, collection, normals);
  const ending = new Set(into.met.map(({ item }) => item));
  const full = fresh.filter(({ want }, i) => (drawn[i] ?? null) === null && !ending.has(want.item));
  // Issued tokens are never given back, so that what is full stays so; but one of them may have gone to this value meanwhile.
  if (collection.deterministic && (await isAnyKnown(call, collection, full))) return false;
  const key = activeKey(call, collection, 'seal');
  for (const [i, one] of fresh.entries()) {
    const token = drawn[i] ?? null;
    if (token === null) settleAll(into, one, 'token_space_exhausted');
    else add(call, key, one, token, into);
    if (i % 64 === 63) await call.core.world.breathe();
  }
  return true;
}

/** Random collections: every value is new, with a fingerprint where lookups are answered. */
function allNew(call: Call, { printing }: Collection, wanted: readonly Wanted[]): Fresh[] {
  if (printing.prints === null) return wanted.map((want) => ({ want, twins: [], print: null }));
  const printOf = printer(call, printing);
  return wanted.map((want) => ({ want, twins: [], print: printOf(want.normal, want.subject) }));
}

/** Seals a fresh value and adds its rows to the commit. */
function add(call: Call, key: Key, fresh: Fresh, { token, hash }: Drawn, into: Issue): void {
  const { want, print } = fresh;
  const row = into.nextRow();
  const collection = want.collection.id;
  const bound = {
    row,
    collection,
    token,
    keyId: key.id,
    version: 1,
    subject: want.subject,
    expiresAt: want.expiresAt,
    creator: call.actor.stamp.id,
  };
  const cell = sealValue(call, key, bound, valueKind(want.metadata), want.normal);
  const metadata = want.metadata === null ? null : sealValue(call, key, bound, 'metadata', want.metadata);
  into.inserts.push(
    { table: 'issued', row: { collection, hash, row, ended: null, at: rowTime(row) } },
    { table: 'values', row: { ...bound, cell, metadata } },
  );
  const { prints: table } = want.collection.printing;
  if (print !== null && table !== null)
    into.inserts.push({ table, row: printRow(call, table, collection, row, print) });
  settleAll(into, fresh, { token, row, created: true, expiresAt: want.expiresAt });
}
