import { statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CommandRefused, lineOf } from './cli/refusal.ts';
import { type DoctorReport } from './cli/host.ts';
import { type Examined, examineFile } from './config-file.ts';
import type { Settings } from './config/settings.ts';
import { certificateFindings } from './doctor/certificate.ts';
import { type Finding, finding, type FindingId } from './doctor/finding.ts';
import { nodeFindings, type NodeVersions } from './doctor/node.ts';
import { placeFindings } from './doctor/places.ts';
import { roomFindings, storeFindings } from './doctor/store.ts';
import { barredFinding, vaultFindings } from './doctor/vault.ts';
import { fileMasterKey, KeyFileRefused, type KeyFileFault } from './masterkey/file.ts';
import { storeFile } from './store-file.ts';
import { filesOf, inspectSqlite, sizesOf } from './store/sqlite-inspection.ts';
import { readTls } from './tls-files.ts';
import { examine } from './vault/examine.ts';
import type { MasterKey } from './vault/master-key.ts';
import { policyText } from './vault/policy/policy.ts';
import { type StoreInspection, StoreFailure } from './vault/store.ts';

/** What doctor asks of the host. */
export interface DoctorDeps {
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly groups: readonly number[];
  readonly node: NodeVersions;
  /** Bytes free to this user on the disk of a path. */
  readonly freeBytes: (path: string) => number;
}

export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Five seconds' work, or so. */
const MOST_EVENTS = 500_000;

/** What has been found so far. */
interface Notes {
  readonly findings: Finding[];
  readonly unchecked: string[];
}

/**
 * Goes over a vault on this host, from the settings to the last event, each step as far as the one before allows: it is for
 * vaults that do not open. It writes nothing, in the store included, so it leaves no event.
 */
export async function doctor(path: string, deps: DoctorDeps): Promise<DoctorReport> {
  const notes: Notes = { findings: [...nodeFindings(deps.node)], unchecked: [] };
  const file = readFile(path, notes);
  if (file?.settings === undefined || file.settings === null) {
    notes.unchecked.push('the key file, the store, the vault and TLS, which the settings name');
    return notes;
  }
  const { settings } = file;
  const store = storeFile(settings, 'doctor');
  const places = {
    settings: resolve(path),
    keyFile: settings.masterKey.path,
    store,
    storeFiles: filesOf(store),
  };
  notes.findings.push(...placeFindings(places));
  lookAtTls(settings, deps, notes);
  const masterKey = readKeyFile(settings, deps, notes);
  if (!isThere(store, deps, notes)) return notes;
  try {
    const inspection = lookAtStore(store, notes);
    if (inspection === null) {
      notes.unchecked.push('the vault, whose tables are not there');
      return notes;
    }
    try {
      await lookAtVault(inspection, masterKey, file, deps, notes);
    } finally {
      await inspection.close();
    }
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error;
    const sentence = `${store} does not read: ${error.message}. If it is no lock, restore a backup.`;
    notes.findings.push(finding('store-unreadable', sentence));
    notes.unchecked.push('the vault, whose store does not read');
  }
  return notes;
}

function readFile(path: string, { findings }: Notes): Examined | null {
  try {
    const file = examineFile(path);
    for (const problem of file.settingsProblems)
      findings.push(finding('settings-unusable', `${path}, ${lineOf(problem)}`));
    for (const problem of file.policyProblems)
      findings.push(finding('policy-unusable', `${path}, ${lineOf(problem)}`));
    return file;
  } catch (error) {
    if (!(error instanceof CommandRefused)) throw error;
    findings.push(finding('settings-unusable', error.message));
    return null;
  }
}

function lookAtTls({ server: { tls, host } }: Settings, { now }: DoctorDeps, { findings }: Notes): void {
  if (tls === null) return;
  try {
    findings.push(...certificateFindings(readTls(tls).certificate, host, now()));
  } catch (error) {
    if (!(error instanceof CommandRefused)) throw error;
    findings.push(finding('tls-unusable', error.message));
  }
}

const KEY_FILE = {
  unreadable: 'key-file-unreadable',
  mode: 'key-file-mode',
  malformed: 'key-file-malformed',
  example: 'key-file-example',
} as const satisfies Record<KeyFileFault, FindingId>;

function readKeyFile(
  { masterKey }: Settings,
  { groups, random }: DoctorDeps,
  notes: Notes,
): MasterKey | null {
  try {
    return fileMasterKey(masterKey.path, { groups }, random);
  } catch (error) {
    if (!(error instanceof KeyFileRefused)) throw error;
    notes.findings.push(finding(KEY_FILE[error.fault], error.message));
    return null;
  }
}

function isThere(path: string, { freeBytes: free }: DoctorDeps, { findings }: Notes): boolean {
  if (filesOf(path)[0] !== path) {
    const sentence = `there is no store at ${path}: run strongroom init, or restore a backup.`;
    findings.push(finding('store-missing', sentence));
    return false;
  }
  findings.push(...roomFindings(path, { wal: sizesOf(path).wal, free: free(dirname(path)) }));
  return true;
}

function lookAtStore(path: string, { findings, unchecked }: Notes): StoreInspection | null {
  const { condition, inspection } = inspectSqlite(path);
  findings.push(...storeFindings({ path, ...condition }));
  if (condition.isSound === null)
    unchecked.push('every page of the store, which is over 1 GiB: sqlite3 PATH "pragma quick_check" does');
  return inspection;
}

async function lookAtVault(
  inspection: StoreInspection,
  masterKey: MasterKey | null,
  { settings, policy }: Examined,
  { now, random }: DoctorDeps,
  { findings, unchecked }: Notes,
): Promise<void> {
  if (masterKey === null) {
    unchecked.push('the vault, since nothing authenticates without the master key');
    return;
  }
  const found = await examine({ inspection, masterKey, random, mostEvents: MOST_EVENTS });
  if ('barred' in found) {
    findings.push(barredFinding(found.barred));
    unchecked.push('the keys, clients and log of the vault, which stand behind that');
    return;
  }
  const intended = {
    environment: settings?.vault.environment ?? '',
    policyText: policy === null ? null : policyText(policy),
  };
  findings.push(...vaultFindings(found, intended, now()));
  if (found.fills === null)
    unchecked.push('how full the token spaces are, which needs every key and the policy');
  if (found.log.from > 0)
    unchecked.push(`the first ${found.log.from} events of the log: audit verify recomputes them all`);
}
