import { z } from 'zod';
import { fingerprint } from '../crypto/fingerprint.ts';
import { FORMAT_NAMES, formats } from '../formats/catalogue.ts';
import { holdsDuty } from './access/duty.ts';
import { attempt } from './attempt.ts';
import { type LogReport, type VerifyDeps, verifyStore } from './audit/verify.ts';
import { type Caller, commit, draft } from './call.ts';
import type { HeadSeal } from './commit/head.ts';
import type { Core } from './core.ts';
import { type Key, Keyring, openKey } from './custody/keyring.ts';
import { VaultError } from './error.ts';
import type { AuthoritySnapshot, KeyRow } from './store.ts';
import { openMetadata, openValue } from './values/sealing.ts';
import { tokenHash } from './values/token.ts';

/**
 * `audit verify`: the whole store against its log. On the host it runs even when the vault has closed itself over
 * records that do not authenticate: that is when it is needed.
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
    const closed = error instanceof VaultError && error.code === 'integrity';
    if (!closed || caller.origin.via !== 'cli') throw error;
  });
  const snapshot = await core.store.snapshot();
  try {
    return await verifyStore(snapshot, await verifyDeps(core, snapshot.authority(), rowsKey, seal));
  } finally {
    snapshot.close();
  }
}

async function verifyDeps(
  core: Core,
  authority: AuthoritySnapshot,
  rowsKey: Key,
  seal: HeadSeal,
): Promise<VerifyDeps> {
  const opened: { row: KeyRow; key: Key }[] = [];
  for (const row of authority.keys) {
    const key = await openKey(row, core.masterKey, authority.head?.vault ?? '');
    if (!('why' in key)) opened.push({ row, key });
  }
  const keys = new Keyring(opened);
  const shapes = new Map(authority.collections.map(({ id, shape }) => [id, readShape(shape)]));
  return {
    rowsKey: rowsKey.secret,
    seal,
    breathe: core.world.breathe,
    open: (row) => {
      if (row.metadata !== null && openMetadata(keys, row, row.metadata) === null) return null;
      return openValue(keys, row, row);
    },
    hashOf: (row) => tokenHash(keys, row.collection, row.token),
    printOf: (row, normal, keyId) => {
      const key = keys.named(keyId);
      const format = shapes.get(row.collection)?.format;
      if (key === null || format === undefined) return null;
      const { normalisation } = formats[format];
      return fingerprint(key.secret, { format, normalisation, normal, subjectId: row.subject });
    },
    isDeterministic: (collection) => shapes.get(collection)?.tokens === 'deterministic',
  };
}

const shapeFields = z.looseObject({
  format: z.enum(FORMAT_NAMES),
  tokens: z.enum(['random', 'deterministic']),
});

/** What a collection's row says was fixed, or null if it does not read. */
function readShape(text: string): z.output<typeof shapeFields> | null {
  try {
    return shapeFields.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
