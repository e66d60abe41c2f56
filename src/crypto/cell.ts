import { bindFields } from './encoding.ts';
import type { Secret } from './key.ts';
import { NONCE_BYTES, openXChaCha, sealXChaCha, TAG_BYTES } from './xchacha.ts';

/** Suite 1 is XChaCha20-Poly1305 with a 24-byte random nonce. */
const SUITE = 1;
const HEADER_BYTES = 1 + NONCE_BYTES;

/** What a cell is bound to: whatever policy depends on. `expiresAt` in milliseconds since 1970. */
export interface CellBinding {
  readonly kind: 'value' | 'value-with-metadata' | 'metadata' | 'earlier' | 'subject';
  readonly keyId: string;
  readonly collectionId: string;
  /** The id of its row, by which the log names it; null for a subject's. */
  readonly row: Uint8Array | null;
  readonly token: string;
  readonly subjectId: string | null;
  readonly expiresAt: number | null;
  readonly version: number;
  readonly creator: string;
}

/** suite (1 byte) | nonce (24, fresh from the kernel) | ciphertext | tag (16). RangeError for another nonce length. */
export function sealCell(
  key: Secret,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  binding: CellBinding,
): Uint8Array {
  const sealed = sealXChaCha(key, nonce, plaintext, associatedData(binding));
  const cell = Buffer.allocUnsafe(HEADER_BYTES + sealed.length);
  cell[0] = SUITE;
  cell.set(nonce, 1);
  cell.set(sealed, HEADER_BYTES);
  return cell;
}

/** The plaintext, or null for an unknown suite, another key, another binding or changed bytes, without a word which. */
export function openCell(key: Secret, cell: Uint8Array, binding: CellBinding): Uint8Array | null {
  if (cell[0] !== SUITE || cell.length < HEADER_BYTES + TAG_BYTES) return null;
  const nonce = cell.subarray(1, HEADER_BYTES);
  return openXChaCha(key, nonce, cell.subarray(HEADER_BYTES), associatedData(binding));
}

function associatedData(binding: CellBinding): Uint8Array {
  return bindFields(
    'strongroom/cell/v1',
    SUITE,
    binding.kind,
    binding.keyId,
    binding.collectionId,
    binding.row,
    binding.token,
    binding.subjectId,
    binding.expiresAt,
    binding.version,
    binding.creator,
  );
}
