import type { Secret } from '../../crypto/key.ts';
import type { HeadSeal } from '../commit/head.ts';
import type { EarlierRow, Rows } from '../rows.ts';
import type { ActiveLogKey } from './log-keys.ts';

/** What verification needs of an open vault. */
export interface VerifyDeps {
  readonly rowsKey: Secret;
  readonly seal: HeadSeal;
  /** The key that the store says signs for the log; null where it has none. */
  readonly logKey: ActiveLogKey | null;
  readonly breathe: () => Promise<void>;
  /** The normal form in a row's cell, or null if it does not open. */
  readonly open: (row: Rows['values']) => string | null;
  /** The hash under which a row's token must be issued. */
  readonly hashOf: (row: Rows['values']) => Uint8Array | null;
  /** The fingerprint that a value must have, or null if its key is gone. */
  readonly printOf: (row: Rows['values'], normal: string, keyId: string) => Uint8Array | null;
  /** Whether what is kept of a row's version before opens. */
  readonly openEarlier: (row: Rows['values'], earlier: EarlierRow) => boolean;
  /** Where every live value of a collection has a fingerprint; null where none has. */
  readonly printsOf: (collection: string) => 'fingerprints' | 'lookups' | null;
}

/** Told of each finding. */
export type Find = (table: string, problem: string, index?: number | null) => void;
