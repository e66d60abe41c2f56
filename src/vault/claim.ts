import { keyedHash } from '../crypto/mac.ts';
import { equalBytes } from '../crypto/encoding.ts';
import { holdsValue } from '../formats/clear-text.ts';
import { type Call, unauthentic } from './call.ts';
import { isAuthentic, signRow } from './custody/authentic.ts';
import { VaultError } from './error.ts';
import { EDITED } from './findings.ts';
import { canonical } from './policy/canonical.ts';
import type { ClaimRow } from './rows.ts';
import type { Insert } from './statement.ts';

/** A caller's Idempotency-Key and body as keyed hashes: neither is stored. */
export interface Claim {
  readonly owner: string;
  readonly key: Uint8Array;
  readonly body: Uint8Array;
}

/**
 * The claim of a request, or null where it has no key.
 * @param verb what is asked with the body: one key is good for one request, whatever its route
 * @throws VaultError `value_in_clear` for a key that holds an account number
 */
export function claimOf(
  call: Call,
  verb: string,
  idempotencyKey: string | null,
  request: object,
): Claim | null {
  if (idempotencyKey === null) return null;
  if (holdsValue(idempotencyKey)) throw new VaultError('value_in_clear');
  const { secret } = call.epoch.keys.vault('claims');
  const owner = call.actor.stamp.id;
  return {
    owner,
    key: keyedHash(secret, 'strongroom/claim-key/v1', owner, idempotencyKey),
    body: keyedHash(secret, 'strongroom/claim-body/v1', owner, verb, canonical(request)),
  };
}

/**
 * What the first request under a claim came to.
 * @returns null if there was none
 * @throws VaultError `idempotency_mismatch` if it had another body
 */
export async function firstUnder(call: Call, claim: Claim | null): Promise<ClaimRow | null> {
  if (claim === null) return null;
  const first = await call.core.store.claim(claim.owner, claim.key);
  if (first === null) return null;
  if (!isAuthentic(call.epoch.keys.vault('rows').secret, 'claims', first))
    throw unauthentic(call, { table: 'claims', record: claim.owner, problem: EDITED });
  if (!equalBytes(first.body, claim.body)) throw new VaultError('idempotency_mismatch');
  return first;
}

/** The first row of a commit: a second request under the same key fails on it, and is answered from it. */
export const claimRow = (call: Call, claim: Claim, rows: Uint8Array): Insert => ({
  table: 'claims',
  row: signRow(call.epoch.keys.vault('rows').secret, 'claims', { ...claim, rows, at: call.now }),
});
