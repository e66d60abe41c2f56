import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { readConfig, type Settings } from '../src/config/settings.ts';
import { fileMasterKey, writeKeyFile } from '../src/masterkey/file.ts';
import { openAnchors } from '../src/open-anchors.ts';
import { found, openStore, type Opening } from '../src/open.ts';
import { base58 } from '../src/vault/base58.ts';
import type { BoundVault } from '../src/vault/bound.ts';
import type { Caller } from '../src/vault/call.ts';
import type { Notice } from '../src/vault/core.ts';
import { type Observer, UNOBSERVED } from '../src/vault/observer.ts';
import { hostCaller } from '../src/vault/access/host-caller.ts';
import { openVault, type Vault } from '../src/vault/vault.ts';
import type { AddClientRequest } from '../src/wire/clients.ts';
import { movedWith, SQLITE, storeIn, type StoreWriter, writerOf } from './engine.ts';

/** Real parts: a SQLite file or a PostgreSQL server, a key file, the real clock unless a test moves it. */

/** A folder that is gone after the test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'strongroom-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Settings and a policy with one collection of each kind; tests add to it as text. */
const POLICY = `
purposes:
  settlement: { basis: contract }
  support: { basis: legitimate-interests }
  marketing: { basis: consent }
collections:
  cards: { format: pan, lengths: { min: 15, max: 19 }, keep: { first: 6, last: 4 }, purposes: [settlement, marketing] }
  cards-known: { format: pan, lengths: { min: 15, max: 19 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
  notes: { format: text, purposes: [support] }
  notes-known: { format: text, tokens: deterministic, purposes: [support] }
  acme/cards: { format: pan, lengths: { min: 16, max: 16 }, purposes: [settlement] }
roles:
  settler: ["tokenise:cards", "detokenise:cards@settlement"]
`;

const SETTINGS = `
vault: { name: test, environment: test }
server: { host: 127.0.0.1, port: 0 }
store: ${SQLITE}
masterKey: { provider: file, path: keys }
`;

/** A clock that a test can move. */
export interface Clock {
  offset: number;
}

export interface TestVault {
  readonly dir: string;
  readonly configPath: string;
  /** Of a store in a file; where it is none, asking for it throws. */
  readonly storePath: string;
  /** Whoever writes the store and has no key, on either engine. */
  readonly writer: StoreWriter;
  readonly settings: Settings;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly notices: Notice[];
  readonly fatal: string[];
  /** As the host: custodian's and auditor's duties, no data. */
  readonly host: BoundVault;
  /** Adds a client and binds the vault to its API key, as HTTP does. */
  readonly add: (grants: readonly string[], more?: Partial<AddClientRequest>) => Promise<TestClient>;
  readonly as: (apiKey: string, request?: string, from?: string) => Promise<BoundVault>;
  readonly close: () => Promise<void>;
}

export interface TestClient {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly vault: BoundVault;
}

let names = 0;
const newName = (): string => `client-${++names}`;

/** Writes settings, policy and a key file into a new folder and makes its store a vault. */
export async function makeVaultDir(
  policy = POLICY,
  settings = SETTINGS,
  clock: Clock = { offset: 0 },
): Promise<string> {
  const dir = tempDir();
  const placed = settings.includes(SQLITE) ? settings.replace(SQLITE, await storeIn(dir)) : settings;
  writeFileSync(join(dir, 'strongroom.yaml'), placed + policy);
  writeKeyFile(join(dir, 'keys'), `mk_${base58(randomBytes(8), 12)}`, randomBytes(32));
  await found(openingOf(dir, clock, [], []));
  return dir;
}

/** Opens the vault of a folder, applies its policy, and closes it after the test. */
export async function openVaultDir(
  dir: string,
  clock: Clock = { offset: 0 },
  observer: Observer = UNOBSERVED,
): Promise<TestVault> {
  const notices: Notice[] = [];
  const fatal: string[] = [];
  const opening = openingOf(dir, clock, notices, fatal);
  const { settings, world, onFatal } = opening;
  const vault = await openVault({
    store: movedWith(await openStore(settings.store, world), clock),
    masterKey: fileMasterKey(settings.masterKey.path, opening, world.random),
    environment: settings.vault.environment,
    world,
    observer,
    anchors: openAnchors(settings.anchors, opening.user ?? 0),
    onFatal,
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await vault.close();
  };
  onTestFinished(close);
  const config = readConfigOf(dir);
  const host = hostCaller('tester', 'cli_test');
  const applied = await vault.applyPolicy(host, config.policy);
  if ('problems' in applied) throw new Error(JSON.stringify(applied.problems));
  const as: TestVault['as'] = async (apiKey, request = 'req_test', from = '127.0.0.1') =>
    vault.bind(await callerOf(vault, apiKey, request, from));
  return {
    dir,
    configPath: join(dir, 'strongroom.yaml'),
    get storePath() {
      const { store } = opening.settings;
      if (store.engine !== 'sqlite') throw new Error('this store is no file: ask its writer');
      return store.path;
    },
    writer: writerOf(opening.settings.store),
    settings: opening.settings,
    vault,
    clock,
    notices,
    fatal,
    host: vault.bind(host),
    as,
    add: async (grants, more = {}) => {
      const request = {
        name: newName(),
        kind: 'service' as const,
        expiresAt: null,
        ...more,
        grants: [...grants],
      };
      const { id, name, key } = await vault.bind(host).clients.add(request);
      const apiKey = toldKey(key);
      return { id, name, key: apiKey, vault: await as(apiKey) };
    },
    close,
  };
}

export const newVault = async (policy = POLICY, clock: Clock = { offset: 0 }): Promise<TestVault> =>
  openVaultDir(await makeVaultDir(policy), clock);

/** An API key that was told: it is null where a request was repeated. */
export function toldKey(key: string | null): string {
  if (key === null) throw new Error('no API key was told');
  return key;
}

/** A caller as HTTP makes one. */
export async function callerOf(vault: Vault, apiKey: string, request: string, from: string): Promise<Caller> {
  const who = await vault.authenticate(apiKey, from);
  return { who, origin: { via: 'http', to: 'caller', from, request, trace: null } };
}

function readConfigOf(dir: string) {
  const text = readFileSync(join(dir, 'strongroom.yaml'), 'utf8');
  const config = readConfig(text, dir);
  if ('problems' in config) throw new Error(JSON.stringify(config.problems));
  return config;
}

export function openingOf(dir: string, clock: Clock, notices: Notice[], fatal: string[]): Opening {
  return {
    settings: readConfigOf(dir).settings,
    world: {
      now: () => Date.now() + clock.offset,
      random: (bytes) => randomBytes(bytes),
      breathe: () => breathe(),
      pause: (milliseconds) => pause(milliseconds),
      notice: (notice) => notices.push(notice),
    },
    groups: [process.getegid?.() ?? -1],
    onFatal: (reason) => fatal.push(reason),
  };
}
