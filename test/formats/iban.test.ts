import { isValidIBAN, validateIBAN, ValidationErrorsIBAN } from 'ibantools';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { holdsValue } from '../../src/formats/clear-text.ts';
import { iban } from '../../src/formats/iban.ts';
import { IBAN_COUNTRIES } from '../../src/formats/iban-countries.ts';
import { withCheckDigits } from './values.ts';

const schema = z.strictObject(iban.shape);
const bind = (given: z.input<typeof schema> = {}) => iban.bind(schema.parse(given), { environment: 'test' });

// The example of each country in the SWIFT IBAN registry, with the bank code that it points out.
const REGISTRY: readonly (readonly [string, string])[] = [
  ['AD1200012030200359100100', '0001'],
  ['AE070331234567890123456', '033'],
  ['AL47212110090000000235698741', '212'],
  ['AT611904300234573201', '19043'],
  ['AZ21NABZ00000000137010001944', 'NABZ'],
  ['BA391290079401028494', '129'],
  ['BE68539007547034', '539'],
  ['BG80BNBG96611020345678', 'BNBG'],
  ['BH67BMAG00001299123456', 'BMAG'],
  ['BI4210000100010000332045181', '10000'],
  ['BR1800360305000010009795493C1', '00360305'],
  ['BY13NBRB3600900000002Z00AB00', 'NBRB'],
  ['CH9300762011623852957', '00762'],
  ['CR05015202001026284066', '0152'],
  ['CY17002001280000001200527600', '002'],
  ['CZ6508000000192000145399', '0800'],
  ['DE89370400440532013000', '37040044'],
  ['DJ2100010000000154000100186', '00010'],
  ['DK5000400440116243', '0040'],
  ['DO28BAGR00000001212453611324', 'BAGR'],
  ['EE382200221020145685', '22'],
  ['EG380019000500000000263180002', '0019'],
  ['ES9121000418450200051332', '2100'],
  ['FI2112345600000785', '123'],
  ['FK88SC123456789012', 'SC'],
  ['FO6264600001631634', '6460'],
  ['FR1420041010050500013M02606', '20041'],
  ['GB29NWBK60161331926819', 'NWBK'],
  ['GE29NB0000000101904917', 'NB'],
  ['GI75NWBK000000007099453', 'NWBK'],
  ['GL8964710001000206', '6471'],
  ['GR1601101250000000012300695', '011'],
  ['GT82TRAJ01020000001210029690', 'TRAJ'],
  ['HN88CABF00000000000250005469', 'CABF'],
  ['HR1210010051863000160', '1001005'],
  ['HU42117730161111101800000000', '117'],
  ['IE29AIBK93115212345678', 'AIBK'],
  ['IL620108000000099999999', '010'],
  ['IQ98NBIQ850123456789012', 'NBIQ'],
  ['IS140159260076545510730339', '01'],
  ['IT60X0542811101000000123456', '05428'],
  ['JO94CBJO0010000000000131000302', 'CBJO'],
  ['KW81CBKU0000000000001234560101', 'CBKU'],
  ['KZ86125KZT5004100100', '125'],
  ['LB62099900000001001901229114', '0999'],
  ['LC55HEMM000100010012001200023015', 'HEMM'],
  ['LI21088100002324013AA', '08810'],
  ['LT121000011101001000', '10000'],
  ['LU280019400644750000', '001'],
  ['LV80BANK0000435195001', 'BANK'],
  ['LY83002048000020100120361', '002'],
  ['MC5811222000010123456789030', '11222'],
  ['MD24AG000225100013104168', 'AG'],
  ['ME25505000012345678951', '505'],
  ['MK07250120000058984', '250'],
  ['MN121234123456789123', '1234'],
  ['MR1300020001010000123456753', '00020'],
  ['MT84MALT011000012345MTLCAST001S', 'MALT'],
  ['MU17BOMM0101101030300200000MUR', 'BOMM01'],
  ['NI45BAPR00000013000003558124', 'BAPR'],
  ['NL91ABNA0417164300', 'ABNA'],
  ['NO9386011117947', '8601'],
  ['OM810180000001299123456', '018'],
  ['PK36SCBL0000001123456702', 'SCBL'],
  ['PL61109010140000071219812874', '10901014'],
  ['PS92PALS000000000400123456702', 'PALS'],
  ['PT50000201231234567890154', '0002'],
  ['QA58DOHB00001234567890ABCDEFG', 'DOHB'],
  ['RO49AAAA1B31007593840000', 'AAAA'],
  ['RS35260005601001611379', '260'],
  ['RU0304452522540817810538091310419', '044525225'],
  ['SA0380000000608010167519', '80'],
  ['SC18SSCB11010000000000001497USD', 'SSCB11'],
  ['SD2129010501234001', '29'],
  ['SE4550000000058398257466', '500'],
  ['SI56263300012039086', '26330'],
  ['SK3112000000198742637541', '1200'],
  ['SM86U0322509800000000270100', '03225'],
  ['SO211000001001000100141', '1000'],
  ['ST23000100010051845310146', '0001'],
  ['SV62CENR00000000000000700025', 'CENR'],
  ['TL380080012345678910157', '008'],
  ['TN5910006035183598478831', '10'],
  ['TR330006100519786457841326', '00061'],
  ['UA213223130000026007233566001', '322313'],
  ['VA59001123000012345678', '001'],
  ['VG96VPVG0000012345678901', 'VPVG'],
  ['XK051212012345678906', '12'],
  ['YE15CBYE0001018861234567891234', 'CBYE'],
];

