import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll } from 'vitest';
import type { CopyReport } from '../../src/cli/host.ts';
import { readSettings } from '../../src/config-file.ts';
import type { StoreSettings } from '../../src/config/store.ts';
import { copyStore, reopenStore } from '../../src/copy-store.ts';
import { open, type Opening } from '../../src/open.ts';
import { COPIED } from '../../src/store/paging.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import { CannotOpen } from '../../src/vault/open.ts';
import { cardNumber } from '../cards.ts';
import { makeVaultDir, openVaultDir, tempDir } from '../harness.ts';

/** Vaults to move: with rows in every table, and with what was acknowledged of them. */

const POLICY = `
purposes:
  settlement: { basis: contract }
collections:
  cards: { format: pan, lengths: { min: 16, max: 16 }, lookup: true, purposes: [settlement] }
  cards-known: { format: pan, lengths: { min: 16, max: 16 }, tokens: deterministic, guessable: accepted, purposes: [settlement] }
  secrets: { format: text, overlap: 24h, purposes: [settlement] }
`;
const GRANTS = [
  ...['tokenise', 'replace', 'lookup', 'erase'].map((action) => `${action}:*`),
  'detokenise:*@settlement',
];

export interface Filled {
  readonly dir: string;
  readonly apiKey: string;
  /** Values by their tokens, as they must be answered. */
  readonly cards: ReadonlyMap<string, string>;
}

/** A closed vault in a folder: `cards` random ones, and at least a row of every table. */
async function filled(cards: number): Promise<Filled> {
  const dir = await makeVaultDir(POLICY);
  const made = await openVaultDir(dir);
  const client = await made.add(GRANTS);
  const { vault } = client;
  const known = new Map<string, string>();
  for (let from = 0; from < cards; from += 1000) {
    const values = Array.from({ length: Math.min(1000, cards - from) }, (_, i) => cardNumber(from + i));
    const items = values.map((value) => ({
      collection: 'cards',
      value,
      subject: `cus_${value.slice(6, 9)}`,
    }));
    const answer = await vault.tokenise({ items });
    for (const [i, item] of answer.items.entries())
      if ('token' in item) known.set(item.token, values[i] ?? '');
  }
  const once = { collection: 'cards-known', value: cardNumber(5_000_000) };
  await vault.tokenise({ items: [once, { ...once, value: cardNumber(5_000_001) }] }, 'once');
  const { items } = await vault.tokenise({ items: [{ collection: 'secrets', value: 'geheim' }] });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  await vault.replace({ items: [{ collection: 'secrets', token, value: 'geheimer', ifVersion: 1 }] });
  const [erased = ''] = known.keys();
  await vault.erase({ reason: 'asked', items: [{ collection: 'cards', token: erased }] });
  known.delete(erased);
  const { name } = await made.add(['tokenise:cards']);
  await made.host.clients.restrict({ client: name, restriction: 'throttled' });
  // As many events as fill a tile of the log's tree.
  await Promise.all(Array.from({ length: 256 }, () => made.host.audit.key()));
  await made.vault.maintain();
  await made.vault.follow();
  await made.close();
  return { dir, apiKey: client.key, cards: known };
}

let kept: Filled | null = null;
afterAll(() => {
  if (kept !== null) rmSync(kept.dir, { recursive: true });
});

/** Such a vault of 1,100 cards, which is two pages: made once in a file of tests, and copied for each. */
export async function aVault(): Promise<Filled> {
  if (kept === null) {
    const made = await filled(1100);
    const dir = mkdtempSync(join(tmpdir(), 'strongroom-'));
    cpSync(made.dir, dir, { recursive: true });
    kept = { ...made, dir };
  }
  const dir = tempDir();
  cpSync(kept.dir, dir, { recursive: true });
  return { ...kept, dir };
}

/** Settings of the same folder with another store, written to a file of that name. */
export function otherSettings(dir: string, name: string, url: string, more = ''): string {
  const text = readFileSync(join(dir, 'strongroom.yaml'), 'utf8');
  const path = join(dir, name);
  writeFileSync(path, text.replace(/^store: .*$/m, `store: { url: "${url}"${more} }`));
  return path;
}

