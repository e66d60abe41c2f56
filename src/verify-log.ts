import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BackupRefused } from './backup/refused.ts';
import { TarReader } from './backup/tar.ts';
import type { LogCheck, LogCheckOptions, ProofCheck, ProofCheckOptions } from './cli/log-check.ts';
import { CommandRefused } from './cli/refusal.ts';
import { type StoreSettings, storeSchema, storeSettings } from './config/store.ts';
import { openNote } from './log/note.ts';
import { parseProof, verifyProof } from './log/proof-file.ts';
import { NoteRefused, parseVerifier, type Verifier } from './log/verifier.ts';
import { bundleSource } from './verifier/bundle.ts';
import { filesIn } from './verifier/directory.ts';
import { postgresSource } from './verifier/postgres-source.ts';
import type { LogSource } from './verifier/source.ts';
import { sqliteSource } from './verifier/sqlite-source.ts';
import { type ReadLogFile, tilesSource } from './verifier/tiles-source.ts';
import { verifySource } from './verifier/verification.ts';

/** Checks a log without a vault: neither this file nor what it reads with imports anything of one. */

/** Where a log is read from, once settings and API keys have been read. */
export type OpenedPlace =
  | { readonly kind: 'settings'; readonly store: StoreSettings }
  | { readonly kind: 'files'; readonly read: ReadLogFile }
  | Extract<LogCheckOptions['from'], { readonly kind: 'store' | 'tiles' | 'bundle' }>;

/** @throws CommandRefused, SourceRefused */
export async function checkLog(
  { key, witnesses, quorum, against }: Omit<LogCheckOptions, 'from'>,
  place: OpenedPlace,
  progress: (done: number, of: number) => void,
): Promise<LogCheck> {
  const pins = {
    ...(await pinnedKeys(key, witnesses)),
    quorum: quorum ?? witnesses.length,
    against: await Promise.all(
      against.map(async (file) => ({ name: file, note: await readBounded('--against', file, MOST_NOTE) })),
    ),
  };
  const source = await openSource(place);
  try {
    return await verifySource(source, pins, progress);
  } finally {
    await source.close();
  }
}

/** @throws CommandRefused where it does not hold */
export async function checkProof({ file, key, witnesses, quorum }: ProofCheckOptions): Promise<ProofCheck> {
  const { key: verifier, witnesses: cosigners } = await pinnedKeys(key, witnesses);
  try {
    const proof = parseProof((await readBounded('--proof', file, MOST_NOTE)).toString());
    const size = verifyProof(proof, proof.extra, verifier);
    const { by } = openNote(Buffer.from(proof.checkpoint), [verifier, ...cosigners]);
    const cosigned = by.filter(({ kind }) => kind === 'witness').map(({ name }) => name);
    const isAnchored = cosigned.length >= (quorum ?? cosigners.length);
    return {
      index: proof.index,
      size,
      event: Buffer.from(proof.extra).toString(),
      cosigned,
      isAnchored,
    };
  } catch (error) {
    if (error instanceof NoteRefused) throw new CommandRefused(`${file} does not hold: ${error.message}`);
    throw error;
  }
}

/** @throws CommandRefused, SourceRefused */
export async function openSource(place: OpenedPlace): Promise<LogSource> {
  switch (place.kind) {
    case 'settings':
      return storeSource(place.store);
    case 'store':
      return storeSource(storeOf(place));
    case 'files':
      return tilesSource(place.read, NOTHING_ELSE);
    case 'tiles':
      return tilesSource(filesIn(resolve(place.dir)), NOTHING_ELSE);
    case 'bundle':
      return openBundle(resolve(place.file));
  }
}

const NOTHING_ELSE = { surplus: async () => null, close: async () => undefined };

