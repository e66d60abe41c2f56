import { openCell, sealCell } from '../../crypto/cell.ts';
import { keyedHash } from '../../crypto/mac.ts';
import { type Call, unauthentic } from '../call.ts';
import { isAuthentic, signRow } from '../custody/authentic.ts';
import type { Key } from '../custody/keyring.ts';
import { EDITED, recordName } from '../findings.ts';
import { newId } from '../id.ts';
import type { SubjectRow } from '../rows.ts';
import type { Insert } from '../statement.ts';

/** A subject that has no id yet: the caller's reference, and the keyed hash under which it will be found. */
interface Unknown {
  readonly ref: string;
  readonly hash: Uint8Array;
}

/**
 * The random ids of subjects, by the caller's own references. A reference is stored only as a keyed hash and sealed.
 * @param inserts gets a row for each subject that is new
 */
export async function subjectIds(
  call: Call,
  refs: ReadonlySet<string>,
  inserts: Insert[],
): Promise<Map<string, string>> {
  const { ids, unknown } = await find(call, refs);
  const key = call.epoch.keys.vault('subjects');
  const rowsKey = call.epoch.keys.vault('rows').secret;
  for (const { ref, hash } of unknown) {
    const id = newId('subject', (n) => call.draw.take(n));
    const cell = sealCell(key.secret, call.draw.take(24), Buffer.from(ref), subjectBinding(key.id, id));
    inserts.push({
      table: 'subjects',
      row: signRow(rowsKey, 'subjects', { id, hash, cell, keyId: key.id, revision: 1 }),
    });
    ids.set(ref, id);
  }
  return ids;
}

/** The ids of those subjects that have one. */
export const knownSubjects = async (call: Call, refs: ReadonlySet<string>): Promise<Map<string, string>> =>
  (await find(call, refs)).ids;

async function find(
  call: Call,
  refs: ReadonlySet<string>,
): Promise<{ readonly ids: Map<string, string>; readonly unknown: readonly Unknown[] }> {
  const ids = new Map<string, string>();
  const unknown: Unknown[] = [];
  if (refs.size === 0) return { ids, unknown };
  const { secret } = call.epoch.keys.vault('subjects');
  const rowsKey = call.epoch.keys.vault('rows').secret;
  const asked = [...refs].map((ref) => ({ ref, hash: keyedHash(secret, 'strongroom/subject/v1', ref) }));
  const rows = await call.core.store.subjects(asked.map(({ hash }) => hash));
  for (const [i, one] of asked.entries()) {
    const row = rows[i] ?? null;
    if (row === null) unknown.push(one);
    else if (isAuthentic(rowsKey, 'subjects', row)) ids.set(one.ref, row.id);
    else {
      const record = recordName(rowsKey, [row.id]);
      throw unauthentic(call, { table: 'subjects', record, problem: EDITED });
    }
  }
  return { ids, unknown };
}

/** The callers' own references to subjects, by id; one that does not authenticate or open is left out, and noted. */
export async function subjectRefs(call: Call, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const { core, epoch } = call;
  const rowsKey = epoch.keys.vault('rows').secret;
  const refs = new Map<string, string>();
  const wanted = [...ids];
  const rows = await core.store.subjectsById(wanted);
  for (const [i, id] of wanted.entries()) {
    const row = rows[i] ?? null;
    const key = row === null ? null : epoch.keys.named(row.keyId);
    const isOurs = row !== null && isAuthentic(rowsKey, 'subjects', row);
    const ref = isOurs && key !== null ? openSubject(key, row) : null;
    if (ref !== null) refs.set(id, ref);
    else unauthentic(call, { table: 'subjects', record: recordName(rowsKey, [id]), problem: EDITED });
  }
  return refs;
}

/** The reference in a subject's row, under the key that it names; null if it does not open. */
export function openSubject(key: Key, { id, cell }: SubjectRow): string | null {
  const opened = openCell(key.secret, cell, subjectBinding(key.id, id));
  return opened === null ? null : Buffer.from(opened).toString('utf8');
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
