import { fingerprint } from '../../crypto/fingerprint.ts';
import type { Call } from '../call.ts';
import { signRow } from '../custody/authentic.ts';
import type { Key } from '../custody/keyring.ts';
import type { Printing } from '../policy/shape.ts';
import type { FingerprintRow, ValueRow } from '../rows.ts';
import type { Ending, StoredPrint } from '../statement.ts';
import { activeKey, openValue } from './sealing.ts';
import { tokenHash } from './token.ts';

/** A fingerprint and the key that made it. */
export interface Print {
  readonly fingerprint: Uint8Array;
  readonly keyId: string;
}

/** Makes the fingerprints of one collection: keyed, over the normal form and the subject's id. */
export function printer(call: Call, printing: Printing): (normal: string, subject: string | null) => Print {
  const key: Key = activeKey(call, printing, 'fingerprint');
  const { format, normalisation } = printing;
  return (normal, subjectId) => ({
    fingerprint: fingerprint(key.secret, { format, normalisation, normal, subjectId }),
    keyId: key.id,
  });
}

/** The row that points a fingerprint at a value's row, authenticated over both. */
export const printRow = (
  call: Call,
  table: 'fingerprints' | 'lookups',
  collection: string,
  row: Uint8Array,
  print: Print,
): FingerprintRow => signRow(call.epoch.keys.vault('rows').secret, table, { collection, row, ...print });

/** The fingerprint under which a value is stored; null where its collection keeps none. */
export function storedPrint(
  call: Call,
  printing: Printing,
  row: ValueRow,
  normal: string,
): StoredPrint | null {
  if (printing.prints === null) return null;
  const { fingerprint: bytes } = printer(call, printing)(normal, row.subject);
  return { table: printing.prints, fingerprint: bytes };
}

/**
 * What ends a live token. Its cell is opened first: to find its fingerprint, and so that nothing is destroyed, and the log
 * made to say so, because of a column that somebody else wrote.
 * @returns null if the cell does not open
 */
export function endingOf(call: Call, printing: Printing, row: ValueRow): Ending | null {
  const { keys } = call.epoch;
  const collection = printing.id;
  const normal = openValue(keys, row, { token: row.token, collection });
  if (normal === null) return null;
  return {
    collection,
    hash: tokenHash(keys, collection, row.token),
    row: row.row,
    version: row.version,
    print: storedPrint(call, printing, row, normal),
    at: call.now,
  };
}
