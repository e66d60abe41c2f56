// A slow twin, from the words of ISO/IEC 7812-1, to check the fast one.
export function passesLuhn(digits: string): boolean {
  const contributions = Array.from(digits)
    .toReversed()
    .map((digit, at) => (at % 2 === 0 ? digit : String(Number(digit) * 2)));
  return Array.from(contributions.join('')).reduce((sum, digit) => sum + Number(digit), 0) % 10 === 0;
}
