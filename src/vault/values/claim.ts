import { keyedHash } from '../../crypto/mac.ts';
import { equalBytes } from '../../crypto/encoding.ts';
import { holdsValue } from '../../formats/clear-text.ts';
import type { TokeniseRequest } from '../../wire/values.ts';
import { type Call, earliest } from '../call.ts';
import { isAuthentic, signRow } from '../custody/authentic.ts';
import { VaultError } from '../error.ts';
import { ROW_ID } from '../id.ts';
import { canonical } from '../policy/canonical.ts';
import type { ClaimRow, Insert } from '../store.ts';
import type { Issue } from './issue.ts';
import type { Sorted } from './wanted.ts';

/** A caller's Idempotency-Key and body as keyed hashes: neither is stored. */
export interface Claim {
  readonly owner: string;
  readonly key: Uint8Array;
  readonly body: Uint8Array;
}

/** Each item's entry in a claim: 0 none, 1 found, 2 created, then its row id. */
const ENTRY = 1 + ROW_ID;

export function claimOf(call: Call, idempotencyKey: string | null, request: TokeniseRequest): Claim | null {
  if (idempotencyKey === null) return null;
  if (holdsValue(idempotencyKey)) throw new VaultError('value_in_clear');
  const { secret } = call.epoch.keys.vault('claims');
  const owner = call.actor.stamp.id;
  return {
    owner,
    key: keyedHash(secret, 'strongroom/claim-key/v1', owner, idempotencyKey),
    body: keyedHash(secret, 'strongroom/claim-body/v1', owner, canonical(request)),
  };
}

/**
 * Answers a repeated request from the rows of the first.
 * @returns null if there was no first one
 * @throws VaultError `idempotency_mismatch` if it had another body
 */
export async function recall(call: Call, claim: Claim, sorted: Sorted, into: Issue): Promise<'known' | null> {
  const { store } = call.core;
  const first = await store.claim(claim.owner, claim.key);
  if (first === null) return null;
  if (!isAuthentic(call.epoch.keys.vault('rows').secret, 'claims', first)) throw new VaultError('integrity');
  if (!equalBytes(first.body, claim.body)) throw new VaultError('idempotency_mismatch');
  const entries = sorted.wanted.map(({ item }) => entryOf(first, item));
  const values = await store.located(entries.map(({ row }) => row));
  for (const [i, { item }] of sorted.wanted.entries()) {
    // Of what was wanted then, nothing but a full space was refused.
    if (entries[i]?.refused === true) into.issued.set(item, 'exhausted');
    const value = values[i] ?? null;
    const created = entries[i]?.created ?? false;
    if (value === null || (value.expiresAt !== null && call.now >= value.expiresAt)) continue;
    const { token, row, version, expiresAt } = value;
    into.relied.push({ row, version });
    into.validUntil = earliest(into.validUntil, expiresAt);
    into.issued.set(item, { token, row, created, expiresAt });
  }
  return 'known';
}

function entryOf(
  claim: ClaimRow,
  item: number,
): { readonly row: Uint8Array; readonly created: boolean; readonly refused: boolean } {
  const entry = claim.rows.subarray(item * ENTRY, (item + 1) * ENTRY);
  return { row: entry.subarray(1), created: entry[0] === 2, refused: entry[0] === 0 };
}

/** The inserts of a request, its claim first. */
export function withClaim(call: Call, claim: Claim | null, into: Issue, items: number): readonly Insert[] {
  if (claim === null) return into.inserts;
  const rows = Buffer.alloc(items * ENTRY);
  for (const [item, issued] of into.issued) {
    if (issued === 'exhausted') continue;
    rows[item * ENTRY] = issued.created ? 2 : 1;
    rows.set(issued.row, item * ENTRY + 1);
  }
  const row = signRow(call.epoch.keys.vault('rows').secret, 'claims', { ...claim, rows, at: call.now });
  return [{ table: 'claims', row }, ...into.inserts];
}
