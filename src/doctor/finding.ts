/** `error`: it does not serve, or does not hold a promise. `warning`: it soon will not, or somebody else could see to that. */
export type Severity = 'error' | 'warning';

/** Every finding that there is, under an id for scripts to act on. docs/doctor.md says more of each. */
export const FINDINGS = {
  'node-unsupported': 'error',
  'settings-unusable': 'error',
  'settings-mode': 'warning',
  'policy-unusable': 'error',
  'policy-not-applied': 'warning',
  'policy-other': 'error',
  'key-file-unreadable': 'error',
  'key-file-mode': 'error',
  'key-file-owner': 'warning',
  'key-file-malformed': 'error',
  'key-file-example': 'error',
  'key-file-beside-store': 'warning',
  'folder-mode': 'warning',
  'store-missing': 'error',
  'store-mode': 'warning',
  'store-unreadable': 'error',
  'store-unreachable': 'error',
  'store-standby': 'error',
  'store-standby-missing': 'warning',
  'store-in-clear': 'warning',
  'store-clock': 'error',
  'store-rights-missing': 'error',
  'store-privileges': 'warning',
  'password-file-mode': 'warning',
  'store-damaged': 'error',
  'store-schema': 'error',
  'store-not-durable': 'error',
  'store-wal-large': 'warning',
  'store-disk-low': 'warning',
  'store-closed': 'error',
  'vault-missing': 'error',
  'master-key-other': 'error',
  'environment-other': 'error',
  'head-changed': 'error',
  'table-changed': 'error',
  'row-foreign': 'warning',
  'key-unusable': 'error',
  'log-broken': 'error',
  'log-keyless': 'warning',
  'log-unsigned': 'warning',
  'anchor-unreachable': 'error',
  'anchor-optional-unreachable': 'warning',
  'anchor-lost': 'error',
  'anchor-behind': 'warning',
  'anchors-too-few': 'error',
  'anchors-too-seldom': 'warning',
  'store-does-not-extend-anchor': 'error',
  'clock-behind': 'error',
  'client-expiring': 'warning',
  'client-expired': 'warning',
  'space-filling': 'warning',
  'tls-unusable': 'error',
  'tls-not-valid': 'error',
  'tls-expiring': 'warning',
  'tls-names': 'warning',
} as const satisfies Record<string, Severity>;

export type FindingId = keyof typeof FINDINGS;

/** One thing that is wrong. The sentence says what, and what to do; it has nothing of a value, a key or a caller's text. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  readonly sentence: string;
}

export const finding = (id: FindingId, sentence: string): Finding => ({
  id,
  severity: FINDINGS[id],
  sentence,
});

export const DAY = 24 * 60 * 60 * 1000;

/** `2026-11-25`, in UTC. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