export const OLD = 'strongroom.yaml';
export const NEW = 'new.yaml';
export const toSqlite = (dir: string, name = NEW, file = 'moved/vault.db'): string =>
  otherSettings(dir, name, `sqlite:${file}`);

export function openingOf(dir: string, settings = OLD): Opening {
  return {
    settings: readSettings(join(dir, settings)).settings,
    world: {
      now: () => Date.now(),
      random: (bytes) => randomBytes(bytes),
      breathe: () => breathe(),
      pause: (milliseconds) => pause(milliseconds),
      notice: () => undefined,
    },
    groups: [process.getegid?.() ?? -1],
    onFatal: () => undefined,
  };
}

const caller = hostCaller('tester', 'cli_test');

/** @param progress as the command's: what it throws ends the move there */
export const copy = (
  dir: string,
  progress: (step: string, done: number) => void = () => undefined,
  [from, to] = [OLD, NEW],
): Promise<CopyReport> =>
  copyStore({
    opening: openingOf(dir, from),
    to: readSettings(join(dir, to ?? NEW)).settings,
    caller,
    progress,
  });

export const reopenOld = (dir: string): Promise<void> => reopenStore({ opening: openingOf(dir), caller });

/** Whether a store opens as a vault and takes a commit. */
export async function isServed(dir: string, settings: string): Promise<boolean> {
  try {
    const vault = await open(openingOf(dir, settings));
    try {
      return (await vault.ready()) === null;
    } finally {
      await vault.close();
    }
  } catch (error) {
    if (error instanceof CannotOpen) return false;
    // A store that was not begun yet is no vault either.
    if (error instanceof Error && /there is no store/.test(error.message)) return false;
    throw error;
  }
}

/** Every value of a vault, as a client is told it. */
export async function valuesOf(
  { dir, apiKey, cards }: Filled,
  settings: string,
): Promise<ReadonlyMap<string, string>> {
  const vault = await open(openingOf(dir, settings));
  try {
    const who = await vault.authenticate(apiKey, '127.0.0.1');
    const origin = { via: 'http', to: 'caller', from: null, request: 'req_test', trace: null } as const;
    const bound = vault.bind({ who, origin });
    const tokens = [...cards.keys()];
    const told = new Map<string, string>();
    for (let from = 0; from < tokens.length; from += 1000) {
      const asked = tokens.slice(from, from + 1000);
      const items = asked.map((token) => ({ collection: 'cards', token }));
      const answer = await bound.detokenise({ purpose: 'settlement', items });
      for (const [i, item] of answer.items.entries())
        told.set(asked[i] ?? '', 'value' in item ? item.value : item.error.code);
    }
    return told;
  } finally {
    await vault.close();
  }
}

/** Every row of a store in a file but the head, as text. */
export function rowsIn(path: string): Readonly<Record<string, readonly string[]>> {
  const db = new Database(path, { readonly: true });
  const rows = [...COPIED.keys()].map((table) => {
    const all = db.prepare<[], unknown[]>(`select * from "${table}"`).raw().all();
    return [table, all.map((row) => JSON.stringify(row)).toSorted()] as const;
  });
  db.close();
  return Object.fromEntries(rows);
}

/** The head of a store in a file, but for what a move changes of it. */
export function headIn(path: string): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  const {
    standing: _standing,
    mac: _mac,
    last_at: _at,
    ...head
  } = db.prepare<[], Record<string, unknown>>('select * from "head"').get() ?? {};
  db.close();
  return head;
}

export const standingIn = (path: string): string => {
  const db = new Database(path, { readonly: true });
  const standing = db.prepare<[], string>('select "standing" from "head"').pluck().get();
  db.close();
  return standing ?? '';
};

/** Where a store in a file is. */
export function fileOf(dir: string, settings: string): string {
  const store: StoreSettings = readSettings(join(dir, settings)).settings.store;
  return store.engine === 'sqlite' ? store.path : '';
}
