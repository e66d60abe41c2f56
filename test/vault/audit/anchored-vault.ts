import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { readConfig } from '../../../src/config/settings.ts';
import { decodeEntries } from '../../../src/log/entries.ts';
import { parseResource } from '../../../src/log/tile-path.ts';
import { append, EMPTY, leafHash, root } from '../../../src/log/tree.ts';
import { parseCheckpoint } from '../../../src/log/checkpoint.ts';
import { verifyConsistency } from '../../../src/log/proof.ts';
import { fileMasterKey } from '../../../src/masterkey/file.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { type Anchor, AnchorFailed, type AnchorNewest, type AnchorPut } from '../../../src/vault/anchor.ts';
import { hostCaller } from '../../../src/vault/access/host-caller.ts';
import type { AnchorPlace } from '../../../src/vault/audit/anchoring.ts';
import { logSigner } from '../../../src/vault/audit/checkpoints.ts';
import type { Notice } from '../../../src/vault/core.ts';
import { openKeys } from '../../../src/vault/epoch.ts';
import { UNOBSERVED } from '../../../src/vault/observer.ts';
import { openVault } from '../../../src/vault/vault.ts';
import { eventsOf } from '../../attack/tamper.ts';
import { type Clock, callerOf } from '../../harness.ts';

/** A place in memory that checks what it is given as a witness would, and fails or lies as a test says. */
export class Place implements Anchor {
  readonly name: string;
  readonly keeps: Anchor['keeps'];
  readonly notes: string[] = [];
  /** By path; with how often each was given. */
  readonly files = new Map<string, { readonly bytes: Uint8Array; readonly times: number }>();
  /** What it answers in the place of its newest. */
  lie: AnchorNewest | null = null;
  state: 'well' | 'fails' | 'hangs' = 'well';
  asked = 0;

  constructor(name = 'place', keeps: Anchor['keeps'] = 'checkpoints') {
    this.name = name;
    this.keeps = keeps;
  }

  readonly newest = async (): Promise<AnchorNewest | null> => {
    await this.#answer();
    const note = this.notes.at(-1);
    return this.lie ?? (note === undefined ? null : { size: parseCheckpoint(note).size, note });
  };

  readonly put = async ({ note, size, consistency, files }: AnchorPut): Promise<readonly string[]> => {
    for await (const { path, bytes } of files)
      this.files.set(path, { bytes, times: (this.files.get(path)?.times ?? 0) + 1 });
    const last = this.notes.at(-1);
    const next = parseCheckpoint(note);
    expect(next.size).toBe(size);
    if (last !== undefined) {
      const { size: oldSize, root: oldRoot } = parseCheckpoint(last);
      const proof = await consistency(oldSize);
      expect(verifyConsistency({ oldSize, oldRoot, newSize: size, newRoot: next.root, proof })).toBe(true);
    }
    this.notes.push(note);
    return [];
  };

  async #answer(): Promise<void> {
    this.asked += 1;
    if (this.state === 'fails') throw new AnchorFailed('it fails');
    if (this.state === 'hangs') await new Promise(() => undefined);
  }

  get size(): number {
    const note = this.notes.at(-1);
    return note === undefined ? 0 : parseCheckpoint(note).size;
  }
}

/** The root of the log out of the entries that a place was given. */
export function rootOf({ files }: Place, size: number): Uint8Array {
  let frontier = EMPTY;
  while (frontier.size < size) {
    const width = Math.min(256, size - frontier.size);
    const [, bundle] =
      [...files].find(([path]) => {
        const named = parseResource(path);
        return named?.kind === 'entries' && named.index * 256 === frontier.size && named.width === width;
      }) ?? expect.fail(`no entries from ${frontier.size}`);
    frontier = append(frontier, (decodeEntries(bundle.bytes) ?? []).map(leafHash));
  }
  return root(frontier);
}

/** Time stands still, but for what a test adds to it. */
const START = Date.now();
/** Long enough for whatever is under way in memory to come to its end, or to wait for what never comes. */
const TURNS = 100;

/** Opens the vault of a folder, on SQLite, with places of the test's own. */
export async function anchoredVault(
  dir: string,
  places: readonly (Place | AnchorPlace)[],
  clock: Clock = { offset: 0 },
) {
  const notices: Notice[] = [];
  const path = join(dir, 'data', 'vault.db');
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const store = openSqlite(path);
  const masterKey = fileMasterKey(join(dir, 'keys'), { groups: [process.getegid?.() ?? -1] }, random);
  const vault = await openVault({
    store,
    masterKey,
    environment: 'test',
    world: {
      now: () => START + clock.offset,
      random,
      breathe: () => breathe(),
      pause: (milliseconds) => pause(milliseconds),
      notice: (notice) => void notices.push(notice),
    },
    observer: UNOBSERVED,
    anchors: places.map((one) => (one instanceof Place ? { anchor: one, required: true, every: 1000 } : one)),
    onFatal: (reason) => expect.fail(reason),
  });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (!isClosed) await vault.close();
    isClosed = true;
  };
  onTestFinished(close);
  const config = readConfig(readFileSync(join(dir, 'strongroom.yaml'), 'utf8'), dir);
  const host = hostCaller('tester', 'cli_test');
  if ('problems' in config) return expect.fail(JSON.stringify(config.problems));
  const applied = await vault.applyPolicy(host, config.policy);
  if ('problems' in applied) return expect.fail(JSON.stringify(applied.problems));
  const bound = vault.bind(host);
  const as = async (key: string) => vault.bind(await callerOf(vault, key, 'req_test', '127.0.0.1'));
  return {
    dir,
    path,
    clock,
    notices,
    vault,
    host: bound,
    close,
    as,
    add: async (grants: readonly string[]) => {
      const asked = { name: 'caller', kind: 'service' as const, expiresAt: null, grants: [...grants] };
      const key = (await bound.clients.add(asked)).key ?? expect.fail('no key');
      return { key, vault: await as(key) };
    },
    events: () => eventsOf(path),
    signer: async () => {
      const { head, keys } = await store.authority();
      return logSigner(
        await openKeys(keys, masterKey, head?.vault ?? '', () => undefined),
        head?.vault ?? '',
      );
    },
    ship: async () => {
      await vault.anchor();
      for (let turn = 0; turn < TURNS; turn++) await breathe();
    },
  };
}
