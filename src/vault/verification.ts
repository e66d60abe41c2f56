import { fingerprint } from '../crypto/fingerprint.ts';
import { holdsDuty } from './access/duty.ts';
import { attempt } from './attempt.ts';
import type { VerifyDeps } from './audit/against.ts';
import { activeLogKey } from './audit/log-keys.ts';
import { type LogReport, verifyStore } from './audit/verify.ts';
import { type Caller, commit, draft } from './call.ts';
import type { HeadSeal } from './commit/head.ts';
import type { Core, World } from './core.ts';
import { keptKeys, type Key, Keyring, openKey } from './custody/keyring.ts';
import { VaultError } from './error.ts';
import { printingOf } from './policy/shape.ts';
import type { MasterKey } from './master-key.ts';
import type { KeyRow } from './rows.ts';
import type { AuthoritySnapshot } from './store.ts';
import { openEarlier, openMetadata, openValue } from './values/sealing.ts';
import { tokenHash } from './values/token.ts';

/**
 * `audit verify`: the whole store against its log. On the host it runs even when the vault has closed itself over
 * records that do not authenticate, or when events that it did not write stand in the way of its own: that is when it is needed.
 */
export async function verifyVault(
  core: Core,
  caller: Caller,
  rowsKey: Key,
  seal: HeadSeal,
): Promise<LogReport> {
  await attempt(core, caller, { action: 'audit.verify', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.verify'))) return null;
    return commit(call, 'audit_unavailable', { drafts: [draft(call, 'audit.verify', 'done')] });
  }).catch((error: unknown) => {
    const closed =
      error instanceof VaultError && (error.code === 'integrity' || error.code === 'audit_unavailable');
    if (!closed || caller.origin.via !== 'cli') throw error;
  });
  const snapshot = await core.store.snapshot();
  try {
    return await verifyStore(snapshot, await verifyDeps(core, snapshot.authority, rowsKey, seal));
  } finally {
    await snapshot.close();
  }
}

export async function verifyDeps(
  core: { readonly masterKey: MasterKey; readonly world: Pick<World, 'breathe'> },
  authority: AuthoritySnapshot,
  rowsKey: Key,
  seal: HeadSeal,
): Promise<VerifyDeps> {
  const opened: { row: KeyRow; key: Key }[] = [];
  for (const row of keptKeys(authority.keys)) {
    const key = await openKey(row, core.masterKey, authority.head?.vault ?? '');
    if (!('why' in key)) opened.push({ row, key });
  }
  const keys = new Keyring(opened);
  const printings = new Map(authority.collections.map((row) => [row.id, printingOf(row)]));
  return {
    rowsKey: rowsKey.secret,
    seal,
    logKey: activeLogKey(keys, authority.head?.vault ?? ''),
    breathe: core.world.breathe,
    open: (row) => {
      if (row.metadata !== null && openMetadata(keys, row, row.metadata) === null) return null;
      return openValue(keys, row, row);
    },
    hashOf: (row) =>
      keys.vaultOrNull('issued') === null ? null : tokenHash(keys, row.collection, row.token),
    openEarlier: (row, earlier) => openEarlier(keys, row, earlier, row) !== null,
    printOf: (row, normal, keyId) => {
      const key = keys.named(keyId);
      const printing = printings.get(row.collection) ?? null;
      if (key === null || printing === null) return null;
      return fingerprint(key.secret, { ...printing, normal, subjectId: row.subject });
    },
    printsOf: (collection) => printings.get(collection)?.prints ?? null,
  };
}
