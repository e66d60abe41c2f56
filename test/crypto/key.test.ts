import { format, inspect } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { commitment, commitmentMatches, Secret } from '../../src/crypto/key.ts';
import { mac } from '../../src/crypto/mac.ts';
import { commitSlowly, labelSlowly } from './slow-twin.ts';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => 0xb1 + i);
const context = Buffer.from('key_01|customer-pan|seal|1');

/** Every way in which the key's bytes could appear in text, and the same of HMAC's padded keys. */
function spellings(): string[] {
  return [0x00, 0x36, 0x5c].flatMap((pad) => {
    const raw = Buffer.from(bytes.map((byte) => byte ^ pad));
    const start = [...raw.subarray(0, 4)];
    const hex = raw.toString('hex').slice(0, 8);
    return [
      hex,
      hex.replaceAll(/..(?!$)/g, '$& '),
      raw.toString('base64').slice(0, 8),
      raw.toString('latin1').slice(0, 4),
      start.join(','),
      start.join(', '),
    ];
  });
}

describe('Secret', () => {
  const secret = new Secret(bytes);
  const label = labelSlowly(bytes);
  // oxlint-disable-next-line typescript/restrict-template-expressions -- the mistake that the label is for
  const interpolated = `${secret}`;

  it('prints its label and never its bytes', () => {
    const logged: string[] = [];
    pino({}, { write: (line: string) => logged.push(line) }).info(
      { secret, err: new Error(interpolated) },
      '%o',
      secret,
    );
    const labelled = {
      string: String(secret),
      template: interpolated,
      concatenated: 'key: ' + String(secret),
      json: JSON.stringify({ secret }),
      inspect: inspect(secret),
      nested: inspect({ deep: [secret] }, { depth: 9, showHidden: true, getters: true }),
      format: format('%s %o %O %j', secret, secret, secret, secret),
      error: new Error(interpolated).message,
      cause: inspect(new Error('x', { cause: secret })),
      log: logged.join(''),
    };
    for (const [way, text] of Object.entries(labelled)) expect(text, way).toContain(label);
    const unlabelled = {
      withoutCustom: inspect(secret, { customInspect: false, showHidden: true, depth: 9 }),
      keys: JSON.stringify(Object.getOwnPropertyNames(secret)),
      entries: JSON.stringify(Object.entries(secret)),
      clone: inspect(structuredClone({ secret: Object.assign({}, secret) })),
    };
    for (const [way, text] of Object.entries({ ...labelled, ...unlabelled })) {
      for (const spelling of spellings()) expect(text.includes(spelling), `${way} holds the key`).toBe(false);
    }
    expect(inspect(bytes).includes(spellings()[5] ?? 'none'), 'the check itself can fail').toBe(true);
  });

  it('copies the bytes it is given', () => {
    const given = Uint8Array.from(bytes);
    const copy = new Secret(given);
    given.fill(0);
    expect(copy.revealKeyBytes()).toEqual(bytes);
  });

  it.each([0, 16, 31, 33])('refuses %i bytes without quoting them', (length) => {
    expect(() => new Secret(new Uint8Array(length))).toThrow(new RangeError('a key is 32 bytes'));
  });

  it('is gone after zeroise, label apart', () => {
    const gone = new Secret(bytes);
    const live = gone.revealKeyBytes();
    gone.zeroise();
    expect([...live].every((byte) => byte === 0)).toBe(true);
    expect(() => gone.revealKeyBytes()).toThrow('zeroised');
    expect(() => gone.revealKeyWords()).toThrow('zeroised');
    expect(() => mac(gone, 'd')).toThrow('zeroised');
    expect(String(gone)).toBe(label);
  });
});

describe('commitment', () => {
  const secret = new Secret(bytes);

  it('agrees with its slow twin', () => {
    expect(Buffer.compare(commitment(secret, context), commitSlowly(bytes, context))).toBe(0);
  });

  it('matches this key in this context only', () => {
    const stored = commitment(secret, context);
    expect(commitmentMatches(secret, context, stored)).toBe(true);
    expect(commitmentMatches(new Secret(new Uint8Array(32)), context, stored)).toBe(false);
    expect(commitmentMatches(secret, Buffer.from('another'), stored)).toBe(false);
    expect(commitmentMatches(secret, context, stored.subarray(1))).toBe(false);
    for (let at = 0; at < stored.length; at += 1) {
      const changed = Uint8Array.from(stored, (byte, i) => (i === at ? byte ^ 1 : byte));
      expect(commitmentMatches(secret, context, changed)).toBe(false);
    }
  });
});
