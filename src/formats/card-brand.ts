interface Brand {
  readonly name: string;
  /** Leading digits, both ends included and of one length: [2221, 2720] is every number that starts so. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly lengths: readonly number[];
}

const FROM_16 = [16, 17, 18, 19];

// Lengths as issued: with them a telephone number that starts with 4 is not taken for a Visa card.
const BRANDS: readonly Brand[] = [
  { name: 'Visa', ranges: [[4, 4]], lengths: [13, ...FROM_16] },
  {
    name: 'Mastercard',
    ranges: [
      [51, 55],
      [2221, 2720],
    ],
    lengths: [16],
  },
  {
    name: 'American Express',
    ranges: [
      [34, 34],
      [37, 37],
    ],
    lengths: [15],
  },
  {
    name: 'Discover',
    ranges: [
      [6011, 6011],
      [644, 649],
      [65, 65],
    ],
    lengths: FROM_16,
  },
  { name: 'JCB', ranges: [[3528, 3589]], lengths: FROM_16 },
  {
    name: 'Diners Club',
    ranges: [
      [300, 305],
      [36, 36],
      [38, 39],
    ],
    lengths: [14, 15, ...FROM_16],
  },
  { name: 'UnionPay', ranges: [[62, 62]], lengths: FROM_16 },
  {
    name: 'Maestro',
    ranges: [
      [50, 50],
      [56, 58],
      [6, 6],
    ],
    lengths: [12, 13, 14, 15, ...FROM_16],
  },
];

/** The digits start as some brand's numbers do and have one of its lengths; the Luhn check is not made. */
export function inBrandRange(digits: string): boolean {
  return BRANDS.some(({ ranges, lengths }) => lengths.includes(digits.length) && ranges.some(startsIn));

  function startsIn([low, high]: readonly [number, number]): boolean {
    const start = Number(digits.slice(0, String(low).length));
    return start >= low && start <= high;
  }
}
