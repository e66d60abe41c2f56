/** The Bitcoin alphabet: no 0, O, I or l. */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/**
 * Bytes as base58, left-padded with '1' to a fixed length.
 * @throws RangeError if they do not fit
 */
export function base58(bytes: Uint8Array, length: number): string {
  let rest = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (let i = 0; i < length; i++) {
    text = ALPHABET.charAt(Number(rest % 58n)) + text;
    rest /= 58n;
  }
  if (rest > 0n) throw new RangeError('the bytes do not fit the length');
  return text;
}
