import { type Call, earliest } from '../call.ts';
import { type Claim, claimRow } from '../claim.ts';
import { EDITED, rowName } from '../findings.ts';
import { ROW_ID } from '../id.ts';
import type { ClaimRow, ValueRow } from '../rows.ts';
import type { Insert } from '../statement.ts';
import type { Issue, Issued, Unissued } from './issue.ts';
import { openValue } from './sealing.ts';
import type { Sorted } from './wanted.ts';

/** Each item's entry in a claim: what became of it (1 byte), then its row id. */
const ENTRY = 1 + ROW_ID;
const REFUSED = 0;
const FOUND = 1;
const CREATED = 2;
const EXHAUSTED = 3;

/** Answers a repeated request from the rows of the first. */
export async function recall(call: Call, first: ClaimRow, sorted: Sorted, into: Issue): Promise<void> {
  const entries = sorted.wanted.map(({ item }) => entryOf(first, item));
  const values = await call.core.store.located(entries.map(({ row }) => row));
  for (const [i, want] of sorted.wanted.entries()) {
    const became = entries[i]?.became ?? REFUSED;
    const value = values[i] ?? null;
    // It was refused then and might not be now; but a token made now would be another one each time it is asked for.
    if (became === REFUSED) into.issued.set(want.item, 'conflict');
    else if (became === EXHAUSTED) into.issued.set(want.item, 'token_space_exhausted');
    // The name is another collection's by now: the first request was not about this one.
    else if (value !== null && value.collection !== want.collection.id)
      into.issued.set(want.item, 'conflict');
    else if (value !== null) answerAgain(call, want, value, became === CREATED, into);
  }
}

/**
 * The token of a row that the first request made or found, if it is live. It holds what is asked for, or what it was
 * replaced with since.
 */
function answerAgain(
  call: Call,
  { item, collection, normal }: Sorted['wanted'][number],
  value: ValueRow,
  created: boolean,
  into: Issue,
): void {
  const { token, row, version, expiresAt } = value;
  const opened = openValue(call.epoch.keys, value, { token, collection: collection.id });
  if (opened === null || (opened !== normal && version === 1)) {
    call.core.findings.note({ table: 'values', record: rowName(row), problem: EDITED });
    into.issued.set(item, 'integrity');
    return;
  }
  if (expiresAt !== null && call.now >= expiresAt) return;
  into.relied.push({ row, version });
  into.validUntil = earliest(into.validUntil, expiresAt);
  into.issued.set(item, { token, row, created, expiresAt });
}

function entryOf(claim: ClaimRow, item: number): { readonly row: Uint8Array; readonly became: number } {
  const entry = claim.rows.subarray(item * ENTRY, (item + 1) * ENTRY);
  return { row: entry.subarray(1), became: entry[0] ?? REFUSED };
}

/** The inserts of a request, its claim first. What issued nothing claims nothing: it may be asked again. */
export function withClaim(call: Call, claim: Claim | null, into: Issue, items: number): readonly Insert[] {
  const anyIssued = [...into.issued.values()].some((issued) => typeof issued === 'object');
  if (claim === null || !anyIssued) return into.inserts;
  const rows = Buffer.alloc(items * ENTRY, REFUSED);
  for (const [item, issued] of into.issued) {
    if (typeof issued === 'object') rows.set(issued.row, item * ENTRY + 1);
    rows[item * ENTRY] = becameOf(issued);
  }
  return [claimRow(call, claim, rows), ...into.inserts];
}

function becameOf(issued: Issued | Unissued): number {
  if (issued === 'token_space_exhausted') return EXHAUSTED;
  if (typeof issued === 'string') return REFUSED;
  return issued.created ? CREATED : FOUND;
}
