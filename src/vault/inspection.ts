import { type LogReport, verifyStore } from './audit/verify.ts';
import type { World } from './core.ts';
import { keptKeys, openKey } from './custody/keyring.ts';
import { VaultError } from './error.ts';
import type { MasterKey } from './master-key.ts';
import { openRowsKey } from './open.ts';
import type { KeyRow } from './rows.ts';
import type { Store, StoreSnapshot } from './store.ts';
import { openSubject } from './values/subject.ts';
import { verifyDeps } from './verification.ts';

/** A key of the store, and what was tried with it. */
export interface TriedKey {
  readonly id: string;
  readonly use: string;
  /** The collection's name; null for a key of the vault. */
  readonly collection: string | null;
  /** Whether it opens under the master key and is the one that it commits to. */
  readonly opens: boolean;
  /** Cells that it opened: all of its values', one of its subjects'; 0 for a key that seals nothing yet, or nothing ever. */
  readonly cells: number;
}

/** What a store came to when everything in it was tried. */
export interface Inspection extends LogReport {
  readonly vault: string;
  readonly environment: string;
  readonly epoch: number;
  readonly keys: readonly TriedKey[];
}

/**
 * Tries all of a store that nobody serves, and writes no event: opens its keys and cells under the master key, recomputes the log
 * and holds every row against it.
 * @throws CannotOpen if it holds no vault, or none that this master key opens
 */
export async function inspectStore(
  store: Store,
  masterKey: MasterKey,
  environment: string,
  world: Pick<World, 'breathe'>,
): Promise<Inspection> {
  const { key: rowsKey, seal } = await openRowsKey(store, masterKey, environment);
  const snapshot = await store.snapshot();
  try {
    const { authority } = snapshot;
    const { head, collections } = authority;
    if (head === null) throw new VaultError('integrity');
    const deps = await verifyDeps({ masterKey, world }, authority, rowsKey, seal);
    const cells = new Map<string, number>();
    const opened = (keyId: string): void => void cells.set(keyId, (cells.get(keyId) ?? 0) + 1);
    const report = await verifyStore(snapshot, {
      ...deps,
      open: (row) => {
        const normal = deps.open(row);
        if (normal !== null) opened(row.keyId);
        return normal;
      },
    });
    const findings = [...report.findings];
    const names = new Map(collections.map(({ id, name }) => [id, name]));
    const keys: TriedKey[] = [];
    for (const row of keptKeys(authority.keys)) {
      const key = await openKey(row, masterKey, head.vault);
      const opens = !('why' in key);
      if (!opens) findings.push({ index: null, table: 'keys', problem: `${row.id} ${key.why}` });
      if (opens && row.use === 'subjects') {
        const tried = await subjectOf(snapshot, row);
        if (tried !== null && openSubject(key, tried) !== null) opened(row.id);
        else if (tried !== null)
          findings.push({ index: null, table: 'subjects', problem: `${tried.id} does not open` });
      }
      const collection = row.collection === null ? null : (names.get(row.collection) ?? row.collection);
      keys.push({ id: row.id, use: row.use, collection, opens, cells: cells.get(row.id) ?? 0 });
    }
    const { vault, epoch } = head;
    return { ...report, findings, ok: findings.length === 0, vault, environment, epoch, keys };
  } finally {
    await snapshot.close();
  }
}

/** One of the subjects that a key seals. */
async function subjectOf(snapshot: StoreSnapshot, { id }: KeyRow) {
  for await (const row of snapshot.scan('subjects')) if (row.keyId === id) return row;
  return null;
}
