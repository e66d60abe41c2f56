import { sameShape } from './same-shape.ts';

/** Any number that is written in digits and has no check: a customer number, a policy number. */
export const digits = sameShape({
  name: 'digits',
  title: 'Digits',
  characters: /^[0-9]{5,64}$/,
  grouped: false,
  shortest: 5,
  longest: 64,
  lengths: { min: 6, max: 32 },
  could: "a token could be somebody's number",
  about: {
    value: '5 to 64 digits and nothing between them; leading zeros stay.',
    token:
      'As many digits as the value. A token of 12 to 19 digits fails the Luhn check, so that it is no card; it could be another value.',
    keys: {
      lengths: 'digits that are accepted, both included',
      keep: 'digits that a token shares with its value: at most 8 and 4',
      mask: 'digits that a mask shows: at most half of the shortest value',
      payable: "`accepted`: said out loud, since a token could be somebody's number",
    },
    example: {
      options: { payable: 'accepted' },
      value: '0123456789',
      source: 'made up',
    },
  },
});
