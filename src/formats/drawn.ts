export const DIGITS = '0123456789';
export const LOWER = 'abcdefghijklmnopqrstuvwxyz';
export const UPPER = LOWER.toUpperCase();

/** The letters or digits that an ASCII character is one of, or the character itself where it is neither. */
export function classOf(character: string): string {
  return [DIGITS, LOWER, UPPER].find((letters) => letters.includes(character)) ?? character;
}

/** How many texts have one character of each place's alphabet. */
export const sizeOf = (places: readonly string[]): bigint =>
  places.reduce((size, alphabet) => size * BigInt(alphabet.length), 1n);

/**
 * The text at an index: each place's alphabet is a digit of a number in mixed radix, the last place the lowest.
 * A bijection from [0, sizeOf(places)), where no alphabet has a character twice.
 */
export function drawAt(places: readonly string[], index: bigint): string {
  const characters: string[] = [];
  let rest = index;
  for (const alphabet of places.toReversed()) {
    const radix = BigInt(alphabet.length);
    characters.push(alphabet.charAt(Number(rest % radix)));
    rest /= radix;
  }
  if (index < 0n || rest > 0n) throw new RangeError('the index is outside the token space');
  return characters.toReversed().join('');
}

/** The places as a bucket's name: kept characters after `=`, and `0`, `a` or `A` where a digit or a letter is drawn. */
export const patternOf = (places: readonly string[]): string =>
  places.map((place) => (place.length === 1 ? `=${place}` : classOf(place.charAt(0)).charAt(0))).join('');
