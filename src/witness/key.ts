import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ed25519 } from '../crypto/ed25519.ts';
import { Secret } from '../crypto/key.ts';
import type { Signer } from '../log/note.ts';
import { base64, cosignerOf, isName, NoteRefused } from '../log/verifier.ts';
import { WitnessRefused } from './refused.ts';
import { syncFolder } from './whole-file.ts';

/**
 * A witness's key: one line `PRIVATE+KEY+<name>+<id>+<base64>`, as Go's sumdb/note writes keys that sign, of the signature type of
 * a cosigner (0x04) and the 32 bytes of an Ed25519 seed. The id is that of the verifier key, so a mistyped line is found.
 */
const LINE = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{1,64})$/;
const COSIGNER = 0x04;
const SEED_BYTES = 32;

/**
 * Makes a key and writes it to a new file, readable to its owner alone, and durable.
 * @param seed 32 random bytes
 * @throws WitnessRefused for a name that no key can have; an error of the system if the path is taken
 */
export function writeKey(path: string, name: string, seed: Uint8Array): Signer {
  if (!isName(name) || name.length > 200)
    throw new WitnessRefused('the name of a witness has no spaces and no +, and 200 characters at the most');
  const signer = signerOf(name, seed);
  const encoded = Buffer.concat([Buffer.of(COSIGNER), seed]).toString('base64');
  const line = `PRIVATE+KEY+${name}+${signer.verifier.id.toString('hex')}+${encoded}\n`;
  writeFileSync(path, line, { mode: 0o600, flag: 'wx', flush: true });
  syncFolder(dirname(path));
  return signer;
}

/**
 * Who signs with the key of a file.
 * @throws WitnessRefused also where others on the host may read it
 */
export function readKey(path: string): Signer {
  const [, name = '', id, encoded = ''] = LINE.exec(readGuarded(path).trim()) ?? [];
  const typed = base64(encoded);
  if (typed?.[0] !== COSIGNER || typed.length !== 1 + SEED_BYTES)
    throw new WitnessRefused('the key file must hold one line PRIVATE+KEY+…, as witness init writes it');
  const signer = signerOf(name, typed.subarray(1));
  typed.fill(0);
  if (signer.verifier.id.toString('hex') !== id)
    throw new WitnessRefused('the key file is mistyped: its id is that of another key');
  return signer;
}

function signerOf(name: string, seed: Uint8Array): Signer {
  try {
    const { publicKey, sign } = ed25519(new Secret(seed));
    return { verifier: cosignerOf(name, publicKey), sign };
  } catch (error) {
    if (error instanceof NoteRefused) throw new WitnessRefused(error.message);
    throw error;
  }
}

/** The mode is asked of the open file, not of its name. */
function readGuarded(path: string): string {
  const file = opened(path);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new WitnessRefused('the key file is a folder or a device');
    if ((stat.mode & 0o077) !== 0)
      throw new WitnessRefused('the key file can be used by others on this host: chmod 600 it');
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch {
    throw new WitnessRefused(`the key file cannot be read: is ${path} there, and may this user read it?`);
  }
}
