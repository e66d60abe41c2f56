import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { email } from '../../src/formats/email.ts';

const schema = z.strictObject(email.shape);
const replaced = email.bind(schema.parse({}), { environment: 'test' });
const kept = email.bind(schema.parse({ domain: 'kept' }), { environment: 'test' });

// RFC 5322 appendix A and RFC 3696 section 3.
test.each([
  ['john.q.public@example.com', 'john.q.public@example.com'],
  ['mary@x.test', 'mary@x.test'],
  ['sysservices@example.NET', 'sysservices@example.net'],
  ['JDoe@Machine.Example', 'JDoe@machine.example'],
  ['user+mailbox@example.com', 'user+mailbox@example.com'],
  ['customer/department=shipping@example.com', 'customer/department=shipping@example.com'],
  ['$A12345@example.com', '$A12345@example.com'],
  ['!def!xyz%abc@example.com', '!def!xyz%abc@example.com'],
  ['_somename@example.com', '_somename@example.com'],
  ['x@xn--mnchen-3ya.example', 'x@xn--mnchen-3ya.example'],
  [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
])('accepts %s', (written, normal) => {
  for (const bound of [replaced, kept]) expect(bound.parse(written)).toEqual({ ok: true, normal });
});

test.each([
  'example.com',
  '@example.com',
  'a@',
  'a@b',
  'a@example..com',
  'a@-example.com',
  'a@example-.com',
  'a@example.com.',
  'a@example.123',
  'a@[192.0.2.1]',
  '.a@example.com',
  'a.@example.com',
  'a..b@example.com',
  '"a b"@example.com',
  'a b@example.com',
  ' a@example.com',
  'a@example.com\n',
  'Jane <jane@example.com>',
  'a@b@example.com',
  'pelé@example.com',
  'a@münchen.example',
  'a@example.com, b@example.com',
  `${'a'.repeat(65)}@example.com`,
  `a@${'b'.repeat(64)}.com`,
  'anyone@nowhere.invalid',
  'tok-aaaaaaaaaaaaaaaaaaaaaaaaaa@example.com',
  'TOK-AAAAAAAAAAAAAAAAAAAAAAAAAA@example.com',
])('refuses %s', (text) => {
  for (const bound of [replaced, kept]) expect(bound.parse(text)).toEqual({ ok: false, reason: 'malformed' });
});

test('refuses what is longer than an address may be, or than its token could be', () => {
  expect(replaced.parse(`a@${'b.'.repeat(130)}com`)).toEqual({ ok: false, reason: 'too_long' });
  const domain = (length: number): string => `${'b.'.repeat(80)}${'c'.repeat(length - 160 - 4)}.com`;
  const longest = `a@${domain(223)}`;
  expect(kept.parse(longest).ok).toBe(true);
  expect(kept.space(longest).at(0n)).toHaveLength(254);
  expect(kept.parse(`a@${domain(224)}`)).toEqual({ ok: false, reason: 'malformed' });
});

test('a token goes nowhere, or to the domain of its value', () => {
  const index = fc.bigInt(0n, 32n ** 26n - 1n);
  fc.assert(
    fc.property(fc.emailAddress(), index, (address, x) => {
      const parsed = kept.parse(address);
      fc.pre(parsed.ok);
      const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
      expect(replaced.space(parsed.normal).at(x)).toMatch(/^tok-[a-z2-7]{26}@strongroom\.invalid$/);
      const token = kept.space(parsed.normal).at(x);
      expect(token).toMatch(/^tok-[a-z2-7]{26}@/);
      expect(token.endsWith(`@${domain}`)).toBe(true);
      expect(replaced.isToken(token)).toBe(false);
      // Systems that write addresses in another case find it again.
      expect(kept.isToken(kept.tokenForm(token.toUpperCase()))).toBe(true);
    }),
  );
});

test('without its domain, every value has one bucket: nothing of it is kept', () => {
  expect(replaced.space('a@example.com').bucket).toBe(replaced.space('someone.else@example.org').bucket);
  expect(kept.space('a@example.com').bucket).toBe('example.com');
});

test('a mask shows the first character at most, and neither length nor domain', () => {
  expect(replaced.mask('john.q.public@example.com')).toBe('j***@***');
  expect(replaced.mask('j@example.com')).toBe('***@***');
  const none = email.bind(schema.parse({ mask: {} }), { environment: 'test' });
  expect(none.mask('john.q.public@example.com')).toBe('***@***');
  expect(schema.safeParse({ mask: { first: 2 } }).success).toBe(false);
});
