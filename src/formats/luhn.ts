// ISO/IEC 7812-1 annex B: every second digit from the right, starting beside the check digit, counts double.

const ZERO = 48;

/** Sum of the digits' contributions, mod 10. The argument is ASCII digits only. */
export function luhnSum(digits: string): number {
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = digits.charCodeAt(at) - ZERO;
    const doubled = (digits.length - at) % 2 === 0;
    sum += doubled ? (digit < 5 ? digit * 2 : digit * 2 - 9) : digit;
  }
  return sum % 10;
}

export function luhnValid(digits: string): boolean {
  return digits !== '' && luhnSum(digits) === 0;
}

/**
 * The one digit that brings `sum` to 0 when it has `after` digits to its right.
 * There is exactly one because doubling with the nines cast out permutes 0..9.
 */
export function luhnDigit(sum: number, after: number): number {
  const wanted = (10 - (sum % 10)) % 10;
  if (after % 2 === 0) return wanted;
  return wanted % 2 === 0 ? wanted / 2 : (wanted + 9) / 2;
}