// IBANs that are published for countries outside the registry.
const UNREGISTERED: readonly (readonly [string, string])[] = [
  ['AO06000600000100037131174', '0006'],
  ['BJ66BJ0610100100144390000769', 'BJ061'],
  ['CF4220001000010120069700160', '20001'],
  ['CM2110003024000224016952238', '10003'],
  ['GA2140021010032001890020126', '40021'],
  ['GQ7050002001003715228190196', '50002'],
  ['IR062960000000100324200001', '296'],
  ['KM4600005000010010904400137', '00005'],
  ['MA64360815000001793222001617', '360'],
  ['MZ59000800005138555713187', '0008'],
  ['SN08SN0100152000048500003035', 'SN010'],
  ['TG87TG0090100110232500400512', 'TG009'],
];

test('the registry has 89 countries, and every one of them is here', () => {
  const codes = REGISTRY.map(([example]) => example.slice(0, 2));
  expect(new Set(codes).size).toBe(89);
  expect([...IBAN_COUNTRIES.keys()].slice(0, 89).toSorted()).toEqual(codes.toSorted());
});

describe.each([...REGISTRY, ...UNREGISTERED])('%s', (example, bankCode) => {
  const country = example.slice(0, 2);
  const kept = bind({ bankCode: 'kept' });
  const index = fc.bigInt(0n, 10n ** 60n);

  test('is accepted in any case and grouping', () => {
    const groups = (example.match(/.{1,4}/g) ?? []).join(' ');
    for (const written of [example, groups, example.toLowerCase(), groups.replaceAll(' ', '-')]) {
      expect(bind().parse(written)).toEqual({ ok: true, normal: example });
    }
  });

  test('is refused with any check digits but its own', () => {
    for (let check = 0; check < 100; check++) {
      const digits = String(check).padStart(2, '0');
      if (digits === example.slice(2, 4)) continue;
      const wrong = country + digits + example.slice(4);
      expect(bind().parse(wrong)).toEqual({ ok: false, reason: 'checksum' });
    }
  });

  test('is refused a character longer or shorter', () => {
    expect(bind().parse(`${example}0`)).toEqual({ ok: false, reason: 'length' });
    expect(bind().parse(example.slice(0, -1))).toEqual({ ok: false, reason: 'length' });
  });

  test('has tokens of its country and structure that keep its bank code and that no bank gives', () => {
    const place = IBAN_COUNTRIES.get(country);
    const space = kept.space(example);
    fc.assert(
      fc.property(index, (x) => {
        const token = space.at(x % space.size);
        expect(token).toHaveLength(example.length);
        expect(token.slice(0, 2)).toBe(country);
        expect(['00', '01', '99']).toContain(token.slice(2, 4));
        expect(token.slice(4)).toMatch(place?.bban ?? /$./);
        expect(token.slice(4).indexOf(bankCode)).toBe(example.slice(4).indexOf(bankCode));
        // Plain mod 97, by big integers.
        const number = Array.from(token.slice(4) + token.slice(0, 4), (c) => Number.parseInt(c, 36)).join('');
        expect(BigInt(number) % 97n).toBe(1n);
        expect(isValidIBAN(token)).toBe(false);
        expect(kept.parse(token)).toEqual({ ok: false, reason: 'checksum' });
      }),
    );
  });

  test('has tokens with the right check digits where the policy says so', () => {
    const bound = bind({ bankCode: 'kept', checkDigits: 'issuable', payable: 'accepted' });
    const space = bound.space(example);
    fc.assert(
      fc.property(index, (x) => {
        const token = space.at(x % space.size);
        expect(token).toBe(withCheckDigits(country, token.slice(4)));
        expect(token.slice(4).indexOf(bankCode)).toBe(example.slice(4).indexOf(bankCode));
        expect(bound.parse(token)).toEqual({ ok: true, normal: token });
        expect(holdsValue(token)).toBe(true);
      }),
    );
  });
});

