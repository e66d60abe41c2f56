import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { WitnessReport } from './cli/host.ts';
import { CommandRefused, refusal } from './cli/refusal.ts';
import { problemAt } from './config/problem.ts';
import { readWitnessConfig, type WitnessSettings, withLog } from './config/witness.ts';
import { type Verifier, verifierIn } from './log/verifier.ts';
import { readKey, writeKey } from './witness/key.ts';
import { type Kept, makeState, openState, type WitnessState } from './witness/state.ts';
import { replaceFile } from './witness/whole-file.ts';

/** A witness in its folder: witness.yaml, its key, what it has seen. */

/** What a new witness starts with. */
const STARTER = `# A witness of transparency logs (docs/witness.md). Paths are absolute, or from the folder of this file.
key: witness.key                             # signs; nobody else has it
state: witness.db                            # the newest checkpoint seen of each log: never put an older one back
server: { host: 127.0.0.1, port: 7430 }      # off loopback: tls: { cert, key }, or proxy: { addresses }

# Verifier keys of the logs that are witnessed: strongroom witness trust KEY adds one. A vault says its own with
# strongroom audit key; ask its operator for it on another way than the one it came by.
logs: []
`;

/** What was read of witness.yaml. */
export interface ReadWitness {
  readonly settings: WitnessSettings;
  readonly logs: readonly Verifier[];
}

const configOf = (dir: string): string => join(dir, 'witness.yaml');

/**
 * Makes a witness in a folder.
 * @returns its verifier key
 * @throws CommandRefused, WitnessRefused
 */
export function makeWitness(dir: string, name: string, random: (bytes: number) => Uint8Array): string {
  const [config, key, state] = [configOf(dir), join(dir, 'witness.key'), join(dir, 'witness.db')];
  for (const path of [config, key, state])
    if (existsSync(path)) throw new CommandRefused(`${path} is there already: nothing was changed`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { verifier } = writeKey(key, name, random(32));
  makeState(state, verifier.text);
  // Last: where the settings stand, the rest is there too.
  replaceFile(config, STARTER);
  return verifier.text;
}

/**
 * The settings of a witness and the logs that it knows.
 * @throws CommandRefused with every problem of the file
 */
export function readWitness(dir: string): ReadWitness {
  const path = configOf(dir);
  const read = readWitnessConfig(textOf(path), dirname(resolve(path)));
  if ('problems' in read) throw refusal(path, read.problems);
  const { settings, lineOf } = read;
  const logs = settings.logs.map(verifierOf);
  const problems = logs.flatMap((log, i) =>
    typeof log === 'string' ? [problemAt(['logs', i], log, lineOf)] : [],
  );
  if (problems.length > 0) throw refusal(path, problems);
  return { settings, logs: logs.filter((log) => typeof log !== 'string') };
}

/** Its key and its state, for as long as they are used. */
async function withState<T>(
  { settings }: ReadWitness,
  use: (state: WitnessState, key: string) => T | Promise<T>,
): Promise<T> {
  const { verifier } = readKey(settings.key);
  const state = openState(settings.state, verifier.text);
  try {
    return await use(state, verifier.text);
  } finally {
    state.close();
  }
}

/**
 * Adds a log, or a further key of one: whatever is signed with either is taken.
 * @returns its origin, and how many keys it has by now
 * @throws CommandRefused
 */
export function trustLog(dir: string, key: string): { readonly origin: string; readonly keys: number } {
  const { logs } = readWitness(dir);
  const log = verifierOf(key);
  if (typeof log === 'string') throw new CommandRefused(`the key ${log}`);
  if (logs.some(({ text }) => text === log.text)) throw new CommandRefused('this key is trusted already');
  replaceFile(configOf(dir), withLog(textOf(configOf(dir)), log.text));
  return { origin: log.name, keys: logs.filter(({ name }) => name === log.name).length + 1 };
}

/** What it has seen of each log, and what became of what it saw. */
export const showWitness = (dir: string): Promise<WitnessReport> => {
  const read = readWitness(dir);
  return withState(read, (state, key) => {
    const kept = new Map(state.all().map((one) => [one.origin, one]));
    const origins = new Set([...read.logs.map(({ name }) => name), ...kept.keys()]);
    const logs = [...origins].toSorted().map((origin) => {
      const newest = kept.get(origin);
      const keys = read.logs.filter(({ name }) => name === origin).length;
      return { origin, keys, newest: newest === undefined ? null : shown(newest, newest.time) };
    });
    const past = state
      .past()
      .map((one) => ({ origin: one.origin, what: one.what, reason: one.reason, ...shown(one, one.at) }));
    return { key, logs, past };
  });
};

/** @param seconds since 1970 */
const shown = ({ size, root, note }: Pick<Kept, 'size' | 'root' | 'note'>, seconds: number) => ({
  size,
  root: Buffer.from(root).toString('base64'),
  at: seconds * 1000,
  checkpoint: note,
});

/**
 * Forgets what was seen of a log, which is then witnessed as a new one; that it was, and why, is kept.
 * @param at milliseconds
 * @returns the size that is forgotten
 * @throws CommandRefused where nothing was seen of it
 */
export const forgetLog = (dir: string, origin: string, reason: string, at: number): Promise<number> =>
  withState(readWitness(dir), (state) =>
    state.locked(({ newest, drop, note }) => {
      const kept = newest(origin);
      if (kept === null)
        throw new CommandRefused('this witness has seen nothing of such a log: see witness show');
      const { size, root, note: checkpoint } = kept;
      note({ origin, what: 'forgotten', at: Math.floor(at / 1000), size, root, note: checkpoint, reason });
      drop(origin);
      return size;
    }),
  );

/** The verifier of a log, or what is wrong with its key. */
function verifierOf(key: string): Verifier | string {
  const verifier = verifierIn(key);
  if (verifier === null) return 'must be an Ed25519 verifier key, as strongroom audit key prints it';
  return verifier.kind === 'log' ? verifier : 'is that of a witness: a log signs with a key of its own kind';
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    if (existsSync(path)) throw new CommandRefused(`${path} cannot be read: may this user read it?`);
    throw new CommandRefused(
      `${path} is not there: make a witness with strongroom witness init, or name its folder with --dir`,
    );
  }
}
