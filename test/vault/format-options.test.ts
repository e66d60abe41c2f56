import { expect, it } from 'vitest';
import { parsePolicy } from '../../src/vault/policy/policy.ts';

/** What a policy is told about the options of a collection's format: each problem, and what would work. */
function problemsOf(collection: object): string[] {
  const parsed = parsePolicy({ collections: { one: collection } });
  if (!('problems' in parsed)) return [];
  return parsed.problems.map(({ path, problem }) => `${path.slice(2).join('.')}: ${problem}`);
}

it.each([
  [{ format: 'iban' }],
  [{ format: 'iban', bankCode: 'kept', countries: ['DE'], expect: 10_000_000 }],
  [{ format: 'credential', prefix: 'sk_live_', drawn: 16 }],
  [{ format: 'account-number', payable: 'accepted' }],
  [{ format: 'uuid', tokens: 'deterministic' }],
  [{ format: 'email', domain: 'kept', tokens: 'deterministic', guessable: 'accepted' }],
])('%j works', (collection) => {
  expect(problemsOf(collection)).toEqual([]);
});

it.each([
  [{}, 'format: missing'],
  [
    { format: 'routing' },
    'format: must be one of pan, iban, account-number, aba-routing, ssn, phone, email, credential, uuid, digits, alphanumeric, text',
  ],
  [{ format: 'iban', countries: ['de'] }, 'countries.0: must be a country with IBANs, as DE'],
  [{ format: 'iban', countries: [] }, 'countries: must name a country, as [DE, FR]'],
  [{ format: 'iban', bankCode: true }, 'bankCode: must be one of drawn, kept'],
  [{ format: 'digits', payable: 'yes' }, 'payable: must be accepted'],
  [{ format: 'text', lookup: 'yes' }, 'lookup: must be true or false'],
  [
    { format: 'iban', mask: { first: 4, last: 4 } },
    'mask: showing 4 + 4 of 15 characters hides less than half of them; what would work: show at most 7, as in mask: { last: 4 }',
  ],
  [
    { format: 'iban', checkDigits: 'issuable' },
    "payable: a token with the right check digits could be somebody's account; what would work: checkDigits: unissued, or payable: accepted",
  ],
  [
    { format: 'iban', bankCode: 'kept', expect: 20_000 },
    'expect: an IBAN of NO keeping its bank code leaves 300000 tokens, under 20 times the 20000 values expected; what would work: expect at most 15000, bankCode: drawn, or countries without NO',
  ],
  [
    { format: 'credential', prefix: 'a b' },
    'prefix: must be 1 to 32 printable ASCII characters without a space, as sk_live_',
  ],
  [
    { format: 'credential', expect: 6000 },
    'expect: a credential of 5 digits leaves 100000 tokens, under 20 times the 6000 values expected; what would work: expect at most 5000, or ask for more letters and digits with drawn',
  ],
  [
    { format: 'account-number' },
    "payable: a token could be somebody's account number; what would work: payable: accepted",
  ],
  [{ format: 'ssn', keep: { last: 4 } }, 'keep: unknown key'],
  [
    { format: 'ssn', expect: 2_000_000 },
    'expect: 9 digits that are never issued leaves 39000000 tokens, under 20 times the 2000000 values expected; what would work: expect at most 1950000',
  ],
  [
    { format: 'phone', tokens: 'deterministic' },
    'tokens: deterministic tokens over so few values can be searched by any caller that may tokenise; what would work: tokens: random, or guessable: accepted',
  ],
])('%j is refused, with what would work', (collection, sentence) => {
  expect(problemsOf(collection)).toEqual([sentence]);
});

it('no problem repeats what was written', () => {
  const written = '4111111111111111';
  for (const format of ['iban', 'credential', 'email', written]) {
    for (const key of ['prefix', 'countries', 'domain', 'mask', 'payable', 'lengths']) {
      for (const value of [written, [written], { first: written }]) {
        const said = problemsOf({ format, [key]: value }).map((sentence) =>
          sentence.split(': ').slice(1).join(': '),
        );
        expect(said.join('\n')).not.toContain(written);
      }
    }
  }
});
