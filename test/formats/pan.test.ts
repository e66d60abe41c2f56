import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { luhnDigit, luhnSum } from '../../src/formats/luhn.ts';
import type { PanOptions } from '../../src/formats/pan-options.ts';
import { pan } from '../../src/formats/pan.ts';
import { passesLuhn } from './luhn-twin.ts';

const schema = z.strictObject(pan.shape);
const where = { environment: 'test' };
const options = (given: z.input<typeof schema> = {}): PanOptions => schema.parse(given);
const bind = (given: z.input<typeof schema> = {}) => pan.bind(options(given), where);

// Published by card schemes and acquirers for testing.
const CARDS = [
  '4111111111111111',
  '4012888888881881',
  '4222222222222',
  '4000000000000000006',
  '5555555555554444',
  '2223003122003222',
  '378282246310005',
  '6011111111111117',
  '30569309025904',
  '3530111333300000',
];

const body = fc.stringMatching(/^[0-9]{11,18}$/);
const card = body.map((digits) => digits + luhnDigit(luhnSum(`${digits}0`), 0));
const keeps = fc.record({ first: fc.nat(8), last: fc.nat(4) });

describe('parse', () => {
  test.each(CARDS)('accepts the published card %s', (number) => {
    expect(bind().parse(number)).toEqual({ ok: true, normal: number });
  });

  test('removes single spaces and dashes between digits', () => {
    for (const text of ['4111 1111 1111 1111', '4111-1111-1111-1111', '411111-1111-111111']) {
      expect(bind().parse(text)).toEqual({ ok: true, normal: '4111111111111111' });
      expect(bind().tokenForm(text)).toBe('4111111111111111');
    }
    expect(bind().parse('3782 822463 10005')).toEqual({ ok: true, normal: '378282246310005' });
  });

  test('takes the usual groups of four for no code, also where the first twelve digits pass the Luhn check', () => {
    const sixteen = card.filter((number) => number.length === 16);
    fc.assert(
      fc.property(sixteen, (number) => {
        const grouped = number.replace(/(....)(?=.)/g, '$1 ');
        expect(bind().parse(grouped)).toEqual({ ok: true, normal: number });
      }),
    );
    const first = `41111111111${luhnDigit(luhnSum('411111111110'), 0)}`;
    expect(passesLuhn(first)).toBe(true);
    const last = luhnDigit(luhnSum(`${first}1110`), 0);
    expect(bind().parse(`4111 1111 ${first.slice(8)} 111${last}`)).toEqual({
      ok: true,
      normal: `${first}111${last}`,
    });
  });

  test.each([
    ['', 'empty'],
    [' ', 'malformed'],
    ['4111  1111 1111 1111', 'malformed'],
    [' 4111111111111111', 'malformed'],
    ['4111111111111111\n', 'malformed'],
    ['4111_1111_1111_1111', 'malformed'],
    ['\uff14' + '\uff11'.repeat(15), 'malformed'], // full-width
    ['\u0664' + '\u0661'.repeat(15), 'malformed'], // Arabic-Indic
    ['411111111111111\u0000', 'malformed'],
    ['411111111111111\ud800', 'not_text'],
    ['\udfff4111111111111111', 'not_text'],
    ['41111111111', 'length'],
    ['41111111111111111111', 'length'],
    ['4111111111111112', 'checksum'],
    ['4'.repeat(129), 'too_long'],
    ['%B4111111111111111^DOE/JANE^2512101000000000000?', 'sensitive'],
    [';4111111111111111=25121010000000000?', 'sensitive'],
    ['4111111111111111=25121010000000000', 'sensitive'],
    ['4111111111111111D2512101', 'sensitive'],
    ['4111111111111111^2512', 'sensitive'],
    ['4111111111111111 123', 'sensitive'],
    ['4111 1111 1111 1111 123', 'sensitive'],
    ['4111-1111-1111-1111/737', 'sensitive'],
    ['4111111111111111 12/25 123', 'sensitive'],
    ['3782 822463 10005 1234', 'sensitive'],
    ['4111111111111111 CVV', 'sensitive'],
  ])('refuses %j as %s', (text, reason) => {
    expect(bind().parse(text)).toEqual({ ok: false, reason });
  });

  test('refuses a number and a separated code even where both together pass the Luhn check', () => {
    const code = Array.from({ length: 1000 }, (_, at) => String(at).padStart(3, '0'));
    const whole = code.filter((digits) => passesLuhn(`4111111111111111${digits}`));
    expect(whole.length).toBe(100);
    for (const digits of whole) {
      expect(bind().parse(`4111 1111 1111 1111 ${digits}`)).toEqual({ ok: false, reason: 'sensitive' });
    }
  });

  test('refuses a length that the collection does not accept', () => {
    const bound = bind({ lengths: { min: 15, max: 16 } });
    expect(bound.parse('30569309025904')).toEqual({ ok: false, reason: 'length' });
    expect(bound.parse('4000000000000000006')).toEqual({ ok: false, reason: 'length' });
    expect(bound.parse('378282246310005').ok).toBe(true);
  });

  test('accepts what passes the Luhn check and nothing else, and parses its own normal form', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9]{12,19}$/), card, (digits, number) => {
        expect(bind().parse(digits).ok).toBe(passesLuhn(digits));
        expect(bind().parse(number)).toEqual({ ok: true, normal: number });
      }),
    );
  });

  test('refuses every card with one digit mistyped', () => {
    fc.assert(
      fc.property(card, fc.nat(18), fc.integer({ min: 1, max: 9 }), (number, place, change) => {
        const at = place % number.length;
        const digit = (Number(number.charAt(at)) + change) % 10;
        const mistyped = number.slice(0, at) + digit + number.slice(at + 1);
        expect(bind().parse(mistyped)).toEqual({ ok: false, reason: 'checksum' });
      }),
    );
  });

  test('gives a reason that is one of a few words, whatever it is given', () => {
    const reasons = new Set([
      'not_text',
      'empty',
      'too_long',
      'malformed',
      'length',
      'checksum',
      'sensitive',
    ]);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string(), body), (text) => {
        const parsed = bind().parse(text);
        if (!parsed.ok) expect(reasons).toContain(parsed.reason);
        expect(Object.keys(parsed).toSorted()).toEqual(parsed.ok ? ['normal', 'ok'] : ['ok', 'reason']);
      }),
    );
  });
});

describe('mask', () => {
  test('shows the last four, or what the policy says', () => {
    expect(bind().mask('4111111111111111')).toBe('************1111');
    expect(bind({ mask: { first: 4, last: 2 } }).mask('378282246310005')).toBe('3782*********05');
    expect(bind({ mask: {} }).mask('378282246310005')).toBe('***************');
  });

  test('never shows more than half, also of a value shorter than is now accepted', () => {
    fc.assert(
      fc.property(card, keeps, (number, mask) => {
        const masked = bind({ mask }).mask(number);
        expect(masked).toHaveLength(number.length);
        expect(masked.replaceAll('*', '').length * 2).toBeLessThanOrEqual(number.length);
      }),
    );
  });
});
