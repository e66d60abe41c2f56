import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

// The slow obvious twin of src/crypto: noble alone, written from DESIGN 3 and sharing no line with the code it
// checks. The frozen vectors were made with it.

export type TwinField = Uint8Array | string | number | null;

export interface TwinBinding {
  readonly kind: string;
  readonly keyId: string;
  readonly collectionId: string;
  readonly row: Uint8Array | null;
  readonly token: string;
  readonly subjectId: string | null;
  readonly expiresAt: number | null;
  readonly version: number;
  readonly creator: string;
}

export function bindSlowly(...fields: readonly TwinField[]): Uint8Array {
  return concatBytes(...fields.map(encodeField));
}

function encodeField(field: TwinField): Uint8Array {
  if (field === null) return hexToBytes('0000000000');
  if (typeof field === 'number')
    return hexToBytes('0300000008' + BigInt(field).toString(16).padStart(16, '0'));
  const content = typeof field === 'string' ? utf8ToBytes(field) : field;
  const kind = typeof field === 'string' ? '02' : '01';
  return concatBytes(hexToBytes(kind + content.length.toString(16).padStart(8, '0')), content);
}

export function sealCellSlowly(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  b: TwinBinding,
): Uint8Array {
  const aad = bindSlowly(
    'strongroom/cell/v1',
    1,
    b.kind,
    b.keyId,
    b.collectionId,
    b.row,
    b.token,
    b.subjectId,
    b.expiresAt,
    b.version,
    b.creator,
  );
  return concatBytes(Uint8Array.of(1), nonce, xchacha20poly1305(key, nonce, aad).encrypt(plaintext));
}

export function macSlowly(key: Uint8Array, ...fields: readonly TwinField[]): Uint8Array {
  return concatBytes(Uint8Array.of(1), hmac(sha256, key, bindSlowly(...fields)));
}

export function keyedHashSlowly(key: Uint8Array, ...fields: readonly TwinField[]): Uint8Array {
  return hmac(sha256, key, bindSlowly(...fields)).slice(0, 16);
}

export function commitSlowly(key: Uint8Array, context: Uint8Array): Uint8Array {
  const info = bindSlowly('strongroom/commitment/v1', context);
  return concatBytes(Uint8Array.of(1), hkdf(sha256, key, new Uint8Array(0), info, 32));
}

export function labelSlowly(key: Uint8Array): string {
  const id = sha256(concatBytes(utf8ToBytes('strongroom/key-id/v1'), key));
  return `[key ${bytesToHex(id).slice(0, 4)}]`;
}