async function openBundle(path: string): Promise<LogSource> {
  const bytes = createReadStream(path, { highWaterMark: 1 << 20 });
  const isRefusal = (error: unknown): boolean => error instanceof BackupRefused;
  const { source } = await bundleSource(new TarReader(bytes), isRefusal, async () => void bytes.destroy());
  return source;
}

const storeSource = async (store: StoreSettings): Promise<LogSource> =>
  store.engine === 'sqlite' ? sqliteSource(store.path) : postgresSource(store);

/** The rules of `store` in settings hold for a store that a command names, too. */
function storeOf({ url, passwordFile, ca }: Extract<OpenedPlace, { readonly kind: 'store' }>): StoreSettings {
  const parsed = storeSchema.safeParse({
    url,
    ...(passwordFile === null ? {} : { password: { file: passwordFile } }),
    ...(ca === null ? {} : { ca }),
  });
  if (parsed.success) return storeSettings(parsed.data, resolve('.'));
  const [issue] = parsed.error.issues;
  throw new CommandRefused(`--${OPTIONS[String(issue?.path[0])] ?? 'store'} ${issue?.message ?? ''}`);
}

const OPTIONS: Readonly<Record<string, string>> = { password: 'password-file', ca: 'ca' };

const MOST_NOTE = 1_000_000;
const MOST_KEY = 1000;

/** The names of keys are only names: who has one key is one, and the log is no witness of itself. */
async function pinnedKeys(key: string, witnesses: readonly string[]) {
  const pinned = { key: await logKeyOf(key), witnesses: await witnessesOf(witnesses) };
  const publicKeys = [pinned.key, ...pinned.witnesses].map(publicKeyIn);
  if (publicKeys.lastIndexOf(publicKeys[0] ?? '') > 0)
    throw new CommandRefused('--witness has the public key of the log: it is no witness of itself');
  if (new Set(publicKeys).size < publicKeys.length)
    throw new CommandRefused('--witness names one key twice: a key is one witness, whatever its names');
  return pinned;
}

/** Without the name, the id and the type that stand before it. */
const publicKeyIn = ({ name, id, text }: Verifier): string =>
  Buffer.from(text.slice(`${name}+${id.toString('hex')}+`.length), 'base64').toString('hex', 1);

async function logKeyOf(key: string): Promise<Verifier> {
  const verifier = await verifierOf('--key', key);
  if (verifier.kind === 'log') return verifier;
  throw new CommandRefused('--key is the key of a witness: the log has another one (audit key)');
}

async function witnessesOf(keys: readonly string[]): Promise<readonly Verifier[]> {
  const verifiers = await Promise.all(keys.map((key) => verifierOf('--witness', key)));
  if (verifiers.some(({ kind }) => kind === 'log'))
    throw new CommandRefused('--witness is the key of a log, not of a witness');
  return verifiers;
}

/** A verifier key as C2SP writes it, or a file that holds one. */
async function verifierOf(option: string, key: string): Promise<Verifier> {
  const isKey = /^[^+\s]+\+[0-9a-f]{8}\+/.test(key);
  const text = isKey ? key : (await readBounded(option, key, MOST_KEY)).toString().trim();
  try {
    return parseVerifier(text);
  } catch (error) {
    if (error instanceof NoteRefused) throw new CommandRefused(`${option}: ${error.message}`);
    throw error;
  }
}

async function readBounded(option: string, path: string, most: number): Promise<Buffer> {
  const refused = (why: string): CommandRefused => new CommandRefused(`${option} ${path} ${why}`);
  const file = await open(path, 'r').catch(() => {
    throw refused('cannot be read: does the file exist, and may this user read it?');
  });
  try {
    const bytes = Buffer.alloc(most + 1);
    let size = 0;
    for (let read = 1; read > 0 && size <= most; size += read)
      read = (await file.read(bytes, size, bytes.length - size, null)).bytesRead;
    if (size > most) throw refused(`is larger than such a file is`);
    return bytes.subarray(0, size);
  } finally {
    await file.close();
  }
}
