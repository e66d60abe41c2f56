import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { signCheckpoint } from '../../src/log/checkpoint.ts';
import { encodeEntries } from '../../src/log/entries.ts';
import { signKeyChange } from '../../src/log/key-change.ts';
import { type Signer, signatureLine } from '../../src/log/note.ts';
import { cosignedMessage, cosignerOf, type Verifier, verifierOf } from '../../src/log/verifier.ts';
import type { Pins, Verification } from '../../src/verifier/report.ts';
import { tilesSource } from '../../src/verifier/tiles-source.ts';
import { verifySource } from '../../src/verifier/verification.ts';
import { leafSlowly, rootSlowly } from '../log/slow-tree.ts';

/** Logs whose key the test has: what a server that lies could publish. */

export const ORIGIN = 'strongroom/vlt_test';

export function signerOf(seed: number, name = ORIGIN): Signer {
  const { publicKey, sign } = ed25519(new Secret(new Uint8Array(32).fill(seed)));
  return { verifier: verifierOf(name, publicKey), sign };
}

export const [first, second, third] = [signerOf(1), signerOf(2), signerOf(3)];

/** A witness, and how it cosigns a note. */
export function witnessOf(seed: number): {
  verifier: Verifier;
  cosign: (note: string, time?: bigint) => string;
} {
  const { publicKey, sign } = ed25519(new Secret(new Uint8Array(32).fill(seed)));
  const verifier = cosignerOf(`witness.example/${seed}`, publicKey);
  return {
    verifier,
    cosign: (note, time = 1_700_000_000n) => {
      const text = note.slice(0, note.indexOf('\n\n') + 1);
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(time);
      const signature = Buffer.concat([stamp, sign(cosignedMessage(time, text))]);
      return note + signatureLine(verifier, signature);
    },
  };
}

export const eventOf = (index: number): Buffer => Buffer.from(`{"v":1,"action":"whoami","n":${index}}`);

export const eventsOf = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => eventOf(i));

/** The event by which a log changes its key. */
export const changeTo = (next: Signer, by: Signer, outcome = 'done'): Buffer =>
  Buffer.from(
    JSON.stringify({
      v: 1,
      action: 'audit.rotate-key',
      outcome,
      detail: { key: by.verifier.text, note: signKeyChange(next.verifier, by) },
    }),
  );

/** A checkpoint of the first `size` of these entries. */
export function noteOf(entries: readonly Uint8Array[], size = entries.length, signer = first): string {
  const root = rootSlowly(entries.slice(0, size).map(leafSlowly));
  return signCheckpoint({ origin: signer.verifier.name, size, root }, signer);
}

export type Files = Map<string, Buffer>;

const three = (index: number): string => String(index).padStart(3, '0');

/** The layout of C2SP tlog-tiles, made slowly: every hash from the leaves under it. For logs of less than 256,000 entries. */
export function layoutSlowly(entries: readonly Uint8Array[], note = noteOf(entries)): Files {
  const files: Files = new Map([['checkpoint', Buffer.from(note)]]);
  const put = (level: string, index: number, width: number, bytes: Buffer): void =>
    void files.set(`tile/${level}/${three(index)}${width === 256 ? '' : `.p/${width}`}`, bytes);
  for (let at = 0; at < entries.length; at += 256) {
    const some = entries.slice(at, at + 256);
    put('entries', at / 256, some.length, encodeEntries(some));
  }
  let hashes = entries.map(leafSlowly);
  for (let level = 0; hashes.length > 0; level++) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += 256) {
      const some = hashes.slice(at, at + 256);
      put(String(level), at / 256, some.length, Buffer.concat(some));
      if (some.length === 256) above.push(rootSlowly(some));
    }
    hashes = above;
  }
  return files;
}

export const PINS: Pins = { key: first.verifier, witnesses: [], quorum: 0, against: [] };

export const against = (...notes: readonly string[]): Pins => ({
  ...PINS,
  against: notes.map((note, i) => ({ name: `kept ${i}`, note: Buffer.from(note) })),
});

/** What is found in a layout. */
export const verified = (files: Files, pins: Partial<Pins> = {}): Promise<Verification> =>
  verifySource(
    tilesSource(async (path, most) => {
      const bytes = files.get(path) ?? null;
      return bytes === null || bytes.length > most ? null : bytes;
    }, REST),
    { ...PINS, ...pins },
    () => undefined,
  );

const REST = { surplus: async () => null, close: async () => undefined };
