import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { bindFields } from '../crypto/encoding.ts';
import { hashText } from '../crypto/hash.ts';
import { Secret } from '../crypto/key.ts';
import { NONCE_BYTES, openXChaCha, sealXChaCha } from '../crypto/xchacha.ts';
import type { MasterKey } from '../vault/master-key.ts';

/**
 * A key file: comments, and one line `strongroom-master-key:v1:<id>:<32 bytes, base64url>:<checksum>`. The checksum
 * finds a mistyped line; it is no secret's proof. keys.example shows the form.
 */
const LINE =
  /^strongroom-master-key:v1:(mk_[1-9A-HJ-NP-Za-km-z]{8,22}|example):([A-Za-z0-9_-]{43}):([0-9a-f]{8})$/;

const SUITE = 1;

/** What is wrong with a key file: it does not read, others may use it, it holds no key, or one that is published. */
export type KeyFileFault = 'unreadable' | 'mode' | 'malformed' | 'example';

/** Why a key file cannot be used: a sentence for the operator, with nothing of the key. */
export class KeyFileRefused extends Error {
  readonly fault: KeyFileFault;

  constructor(fault: KeyFileFault, why: string) {
    super(why);
    this.name = 'KeyFileRefused';
    this.fault = fault;
  }
}

/** Who the process is, for the check of the file's owner and mode. */
export interface ProcessIds {
  readonly groups: readonly number[];
}

/**
 * The master key of a key file.
 * @throws KeyFileRefused
 */
export function fileMasterKey(
  path: string,
  ids: ProcessIds,
  random: (bytes: number) => Uint8Array,
): MasterKey {
  const { id, bytes } = parseKeyFile(readGuarded(path, ids));
  const key = new Secret(bytes);
  bytes.fill(0);
  const associated = (context: Uint8Array) => bindFields('strongroom/wrapped-key/v1', SUITE, id, context);
  return {
    id,
    state: async () => 'ready',
    wrap: async (plain, context) => {
      const nonce = random(NONCE_BYTES);
      return Buffer.concat([Buffer.of(SUITE), nonce, sealXChaCha(key, nonce, plain, associated(context))]);
    },
    unwrap: async (blob, context) => {
      if (blob[0] !== SUITE || blob.length <= 1 + NONCE_BYTES) return null;
      return openXChaCha(
        key,
        blob.subarray(1, 1 + NONCE_BYTES),
        blob.subarray(1 + NONCE_BYTES),
        associated(context),
      );
    },
  };
}

/** Writes a new key file, readable to its owner alone; raises if the path is taken. */
export function writeKeyFile(path: string, id: string, key: Uint8Array): void {
  const encoded = Buffer.from(key).toString('base64url');
  const text = [
    '# Strongroom master key. Whoever holds this file and the store can read every value: back it up apart from it.',
    '# Without it, nothing in the store can ever be read again.',
    `strongroom-master-key:v1:${id}:${encoded}:${checksum(id, encoded)}`,
    '',
  ].join('\n');
  writeFileSync(path, text, { mode: 0o600, flag: 'wx', flush: true });
  // The name of the file too: a store that survives a power cut without its key is lost.
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** The key in the text of a key file. */
export function parseKeyFile(text: string): { readonly id: string; readonly bytes: Uint8Array } {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [, id, encoded, check] = LINE.exec(lines[0]?.trim() ?? '') ?? [];
  if (lines.length !== 1 || id === undefined || encoded === undefined) {
    throw new KeyFileRefused(
      'malformed',
      'the key file must hold exactly one master key line: see keys.example',
    );
  }
  if (check !== checksum(id, encoded))
    throw new KeyFileRefused('malformed', 'the key file is mistyped: its checksum is wrong');
  const bytes = Buffer.from(encoded, 'base64url');
  // The example is published: a vault under it would be no vault.
  if (id === 'example' || bytes.every((byte) => byte === bytes[0])) {
    throw new KeyFileRefused(
      'example',
      'the key file is the published example: strongroom init makes a real one',
    );
  }
  return { id, bytes };
}

const checksum = (id: string, encoded: string): string =>
  Buffer.from(hashText('strongroom/key-file-checksum/v1', `${id}:${encoded}`))
    .toString('hex')
    .slice(0, 8);

/** Reads the file if its owner and mode keep it from others; both are asked of the open file, not of its name. */
function readGuarded(path: string, ids: ProcessIds): string {
  const file = openFile(path);
  try {
    const stat = fstatSync(file);
    const { mode, uid, gid } = stat;
    if ((mode & 0o007) !== 0)
      throw new KeyFileRefused('mode', 'the key file can be used by everybody on this host: chmod 600 it');
    // A secret mounted for a container is root's, and readable to the group of the process.
    const mounted = uid === 0 && ids.groups.includes(gid) && (mode & 0o030) === 0;
    if ((mode & 0o070) !== 0 && !mounted) {
      throw new KeyFileRefused(
        'mode',
        'the key file can be used by its group: chmod 600 it (640 is for a file of root and the group of this process)',
      );
    }
    if (!stat.isFile())
      throw new KeyFileRefused('unreadable', `the key file is none: ${path} is a folder or a device`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r');
  } catch {
    throw new KeyFileRefused(
      'unreadable',
      `the key file cannot be read: is ${path} there, and may this user read it?`,
    );
  }
}
