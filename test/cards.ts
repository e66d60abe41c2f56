/** Card numbers that pass the Luhn check, made from a count: no two alike, spread over many issuers. */
export function cardNumber(n: number): string {
  const payload = `4${String((n * 7_368_787) % 100_000).padStart(5, '0')}${String(n % 1_000_000_000).padStart(9, '0')}`;
  const sum = payload
    .split('')
    .toReversed()
    .reduce((total, digit, i) => {
      const doubled = Number(digit) * (i % 2 === 0 ? 2 : 1);
      return total + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
  return payload + String((10 - (sum % 10)) % 10);
}
