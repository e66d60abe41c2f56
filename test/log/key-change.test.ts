import { expect, it } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { openCheckpoint, signCheckpoint } from '../../src/log/checkpoint.ts';
import { keyEventIn, openKeyChange, signKeyChange } from '../../src/log/key-change.ts';
import type { Signer } from '../../src/log/note.ts';
import { signNote } from '../../src/log/note.ts';
import { NoteRefused, cosignerOf, verifierOf } from '../../src/log/verifier.ts';

const ORIGIN = 'strongroom/v1';

function signerOf(seed: number, name = ORIGIN): Signer {
  const { publicKey, sign } = ed25519(new Secret(new Uint8Array(32).fill(seed)));
  return { verifier: verifierOf(name, publicKey), sign };
}

const [first, second, third] = [signerOf(1), signerOf(2), signerOf(3)];
const bytes = (text: string): Buffer => Buffer.from(text);

it('the key before says which is next', () => {
  const note = signKeyChange(second.verifier, first);
  expect(openKeyChange(bytes(note), first.verifier).text).toBe(second.verifier.text);
});

it('a key that nobody before it signed does not count', () => {
  const note = signKeyChange(third.verifier, second);
  expect(() => openKeyChange(bytes(note), first.verifier)).toThrow(NoteRefused);
  const edited = signKeyChange(second.verifier, first).replace(second.verifier.text, third.verifier.text);
  expect(() => openKeyChange(bytes(edited), first.verifier)).toThrow(NoteRefused);
});

it('a key is changed for another one of the same log', () => {
  expect(() => signKeyChange(first.verifier, first)).toThrow(NoteRefused);
  expect(() => signKeyChange(signerOf(2, 'strongroom/v2').verifier, first)).toThrow(NoteRefused);
});

it('a checkpoint is no change of key, and a change of key is no checkpoint', () => {
  const checkpoint = signCheckpoint({ origin: ORIGIN, size: 1, root: new Uint8Array(32) }, first);
  expect(() => openKeyChange(bytes(checkpoint), first.verifier)).toThrow(NoteRefused);
  const note = signKeyChange(second.verifier, first);
  expect(() => openCheckpoint(bytes(note), first.verifier)).toThrow(NoteRefused);
});

it.each([
  ['a line more', `${ORIGIN}\nnext key\n${second.verifier.text}\nmore\n`],
  ['a line less', `${ORIGIN}\nnext key\n`],
  ['another kind', `${ORIGIN}\nold key\n${second.verifier.text}\n`],
  ['another log', `strongroom/v2\nnext key\n${second.verifier.text}\n`],
  ['the key of another log', `${ORIGIN}\nnext key\n${signerOf(2, 'strongroom/v2').verifier.text}\n`],
  ['no key', `${ORIGIN}\nnext key\nnothing\n`],
])('signed, but with %s, it is refused', (_, text) => {
  expect(() => openKeyChange(bytes(signNote(text, [first])), first.verifier)).toThrow(NoteRefused);
});

it('a witness does not sign for the log', () => {
  const { publicKey } = ed25519(new Secret(new Uint8Array(32).fill(2)));
  const witness = cosignerOf(ORIGIN, publicKey);
  expect(() => signKeyChange(witness, first)).toThrow(NoteRefused);
});

const event = (more: object) =>
  bytes(
    JSON.stringify({
      v: 1,
      action: 'audit.rotate-key',
      outcome: 'done',
      detail: { key: 'a', note: 'b' },
      ...more,
    }),
  );

it('an event tells of the key by its action, done, and by nothing that stands in its texts', () => {
  expect(keyEventIn(event({}))).toEqual({ action: 'audit.rotate-key', key: 'a', note: 'b' });
  expect(keyEventIn(event({ action: 'log.found-key', detail: { key: 'a' } }))).toEqual({
    action: 'log.found-key',
    key: 'a',
    note: '',
  });
  expect(keyEventIn(event({ outcome: 'denied' }))).toBeNull();
  expect(keyEventIn(event({ action: 'audit.key', ticket: '"action":"audit.rotate-key"' }))).toBeNull();
  expect(keyEventIn(event({ action: 'audit.key', detail: { action: 'audit.rotate-key' } }))).toBeNull();
  expect(keyEventIn(event({ detail: 'none' }))).toMatchObject({ key: '', note: '' });
  expect(keyEventIn(bytes('{"v":1,"action":"audit.rotate-key"'))).toBeNull();
});
