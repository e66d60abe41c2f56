import { sameShape } from './same-shape.ts';

/** Any reference that is written in letters and digits and has no check: a contract, a voucher. */
export const alphanumeric = sameShape({
  name: 'alphanumeric',
  title: 'Letters and digits',
  characters: /^[A-Za-z0-9]{5,64}$/,
  grouped: false,
  shortest: 5,
  longest: 64,
  lengths: { min: 6, max: 64 },
  could: "a token could be somebody's number or code",
  about: {
    value: '5 to 64 letters of A to Z and a to z and digits, and nothing between them. Case matters.',
    token:
      'As long as the value, with an upper-case letter, a lower-case letter or a digit where the value has one. It could be another value. One of 12 to 19 digits alone fails the Luhn check, so that it is no card.',
    keys: {
      lengths: 'characters that are accepted, both included',
      keep: 'characters that a token shares with its value: at most 8 and 4',
      mask: 'characters that a mask shows: at most half of the shortest value',
      payable: "`accepted`: said out loud, since a token could be somebody's number or code",
    },
    example: {
      options: { payable: 'accepted' },
      value: 'L898902C3',
      source: 'the document number of the specimen passport in ICAO 9303-4',
    },
  },
});
