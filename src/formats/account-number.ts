import { sameShape } from './same-shape.ts';

/** Bank account numbers that have no check that all banks share: 4 to 17 digits, the most that a NACHA entry holds. */
export const accountNumber = sameShape({
  name: 'account-number',
  title: 'Bank account number',
  characters: /^[0-9]{4,17}$/,
  grouped: true,
  shortest: 4,
  longest: 17,
  lengths: { min: 4, max: 17 },
  could: "a token could be somebody's account number",
  about: {
    value: '4 to 17 digits. Single spaces and dashes between them are taken out; leading zeros stay.',
    token:
      'As many digits as the value, and at least 5. A token of 12 digits or more fails the Luhn check, so that it is no card; it could be an account number.',
    keys: {
      lengths: 'digits that are accepted, both included',
      keep: 'digits that a token shares with its value: at most 8 and 4',
      mask: 'digits that a mask shows: at most half of the shortest value',
      payable: "`accepted`: said out loud, since a token could be somebody's account number",
    },
    example: {
      options: { lengths: { min: 8, max: 17 }, payable: 'accepted' },
      value: '31926819',
      source: 'the account in the example IBAN of the United Kingdom in the SWIFT registry',
    },
  },
});
