import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { signCheckpoint } from '../../src/log/checkpoint.ts';
import { openNote, type Signer, signatureLine } from '../../src/log/note.ts';
import {
  cosignedMessage,
  cosignerOf,
  NoteRefused,
  parseVerifier,
  verifierOf,
} from '../../src/log/verifier.ts';
import { encodeProof, parseProof, verifyProof } from '../../src/log/proof-file.ts';
import { leafHash } from '../../src/log/tree.ts';
import { decideCheckpoint, encodeAddCheckpoint, type Witnessed } from '../../src/log/witness.ts';
import { consistencySlowly, inclusionSlowly, rootSlowly } from './slow-tree.ts';

const ORIGIN = 'strongroom/vault_1';
const signerOf = (seed: number): Signer => {
  const key = ed25519(new Secret(new Uint8Array(32).fill(seed)));
  return { verifier: verifierOf(ORIGIN, key.publicKey), sign: key.sign };
};
const log = signerOf(1);
const entries = Array.from({ length: 300 }, (_, i) => Buffer.from(`{"v":1,"n":${i}}`));
const leaves = entries.map((entry) => leafHash(entry));
/** A fork: another history from its tenth entry on. */
const forked = leaves.map((leaf, i) => (i < 10 ? leaf : leafHash(Buffer.from(`forked ${i}`))));

const checkpointOf = (size: number, of = leaves, by = log): string =>
  signCheckpoint({ origin: ORIGIN, size, root: rootSlowly(of.slice(0, size)) }, by);
const seen = (size: number): Witnessed => ({ size, root: rootSlowly(leaves.slice(0, size)) });
const decide = (request: string, newest: Witnessed) =>
  decideCheckpoint(Buffer.from(request), (origin) =>
    origin === ORIGIN ? { verifiers: [log.verifier], newest } : null,
  );
const proofOf = (from: number, to: number, of = leaves) =>
  from === 0 || from === to ? [] : consistencySlowly(from, of.slice(0, to));

it('cosigns what continues the newest that it saw, the first and the same again included', () => {
  fc.assert(
    fc.property(fc.nat(120), fc.nat(120), (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const request = encodeAddCheckpoint(from, proofOf(from, to), checkpointOf(to));
      expect(decide(request, seen(from))).toMatchObject({
        status: 200,
        signed: { checkpoint: { size: to } },
      });
    }),
    { numRuns: 40 },
  );
});

it('never goes back, and never follows a fork', () => {
  expect(decide(encodeAddCheckpoint(20, proofOf(20, 50), checkpointOf(50)), seen(60))).toMatchObject({
    status: 409,
    size: 60,
  });
  expect(decide(encodeAddCheckpoint(60, [], checkpointOf(50)), seen(60))).toMatchObject({ status: 400 });
  expect(decide(encodeAddCheckpoint(0, [], checkpointOf(50)), seen(60))).toMatchObject({
    status: 409,
    size: 60,
  });
  const fork = encodeAddCheckpoint(50, proofOf(50, 80, forked), checkpointOf(80, forked));
  expect(decide(fork, seen(50))).toMatchObject({ status: 422 });
  expect(decide(encodeAddCheckpoint(50, [], checkpointOf(50, forked)), seen(50))).toMatchObject({
    status: 409,
    size: 50,
  });
  // A proof of something else, too long or too short.
  for (const proof of [
    [],
    proofOf(40, 80),
    [...proofOf(50, 80), leaves[0] ?? new Uint8Array(32)],
    proofOf(50, 80).slice(1),
  ])
    expect(decide(encodeAddCheckpoint(50, proof, checkpointOf(80)), seen(50))).toMatchObject({ status: 422 });
  expect(decide(encodeAddCheckpoint(0, proofOf(50, 80), checkpointOf(80)), seen(0))).toMatchObject({
    status: 422,
  });
});

it('knows the log by its key and its origin', () => {
  const foreign = signCheckpoint(
    { origin: 'strongroom/vault_2', size: 1, root: leaves[0] ?? new Uint8Array(32) },
    log,
  );
  expect(decide(encodeAddCheckpoint(0, [], foreign), seen(0))).toMatchObject({ status: 404 });
  expect(decide(encodeAddCheckpoint(0, [], checkpointOf(9, leaves, signerOf(2))), seen(0))).toMatchObject({
    status: 403,
  });
  const forged: Signer = { verifier: log.verifier, sign: signerOf(2).sign };
  expect(decide(encodeAddCheckpoint(0, [], checkpointOf(9, leaves, forged)), seen(0))).toMatchObject({
    status: 403,
  });
});

