import { bindFields } from './encoding.ts';
import type { Secret } from './key.ts';

const FINGERPRINT_BYTES = 16;

/** `normal` is the value's normal form, `normalisation` the version of the rules that made it (frozen with vectors). */
export interface Fingerprinted {
  readonly format: string;
  readonly normalisation: number;
  readonly normal: string;
  readonly subjectId: string | null;
}

/** The first 16 bytes of HMAC-SHA-256 under the collection's fingerprint key. Throws as `bindFields` does. */
export function fingerprint(key: Secret, of: Fingerprinted): Uint8Array {
  const message = bindFields(
    'strongroom/fingerprint/v1',
    of.format,
    of.normalisation,
    of.normal,
    of.subjectId,
  );
  return key.writeHmac(Buffer.allocUnsafe(FINGERPRINT_BYTES), 0, message);
}
