import { z } from 'zod';
import { DIGITS, drawAt, LOWER, sizeOf } from './drawn.ts';
import type { BoundFormat, Format, Parsed, Space } from './format.ts';
import { refused, refusedAtOnce } from './refused.ts';

const emailShape = {
  /** Whether a token's domain is the value's. */
  domain: z.enum(['replaced', 'kept']).default('replaced'),
  /** Characters of the local part that a mask shows. */
  mask: z.strictObject({ first: z.int().min(0).max(1).default(0) }).default({ first: 1 }),
} satisfies z.ZodRawShape;

type EmailOptions = z.output<z.ZodObject<typeof emailShape>>;

// RFC 5321 4.5.3.1: 64 octets of local part, and a path of 256 with its angle brackets.
const LONGEST = 254;
// RFC 5322 3.2.3, dot-atom; quoted local parts and address literals are not accepted.
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
// RFC 6761 6.4: a name under .invalid is nobody's, and mail to it goes nowhere.
const NOWHERE = 'strongroom.invalid';
const INVALID = /(?:^|\.)invalid$/;

// RFC 4648's base32 in lower case: many systems fold the case of an address. 32^26 is 2^130.
const BASE32 = LOWER + DIGITS.slice(2, 8);
const PLACES: readonly string[] = Array.from({ length: 26 }, () => BASE32);
const SIZE = sizeOf(PLACES);
const TOKEN_LOCAL = /^tok-[a-z2-7]{26}$/;
const LONGEST_DOMAIN = LONGEST - 'tok-@'.length - PLACES.length;

/**
 * Email addresses: a dot-atom, `@` and a domain name in ASCII. The local part comes back as it is (RFC 5321 2.4: its
 * case is the receiver's business), the domain in lower case. A token's local part is `tok-` and 26 base32 characters,
 * and no value's may look so; its domain is under `.invalid`, or the value's own.
 */
export const email: Format<EmailOptions, typeof emailShape> = {
  name: 'email',
  title: 'Email address',
  normalisation: 1,
  shape: emailShape,
  fixed: ['domain'],
  about: {
    value:
      'A local part of up to 64 characters without quotes, and a domain name in ASCII; 254 characters in all. The domain is written in lower case, the local part stays as it is. A domain under `.invalid` and a local part that looks like a token are refused.',
    token:
      "`tok-` and 26 letters or digits at `strongroom.invalid`, to which mail cannot go; or at the value's own domain with `domain: kept`, where it goes to whoever reads that domain's mail. No token is a value.",
    keys: {
      domain: "`replaced`: a token's domain is `strongroom.invalid`. `kept`: it is the value's",
      mask: 'characters of the local part that a mask shows: at most 1, and none where there is but one',
    },
    example: { options: {}, value: 'john.q.public@example.com', source: 'RFC 5322 appendix A.1.2' },
  },
  bind: bindEmail,
  problems: () => [],
};

function bindEmail({ domain, mask }: EmailOptions): BoundFormat {
  return {
    name: 'email',
    disjoint: true,
    guessable: true,
    smallest: { size: SIZE, what: '26 base32 characters', roomier: null },
    parse: parseEmail,
    space: (normal) => spaceAt(domain === 'kept' ? domainOf(normal) : NOWHERE),
    // Constant but for the first character: neither the length nor the domain is a clue.
    mask: (normal) => `${normal.indexOf('@') > 1 ? normal.slice(0, mask.first) : ''}***@***`,
    isToken: (text) =>
      text.length <= LONGEST &&
      TOKEN_LOCAL.test(localOf(text)) &&
      (domain === 'kept' ? isDomain(domainOf(text)) : domainOf(text) === NOWHERE),
    tokenForm: (text) => (text.length <= LONGEST ? text.toLowerCase() : text),
  };
}

const localOf = (text: string): string => text.slice(0, Math.max(0, text.lastIndexOf('@')));
const domainOf = (text: string): string => text.slice(text.lastIndexOf('@') + 1);
const isDomain = (domain: string): boolean =>
  domain.length <= LONGEST_DOMAIN && DOMAIN.test(domain) && !INVALID.test(domain);

function parseEmail(text: string): Parsed {
  const refusal = refusedAtOnce(text, LONGEST);
  if (refusal !== null) return refusal;
  const local = localOf(text);
  const domain = domainOf(text).toLowerCase();
  if (local.length > 64 || !LOCAL.test(local) || TOKEN_LOCAL.test(local.toLowerCase()))
    return refused('malformed');
  return isDomain(domain) ? { ok: true, normal: `${local}@${domain}` } : refused('malformed');
}

const spaceAt = (domain: string): Space => ({
  bucket: domain,
  size: SIZE,
  at: (index) => `tok-${drawAt(PLACES, index)}@${domain}`,
});
