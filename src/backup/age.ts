import { Decrypter, Encrypter } from 'age-encryption';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { BackupRefused } from './refused.ts';

/** Sealing and opening by the age format (C2SP age-encryption.org/v1), which streams: memory does not grow with the file. */

/** Native recipients: X25519, and the hybrid with ML-KEM-768. Others need a plug-in to be opened, which restore has not. */
export const RECIPIENT = /^age1(?:pq1)?[02-9ac-hj-np-z]{58,4000}$/;
const IDENTITY = /^AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{58,4000}$/;

/** As many as an event and the manifest name. */
const MOST_RECIPIENTS = 16;

/** Whoever is to open a backup. */
export interface Recipients {
  /** As they are written, in order, each once. */
  readonly names: readonly string[];
  /** SHA-256 of each, in hex: how the log names them. */
  readonly fingerprints: readonly string[];
  seal(plain: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * @param written recipients as `age-keygen` prints them
 * @throws BackupRefused
 */
export function parseRecipients(written: readonly string[]): Recipients {
  const names = [...new Set(written)];
  if (names.length === 0)
    throw new BackupRefused('a backup needs a recipient: --recipient age1…, as age-keygen prints it');
  if (names.length > MOST_RECIPIENTS)
    throw new BackupRefused(`a backup has at most ${MOST_RECIPIENTS} recipients`);
  const encrypter = new Encrypter();
  for (const [i, name] of names.entries()) {
    // Never quoted: it may be a secret key, put in the wrong place.
    if (!RECIPIENT.test(name) || !isTaken(() => encrypter.addRecipient(name)))
      throw new BackupRefused(
        `recipient ${i + 1} is none: it must start with age1 or age1pq1, as age-keygen prints it`,
      );
  }
  return {
    names,
    fingerprints: names.map((name) => createHash('sha256').update(name).digest('hex')),
    seal: (plain) => encrypter.encrypt(streamOf(plain)),
  };
}

/** Opens what was sealed to one of its recipients. */
export interface Identities {
  /**
   * The plain bytes, each of which has authenticated. Only the end tells whether all of them were there: until then nothing may
   * be done with them.
   * @param path of a sealed file
   * @throws BackupRefused, also while they are read
   */
  unseal(path: string): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * @param text of a file as `age-keygen` writes it: comments, and an identity a line
 * @throws BackupRefused
 */
export function parseIdentities(text: string): Identities {
  const lines = text.split('\n').map((line) => line.trim());
  const written = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (written[0]?.startsWith('-----BEGIN AGE ENCRYPTED FILE') === true || text.startsWith(MAGIC))
    throw new BackupRefused('the identity file is sealed itself: open it with age -d first');
  const decrypter = new Decrypter();
  for (const line of written) {
    if (!IDENTITY.test(line) || !isTaken(() => decrypter.addIdentity(line)))
      throw new BackupRefused(
        'the identity file must hold age secret keys, one a line, as age-keygen writes them',
      );
  }
  if (written.length === 0) throw new BackupRefused('the identity file holds no age secret key');
  return { unseal: (path) => unseal(path, decrypter) };
}

function isTaken(add: () => void): boolean {
  try {
    add();
    return true;
  } catch {
    return false;
  }
}

const MAGIC = 'age-encryption.org/v1\n';
/** A header of a stanza for each recipient ends well within this. The library would read on to the end of the file for it. */
const MOST_HEADER = 64 * 1024;

async function unseal(path: string, decrypter: Decrypter): Promise<AsyncIterable<Uint8Array>> {
  const file = await open(path, 'r');
  try {
    const start = Buffer.alloc(MOST_HEADER);
    const { bytesRead } = await file.read(start, 0, MOST_HEADER, 0);
    const text = start.toString('latin1', 0, bytesRead);
    if (!text.startsWith(MAGIC) || !text.includes('\n--- '))
      throw new BackupRefused('this is no backup: an age file is expected, not armoured');
    const source = file.createReadStream({ start: 0, highWaterMark: MOST_HEADER });
    return authentic(await decrypter.decrypt(streamOf(source)).catch(refuseWith(OTHER)));
  } catch (error) {
    await file.close();
    throw error;
  }
}

const OTHER =
  'the backup does not open with this identity: it was sealed to other recipients, or its head was changed';
const DAMAGED = 'the backup is damaged or cut short: nothing of it can be used';

async function* authentic(plain: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = plain[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await source.next().catch(refuseWith(DAMAGED));
      if (done === true) return;
      yield value;
    }
  } finally {
    // Whoever stops early closes the file.
    await source.return?.().catch(() => undefined);
  }
}

/** What the library says of a file is about its bytes; what the system says (a disk that fails) is not. */
const refuseWith =
  (why: string) =>
  (error: unknown): never => {
    if (error instanceof Error && 'syscall' in error) throw error;
    throw new BackupRefused(why);
  };

const streamOf = (source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> =>
  ReadableStream.from(source);
