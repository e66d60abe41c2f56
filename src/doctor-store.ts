import { dirname } from 'node:path';
import type { PostgresSettings } from './config/store.ts';
import { type Finding, finding } from './doctor/finding.ts';
import { serverFindings, unreachableFinding } from './doctor/postgres.ts';
import { roomFindings, storeFindings } from './doctor/store.ts';
import { inspectPostgres } from './store/postgres-inspection.ts';
import { filesOf, inspectSqlite, sizesOf } from './store/sqlite-inspection.ts';
import { type StoreInspection, StoreFailure } from './vault/store.ts';

/** What has been found so far. */
export interface Notes {
  readonly findings: Finding[];
  readonly unchecked: string[];
}

/** What looking at a store asks of the host. */
export interface Looking {
  readonly now: () => number;
  /** Bytes free to this user on the disk of a path. */
  readonly freeBytes: (path: string) => number;
}

/**
 * Looks at a store in a file.
 * @returns a view of it; null where there is no vault to look at, which is noted
 */
export function lookAtSqlite(path: string, { freeBytes }: Looking, notes: Notes): StoreInspection | null {
  const { findings, unchecked } = notes;
  if (filesOf(path)[0] !== path) {
    findings.push(
      finding('store-missing', `there is no store at ${path}: run strongroom init, or restore a backup.`),
    );
    return null;
  }
  findings.push(...roomFindings(path, { wal: sizesOf(path).wal, free: freeBytes(dirname(path)) }));
  const { condition, inspection } = inspectSqlite(path);
  findings.push(...storeFindings({ path, ...condition }));
  if (condition.isSound === null)
    unchecked.push('every page of the store, which is over 1 GiB: sqlite3 PATH "pragma quick_check" does');
  if (inspection === null) unchecked.push('the vault, whose tables are not there');
  return inspection;
}

/** Looks at a store on PostgreSQL, and at its server. */
export async function lookAtPostgres(
  place: PostgresSettings,
  { now }: Looking,
  { findings, unchecked }: Notes,
): Promise<StoreInspection | null> {
  const looked = await inspectPostgres(place, now).catch((error: unknown) => {
    if (!(error instanceof StoreFailure)) throw error;
    findings.push(unreachableFinding(place, error.message));
    unchecked.push('the server and the vault, since the store does not answer');
    return null;
  });
  if (looked === null) return null;
  const { condition, inspection } = looked;
  findings.push(...serverFindings(place, condition));
  if (condition.schema === null) unchecked.push('the vault, whose tables this role may not read');
  else if (inspection === null) unchecked.push('the vault, whose tables are not there');
  return inspection;
}

/** Whom a failure to read is told of. */
export function unreadable(what: string, error: unknown, { findings, unchecked }: Notes): void {
  if (!(error instanceof StoreFailure)) throw error;
  const sentence = `${what} does not read: ${error.message}. If it is no lock, restore a backup.`;
  findings.push(finding('store-unreadable', sentence));
  unchecked.push('the vault, whose store does not read');
}
