import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventsOf } from '../attack/tamper.ts';
import { strongroom } from '../served.ts';

/** Vaults as operators make them, for processes to serve and tests to break. */

const POLICY = `
  cards: { format: pan, lengths: { min: 16, max: 16 }, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 16, max: 16 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
`;

export const GRANTS = ['cards', 'cards-known'].flatMap((name) => [
  ...['tokenise', 'replace', 'erase'].map((action) => `${action}:${name}`),
  `detokenise:${name}@settlement`,
]);

/** As its bytes say. */
export type StoredEvent = Readonly<Record<string, unknown>>;

export interface MadeVault {
  readonly config: string;
  /** Of a client named `load`, with grants on `cards` and `cards-known`. */
  readonly apiKey: string;
  /** Every event that is stored, in order. */
  readonly events: () => Promise<readonly StoredEvent[]>;
}

/** On SQLite, in a folder. */
export async function makeVault(dir: string): Promise<MadeVault & { readonly store: string }> {
  const config = await initialise(dir);
  const store = join(dir, 'data', 'strongroom.db');
  const apiKey = await addClient(config, 'load', GRANTS);
  return { config, store, apiKey, events: async () => eventsOf(store) };
}

/**
 * `strongroom init`, two collections, and whatever port is free. Answers the settings' path.
 *
 * @param store what `init` is told of a store that is no file
 */
export async function initialise(dir: string, store: readonly string[] = []): Promise<string> {
  await mustRun(['init', '--dir', dir, ...store]);
  const config = join(dir, 'strongroom.yaml');
  const text = readFileSync(config, 'utf8')
    .replace('port: 7420', 'port: 0')
    .replace('\ncollections:', `\ncollections:${POLICY}`);
  writeFileSync(config, text);
  return config;
}

/** Answers its API key. */
export async function addClient(
  config: string,
  name: string,
  grants: readonly string[],
  kind = 'service',
): Promise<string> {
  const granted = grants.flatMap((grant) => ['--grant', grant]);
  const added = await mustRun([
    'clients',
    'add',
    name,
    '--kind',
    kind,
    '--json',
    '--config',
    config,
    ...granted,
  ]);
  const { key } = JSON.parse(added) as { key: string };
  return key;
}

/** What it printed; raises unless it ended with 0. */
export async function mustRun(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await strongroom(argv);
  if (code !== 0) throw new Error(`strongroom ${argv.join(' ')}: ${stderr}`);
  return stdout;
}
