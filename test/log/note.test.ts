import fc from 'fast-check';
import { createPrivateKey, sign } from 'node:crypto';
import { expect, it, test } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { openCheckpoint, parseCheckpoint, signCheckpoint } from '../../src/log/checkpoint.ts';
import { openNote, parseNote, type Signer, signNote } from '../../src/log/note.ts';
import { NoteRefused, parseVerifier, verifierOf } from '../../src/log/verifier.ts';

/** The example of golang.org/x/mod/sumdb/note, whose format C2SP signed-note is. */
const GO = {
  seed: Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1),
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature:
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

const signerOf = (name: string, seed: Uint8Array): Signer => {
  const key = ed25519(new Secret(seed));
  return { verifier: verifierOf(name, key.publicKey), sign: key.sign };
};
const peter = signerOf('PeterNeumann', GO.seed);
const bytes = (text: string): Uint8Array => Buffer.from(text);

test('RFC 8032, section 7.1, test 1', () => {
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const { publicKey, sign: signed } = ed25519(new Secret(Buffer.from(seed, 'hex')));
  expect(Buffer.from(publicKey).toString('hex')).toBe(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
  expect(Buffer.from(signed(new Uint8Array(0))).toString('hex')).toBe(
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  );
});

test("Go's example is signed to the byte, and opens", () => {
  expect(peter.verifier.text).toBe(GO.verifier);
  const note = signNote(GO.text, [peter]);
  expect(note).toBe(`${GO.text}\n${GO.signature}`);
  expect(openNote(bytes(note), [parseVerifier(GO.verifier)])).toMatchObject({ text: GO.text });
});

it('reads over signatures of keys that are not asked for, and refuses a known one that does not hold', () => {
  const other = signerOf('other', new Uint8Array(32).fill(7));
  const note = signNote(GO.text, [other, peter]);
  expect(openNote(bytes(note), [peter.verifier]).by).toEqual([peter.verifier]);
  expect(openNote(bytes(note), [peter.verifier, other.verifier]).by).toHaveLength(2);
  expect(() => openNote(bytes(note), [verifierOf('third', ed25519(new Secret(GO.seed)).publicKey)])).toThrow(
    NoteRefused,
  );
  // Signed by somebody else under Peter's name and id.
  const forged: Signer = { verifier: peter.verifier, sign: other.sign };
  expect(() => openNote(bytes(signNote(GO.text, [other, forged])), [peter.verifier, other.verifier])).toThrow(
    /does not hold/,
  );
});

it('refuses whatever is no note, and nothing else is thrown', () => {
  const good = bytes(`${GO.text}\n${GO.signature}`);
  const refused = (note: Uint8Array): void =>
    expect(() => openNote(note, [peter.verifier])).toThrow(NoteRefused);
  for (const text of [
    '',
    '\n\n',
    GO.text,
    `${GO.text}\n`,
    GO.signature,
    `${GO.text}${GO.signature}`,
    `${GO.text}\n${GO.signature.slice(0, -1)}`,
    `${GO.text}\n${GO.signature}\n`,
    `${GO.text}\n- ${GO.signature.slice(2)}`,
    `a\r\n\n${GO.signature}`,
    `${GO.text}\n${GO.signature.replace('=', '==')}`,
    `${GO.text}\n${GO.signature.repeat(101)}`,
  ])
    refused(bytes(text));
  refused(Buffer.concat([Buffer.of(0xff), good]));
  refused(Buffer.alloc(1_000_001, 0x61));
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(good);
      changed[at] = (changed[at] ?? 0) ^ change;
      refused(changed);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (note) => {
      refused(note);
    }),
  );
});

it('takes apart what it put together', () => {
  const line = fc
    .string({ unit: 'grapheme', maxLength: 20 })
    .map((text) => text.replaceAll(/[\p{Cc}\p{Surrogate}]/gu, '.'));
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), (lines) => {
      const text = `${lines.join('\n')}\n`;
      const note = bytes(signNote(text, [peter]));
      // Blank lines in a text are its own: the last one ends it.
      expect(parseNote(note).text).toBe(text);
      expect(openNote(note, [peter.verifier]).text).toBe(text);
    }),
  );
});

it.each([
  '',
  'PeterNeumann',
  'PeterNeumann+c74f20a3',
  'PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  'PeterNeumanN+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  'PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  'PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=',
  'Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
])('%j is no verifier key', (text) => {
  expect(() => parseVerifier(text)).toThrow(NoteRefused);
});

test('a checkpoint is an origin, a size and a root, signed by the key of that name', () => {
  const root = Buffer.alloc(32, 5);
  const note = signCheckpoint({ origin: 'PeterNeumann', size: 12_345, root }, peter);
  expect(note.split('\n').slice(0, 4)).toEqual(['PeterNeumann', '12345', root.toString('base64'), '']);
  expect(openCheckpoint(bytes(note), peter.verifier)).toEqual({ origin: 'PeterNeumann', size: 12_345, root });
  const foreign = signCheckpoint({ origin: 'another', size: 1, root }, peter);
  expect(() => openCheckpoint(bytes(foreign), peter.verifier)).toThrow(/another log/);
});

test("a checkpoint of another program's key opens: node's own signature over the same text", () => {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), GO.seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const text = `PeterNeumann\n0\n${Buffer.alloc(32).toString('base64')}\nan extension\n`;
  const signature = Buffer.concat([peter.verifier.id, sign(null, Buffer.from(text), key)]).toString('base64');
  expect(openCheckpoint(bytes(`${text}\n\u2014 PeterNeumann ${signature}\n`), peter.verifier).size).toBe(0);
});

it.each(['', '01', '-1', '1.0', '1e3', '9007199254740992', '99999999999999999999', ' 1', '١'])(
  'the size %j is none',
  (size) => {
    expect(() => parseCheckpoint(`a\n${size}\n${Buffer.alloc(32).toString('base64')}\n`)).toThrow(
      NoteRefused,
    );
  },
);

it.each([
  '',
  'AAAA',
  Buffer.alloc(31).toString('base64'),
  Buffer.alloc(33).toString('base64'),
  `${Buffer.alloc(32).toString('base64')} `,
])('the root %j is none', (root) => {
  expect(() => parseCheckpoint(`a\n1\n${root}\n`)).toThrow(NoteRefused);
});
