import type { FindingId } from '../../src/doctor/finding.ts';

/** Findings of a store on PostgreSQL alone: those are made to happen in test/postgres/doctor.test.ts. */
export const ON_POSTGRES = [
  'policy-other',
  'store-unreachable',
  'store-standby',
  'store-standby-missing',
  'store-in-clear',
  'store-clock',
  'store-rights-missing',
  'store-privileges',
  'password-file-mode',
] as const satisfies readonly FindingId[];
export type OnPostgres = (typeof ON_POSTGRES)[number];
