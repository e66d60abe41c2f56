import { hashText } from '../../crypto/hash.ts';
import { base58 } from '../base58.ts';

/**
 * An API key: `strongroom_<environment>_<key id, 12><secret, 44><checksum, 6>`, all base58. The secret is 256 random
 * bits; only a hash of the whole key is stored. The prefix lets scanners recognise a leaked key, and the checksum lets
 * them tell one from a look-alike without asking the vault.
 */
const FORM =
  /^strongroom_([a-z0-9-]{1,32})_([1-9A-HJ-NP-Za-km-z]{12})[1-9A-HJ-NP-Za-km-z]{44}([1-9A-HJ-NP-Za-km-z]{6})$/;
const CHECKSUM = 6;

/** A presented key: what finds its client, and what proves it. */
export interface PresentedKey {
  readonly keyId: string;
  readonly hash: Uint8Array;
  /** Whether the checksum holds: a key that nobody has and that fails it is a mistyped one. */
  readonly isWellFormed: () => boolean;
}

/** @returns the new key, which is shown once, and what is stored of it */
export function newApiKey(
  environment: string,
  random: (bytes: number) => Uint8Array,
): { readonly key: string; readonly keyId: string; readonly hash: Uint8Array } {
  const keyId = base58(random(8), 12);
  const body = `strongroom_${environment}_${keyId}${base58(random(32), 44)}`;
  const key = body + checksum(body);
  return { key, keyId, hash: hashKey(key) };
}

/** Reads a presented key; null if it has not the form of one of this environment's. */
export function parseApiKey(text: string, environment: string): PresentedKey | null {
  const [, where, keyId, check] = FORM.exec(text) ?? [];
  if (where !== environment || keyId === undefined) return null;
  return { keyId, hash: hashKey(text), isWellFormed: () => check === checksum(text.slice(0, -CHECKSUM)) };
}

const checksum = (body: string): string =>
  base58(hashText('strongroom/api-key-checksum/v1', body).subarray(0, 4), CHECKSUM);

/** What an event says of a key: a hash of what is stored of it, so that the log can be held against the row. */
export const keyCheck = (hash: Uint8Array): string => {
  const check = hashText('strongroom/api-key-check/v1', Buffer.from(hash).toString('hex'));
  return Buffer.from(check).toString('base64url');
};

// 256 random bits need no slow hash: there is nothing to guess.
const hashKey = (key: string): Uint8Array => hashText('strongroom/api-key/v1', key);
