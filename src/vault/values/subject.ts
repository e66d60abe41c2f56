import { sealCell } from '../../crypto/cell.ts';
import { keyedHash } from '../../crypto/mac.ts';
import { type Call, unauthentic } from '../call.ts';
import { isAuthentic, signRow } from '../custody/authentic.ts';
import { EDITED, recordName } from '../findings.ts';
import { newId } from '../id.ts';
import type { Insert } from '../store.ts';

/**
 * The random ids of subjects, by the caller's own references. A reference is stored only as a keyed hash and sealed.
 * @param inserts gets a row for each subject that is new
 */
export async function subjectIds(
  call: Call,
  refs: ReadonlySet<string>,
  inserts: Insert[],
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  if (refs.size === 0) return ids;
  const key = call.epoch.keys.vault('subjects');
  const rowsKey = call.epoch.keys.vault('rows').secret;
  const hashes = [...refs].map((ref) => keyedHash(key.secret, 'strongroom/subject/v1', ref));
  const rows = await call.core.store.subjects(hashes);
  for (const [i, ref] of [...refs].entries()) {
    const row = rows[i] ?? null;
    const hash = hashes[i];
    if (row !== null) {
      if (!isAuthentic(rowsKey, 'subjects', row))
        throw unauthentic(call, {
          table: 'subjects',
          record: recordName(rowsKey, [row.id]),
          problem: EDITED,
        });
      ids.set(ref, row.id);
    } else if (hash !== undefined) {
      const id = newId('subject', (n) => call.draw.take(n));
      const cell = sealCell(key.secret, call.draw.take(24), Buffer.from(ref), subjectBinding(key.id, id));
      inserts.push({
        table: 'subjects',
        row: signRow(rowsKey, 'subjects', { id, hash, cell, keyId: key.id, revision: 1 }),
      });
      ids.set(ref, id);
    }
  }
  return ids;
}

const subjectBinding = (keyId: string, id: string) => ({
  kind: 'subject' as const,
  keyId,
  collectionId: '',
  row: null,
  token: '',
  subjectId: id,
  expiresAt: null,
  version: 1,
  creator: '',
});