// Where ibantools asks for more than the registry: letters of Belarusian and Dominican banks, digits of Pakistani and
// Palestinian accounts; and of West African countries outside the registry it knows some banks' structures only.
const OTHERWISE = new Set(['BY', 'DO', 'PK', 'PS', 'BF', 'BJ', 'CI', 'GW', 'ML', 'NE', 'SN', 'TG']);

describe.each([...IBAN_COUNTRIES.values()])('$code', ({ code, kinds, bban, bank }) => {
  const alphabets: Readonly<Record<string, string>> = { n: '[0-9]', a: '[A-Z]', c: '[A-Z0-9]' };
  const any = fc.stringMatching(new RegExp(`^${Array.from(kinds, (kind) => alphabets[kind]).join('')}$`));

  test('agrees with ibantools', () => {
    fc.assert(
      fc.property(any, (text) => {
        const value = withCheckDigits(code, text);
        expect(bind().parse(value)).toEqual({ ok: true, normal: value });
        // It also knows some countries' own checks inside a BBAN, which are not asked here.
        const faults = validateIBAN(value).errorCodes.filter(
          (fault) => fault !== ValidationErrorsIBAN.WrongAccountBankBranchChecksum,
        );
        if (!OTHERWISE.has(code)) expect(faults, value).toEqual([]);
      }),
      { numRuns: 30 },
    );
    expect(bban.test('?'.repeat(kinds.length))).toBe(false);
  });

  test('has two digits side by side outside its bank code, which bring the remainder to 1', () => {
    const places = Array.from(kinds, (_, at) => at).filter(
      (at) => kinds.charAt(at) !== 'a' && kinds.charAt(at + 1) !== 'a',
    );
    expect(places.some((at) => at >= bank.to && at + 1 < kinds.length)).toBe(true);
    expect(bank.from).toBeLessThan(bank.to);
  });
});

test('tokens of a small space are distinct, by enumeration', () => {
  const bound = bind({ bankCode: 'kept' });
  const space = bound.space('NO9386011117947');
  expect(space.size).toBe(300_000n);
  const tokens = new Set(Array.from({ length: 300_000 }, (_, index) => space.at(BigInt(index))));
  expect(tokens.size).toBe(300_000);
});

test('a clear field may hold a token, and no IBAN', () => {
  const token = bind().space('DE89370400440532013000').at(10n);
  expect(token).toMatch(/^DE01/);
  expect(holdsValue(`payout to ${token}`)).toBe(false);
  expect(holdsValue('payout to DE89 3704 0044 0532 0130 00')).toBe(true);
});

