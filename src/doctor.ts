import { statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import { differenceLines } from './agreement.ts';
import { CommandRefused, lineOf } from './cli/refusal.ts';
import { type DoctorReport } from './cli/host.ts';
import { type Examined, examineFile } from './config-file.ts';
import type { Settings } from './config/settings.ts';
import { anchorFinding, demandFindings } from './doctor/anchors.ts';
import { certificateFindings } from './doctor/certificate.ts';
import { finding, type FindingId } from './doctor/finding.ts';
import { nodeFindings, type NodeVersions } from './doctor/node.ts';
import { placeFindings } from './doctor/places.ts';
import { barredFinding, type Intended, vaultFindings } from './doctor/vault.ts';
import { type Looking, lookAtPostgres, lookAtSqlite, type Notes, unreadable } from './doctor-store.ts';
import { fileMasterKey, KeyFileRefused, type KeyFileFault } from './masterkey/file.ts';
import { filesOf } from './store/sqlite-inspection.ts';
import { openAnchors } from './open-anchors.ts';
import { readTls } from './tls-files.ts';
import { AnchorFailed } from './vault/anchor.ts';
import { examine, type Standing } from './vault/examine.ts';
import type { MasterKey } from './vault/master-key.ts';
import { differenceOf } from './vault/policy/difference.ts';
import type { StoreInspection } from './vault/store.ts';

/** What doctor asks of the host. */
export interface DoctorDeps extends Looking {
  readonly random: (bytes: number) => Uint8Array;
  readonly groups: readonly number[];
  /** Of this process. */
  readonly user: number;
  readonly node: NodeVersions;
}

export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** Five seconds' work, or so. */
const MOST_EVENTS = 500_000;

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
  const { store } = settings;
  notes.findings.push(
    ...placeFindings({
      settings: resolve(path),
      keyFile: settings.masterKey.path,
      store: store.engine === 'sqlite' ? { path: store.path, files: filesOf(store.path) } : null,
      passwordFile: store.engine === 'postgres' ? store.passwordFile : null,
    }),
  );
  lookAtTls(settings, deps, notes);
  const masterKey = readKeyFile(settings, deps, notes);
  try {
    const inspection =
      store.engine === 'sqlite'
        ? lookAtSqlite(store.path, deps, notes)
        : await lookAtPostgres(store, deps, notes);
    if (inspection === null) return notes;
    try {
      await lookAtVault(inspection, masterKey, file, deps, notes);
    } finally {
      await inspection.close();
    }
  } catch (error) {
    unreadable(store.engine === 'sqlite' ? store.path : `the store on ${store.host}`, error, notes);
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

async function lookAtVault(
  inspection: StoreInspection,
  masterKey: MasterKey | null,
  { settings, policy }: Examined,
  { now, random, user }: DoctorDeps,
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
    differs: await differing(settings, policy, found.standing),
  };
  findings.push(...vaultFindings(found, intended, now()));
  const places = openAnchors(settings?.anchors ?? [], user);
  findings.push(...demandFindings(found.standing?.policy.demand ?? null, places));
  for (const { anchor, required } of places) {
    const newest = await anchor.newest(found.signed).catch((error: unknown) => {
      if (error instanceof AnchorFailed) return error.message;
      throw error;
    });
    findings.push(...anchorFinding({ name: anchor.name, required, newest, found }, now()));
  }
  if (found.fills === null)
    unchecked.push('how full the token spaces are, which needs every key and the policy');
  if (found.log.from > 0)
    unchecked.push(`the first ${found.log.from} events of the log: audit verify recomputes them all`);
}

async function differing(
  settings: Examined['settings'],
  policy: Examined['policy'],
  standing: Standing | null,
): Promise<Intended['differs']> {
  if (policy === null || standing === null) return null;
  const difference = await differenceOf(standing, policy);
  if (difference.same) return null;
  if (settings?.store.engine === 'sqlite') return 'until-start';
  return { active: difference.number, lines: differenceLines(difference) };
}
