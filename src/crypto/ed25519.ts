import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { Secret } from './key.ts';

/** Ed25519 (RFC 8032) under a key of the vault: its 32 bytes are the seed. */
export interface Ed25519 {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes; the same message has the same signature. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

// RFC 8410, section 7: what stands before the 32 bytes of a seed, and of a public key.
const SEED_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX_BYTES = 12;

export function ed25519(seed: Secret): Ed25519 {
  const der = Buffer.concat([SEED_PREFIX, seed.revealKeyBytes()]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(PUBLIC_PREFIX_BYTES)),
    sign: (message) => sign(null, message, key),
  };
}