test.each([
  ['', 'empty'],
  ['DE', 'malformed'],
  ['DE8937040044053201300', 'length'],
  ['DE893704004405320130000', 'length'],
  ['DE8937040044053201300O', 'malformed'],
  ['XX89370400440532013000', 'malformed'],
  ['DE89  3704 0044 0532 0130 00', 'malformed'],
  [' DE89370400440532013000', 'malformed'],
  ['DE89370400440532013000\n', 'malformed'],
  ['DE89_3704_0044_0532_0130_00', 'malformed'],
  ['IBAN DE89 3704 0044 0532 0130 00', 'malformed'],
  ['GB29N1BK60161331926819', 'malformed'],
  ['\uff24\uff2589370400440532013000', 'malformed'],
  ['DE89370400440532013001', 'checksum'],
  ['DE' + '0'.repeat(100), 'too_long'],
])('refuses %j as %s', (text, reason) => {
  expect(bind().parse(text)).toEqual({ ok: false, reason });
});

test('a letter that upper case makes longer or different is refused', () => {
  for (const letter of ['ß', 'ı', 'ſ', 'ﬁ']) {
    expect(bind().parse(`GB29NWB${letter}60161331926819`).ok).toBe(false);
    expect(bind().tokenForm(`GB00NWB${letter}60161331926819`)).toBe(`GB00NWB${letter}60161331926819`);
  }
});

describe('options', () => {
  const problems = (given: z.input<typeof schema>) => iban.problems(schema.parse(given));

  test('accept some countries only, and go on knowing tokens of others', () => {
    const german = bind({ countries: ['DE', 'AT'] });
    expect(german.parse('DE89370400440532013000').ok).toBe(true);
    expect(german.parse('GB29NWBK60161331926819').ok).toBe(false);
    expect(german.isToken(bind().space('GB29NWBK60161331926819').at(5n))).toBe(true);
    expect(german.smallest.what).toBe('an IBAN of AT');
    expect(schema.safeParse({ countries: ['US'] }).success).toBe(false);
    expect(schema.safeParse({ countries: ['de'] }).success).toBe(false);
    expect(schema.safeParse({ countries: [] }).success).toBe(false);
  });

  test('leave at least 300,000 tokens', () => {
    expect(bind({ bankCode: 'kept' }).smallest).toEqual({
      size: 300_000n,
      what: 'an IBAN of NO keeping its bank code',
      roomier: 'bankCode: drawn, or countries without NO',
    });
    expect(bind().smallest.size).toBe(3n * 10n ** 9n);
  });

  test('say out loud that a token could be an account', () => {
    expect(problems({ checkDigits: 'issuable' })).toEqual([
      {
        path: ['payable'],
        problem: "a token with the right check digits could be somebody's account",
        instead: 'checkDigits: unissued, or payable: accepted',
      },
    ]);
    expect(problems({ checkDigits: 'issuable', payable: 'accepted' })).toEqual([]);
  });

  test('show at most half of the shortest value that is accepted', () => {
    expect(problems({ mask: { first: 4, last: 4 } }).map(({ path }) => path)).toEqual([['mask']]);
    expect(problems({ mask: { first: 4, last: 4 }, countries: ['BE'] })).toEqual([]);
    expect(bind({ mask: { first: 4, last: 4 }, countries: ['BE'] }).mask('BE68539007547034')).toBe(
      'BE68********7034',
    );
  });
});

test('tokens of drawn and of kept bank codes, of unissued and issuable check digits are told apart', () => {
  const token = bind().space('DE89370400440532013000').at(10n);
  const issuable = bind({ checkDigits: 'issuable', payable: 'accepted' });
  expect(bind().isToken(token)).toBe(true);
  expect(issuable.isToken(token)).toBe(false);
  expect(bind().isToken('DE89370400440532013000')).toBe(false);
  expect(issuable.isToken('DE89370400440532013000')).toBe(true);
  expect(bind().isToken(bind().tokenForm(`${token.slice(0, 4).toLowerCase()} ${token.slice(4)}`))).toBe(true);
});