it('refuses whatever is no request, and throws nothing', () => {
  const good = encodeAddCheckpoint(50, proofOf(50, 80), checkpointOf(80));
  for (const request of [
    '',
    'old 50',
    good.replace('old 50', 'old 050'),
    good.replace('old 50', 'old'),
    good.replace('old 50', 'old 9007199254740993'),
    good.replace('old 50\n', 'old 50\nAAAA\n'),
    good.replace('old 50\n', `old 50\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}`),
  ])
    expect(decide(request, seen(50))).toMatchObject({ status: 400 });
  const bytes = Buffer.from(good);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ change;
      const { status } = decideCheckpoint(changed, () => ({ verifiers: [log.verifier], newest: seen(50) }));
      expect([400, 403, 404, 409, 422]).toContain(status);
    }),
  );
});

test('a cosignature holds for its time and its checkpoint, under a key of its own kind', () => {
  const key = ed25519(new Secret(new Uint8Array(32).fill(9)));
  const witness = cosignerOf('witness.example', key.publicKey);
  expect(parseVerifier(witness.text).id).toEqual(witness.id);
  const note = checkpointOf(7);
  const [text = ''] = note.split('\n\n');
  const time = 1_679_315_147n;
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(time);
  const cosigned = (at: Buffer) =>
    note + signatureLine(witness, Buffer.concat([at, key.sign(cosignedMessage(time, `${text}\n`))]));
  expect(openNote(Buffer.from(cosigned(stamp)), [log.verifier, witness]).by).toEqual([log.verifier, witness]);
  const later = Buffer.from(stamp);
  later.writeBigUInt64BE(time + 1n);
  expect(() => openNote(Buffer.from(cosigned(later)), [witness])).toThrow(NoteRefused);
  // The same key as a log's is another key.
  expect(() =>
    openNote(Buffer.from(cosigned(stamp)), [verifierOf('witness.example', key.publicKey)]),
  ).toThrow(NoteRefused);
});

test('a proof of one entry is checked without the log', () => {
  const size = 211;
  const checkpoint = checkpointOf(size);
  for (const index of [0, 100, 210]) {
    const proof = {
      index,
      hashes: inclusionSlowly(index, leaves.slice(0, size)),
      checkpoint,
      extra: new Uint8Array(0),
    };
    const read = parseProof(encodeProof(proof));
    expect(verifyProof(read, entries[index] ?? Buffer.alloc(0), log.verifier)).toBe(size);
    expect(() => verifyProof(read, entries[index + 1] ?? Buffer.alloc(0), log.verifier)).toThrow(NoteRefused);
    expect(() =>
      verifyProof({ ...read, index: index + 1 }, entries[index] ?? Buffer.alloc(0), log.verifier),
    ).toThrow(NoteRefused);
    expect(() => verifyProof(read, entries[index] ?? Buffer.alloc(0), signerOf(2).verifier)).toThrow(
      NoteRefused,
    );
  }
});

test('a proof file is as c2sp.org/tlog-proof has it', () => {
  const hash = Buffer.alloc(32, 3);
  const text = encodeProof({
    index: 73_894,
    hashes: [hash, hash],
    checkpoint: 'the checkpoint\n',
    extra: Buffer.from('x'),
  });
  expect(text.split('\n')).toEqual([
    'c2sp.org/tlog-proof@v1',
    'extra eA==',
    'index 73894',
    hash.toString('base64'),
    hash.toString('base64'),
    '',
    'the checkpoint',
    '',
  ]);
  expect(parseProof(text)).toEqual({
    index: 73_894,
    hashes: [hash, hash],
    checkpoint: 'the checkpoint\n',
    extra: Buffer.from('x'),
  });
  for (const wrong of [
    '',
    text.replace('@v1', '@v2'),
    text.replace('index 73894', 'index 073894'),
    text.replace('index 73894\n', ''),
    text.replace('extra eA==', 'extra eA='),
    text.replace('extra eA==', 'extra '),
    text.replace(hash.toString('base64'), 'AAAA'),
    text.replace(`${hash.toString('base64')}\n`, `${hash.toString('base64')}\n`.repeat(63)),
    text.replace('\n\n', '\n'),
  ])
    expect(() => parseProof(wrong)).toThrow(NoteRefused);
});
