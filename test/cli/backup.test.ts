import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect, it, vi } from 'vitest';
import { parseIdentities, parseRecipients } from '../../src/backup/age.ts';
import { END, header, padding, TarReader } from '../../src/backup/tar.ts';
import { connect } from '../../src/client/client.ts';
import { readSettings } from '../../src/config-file.ts';
import { writeKeyFile } from '../../src/masterkey/file.ts';
import { restore } from '../../src/restore.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { eventsOf, tamper } from '../attack/tamper.ts';
import { cardNumber } from '../cards.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { type Finished, MAIN, strongroom } from '../served.ts';
import { type Made, made } from './made.ts';

/** Backups as a custodian makes and tries them: real processes on a real store, up to a dozen a test. */
vi.setConfig({ testTimeout: 600_000 });

interface Safe {
  readonly vault: Made;
  /** Where backups go. */
  readonly dir: string;
  readonly recipient: string;
  /** The file of the identity. */
  readonly identity: string;
  readonly backup: (name: string) => Promise<Finished>;
  readonly restore: (file: string, ...options: readonly string[]) => Promise<Finished>;
}

async function safe(): Promise<Safe> {
  const vault = await made();
  // A port of its own for whoever serves it.
  const dir = tempDir();
  const secret = await generateX25519Identity();
  const recipient = await identityToRecipient(secret);
  const identity = join(dir, 'identity');
  writeFileSync(identity, `# created: now\n# public key: ${recipient}\n${secret}\n`, { mode: 0o600 });
  const temp = join(dir, 'tmp');
  mkdirSync(temp);
  return {
    vault,
    dir,
    recipient,
    identity,
    backup: (name) => vault.run('backup', '--to', join(dir, name), '--recipient', recipient),
    restore: (file, ...options) =>
      strongroom(['restore', file, '--identity', identity, '--config', vault.config, ...options], {
        TMPDIR: temp,
      }),
  };
}

const GRANTS = ['--grant', 'tokenise:customer-pan', '--grant', 'detokenise:customer-pan@settlement'];

const tokenise = async (vault: BoundVault, values: readonly string[]): Promise<string[]> => {
  const { items } = await vault.tokenise({
    items: values.map((value) => ({ collection: 'customer-pan', value })),
  });
  return items.map((item) => ('token' in item ? item.token : expect.fail(item.error.code)));
};
const detokenise = async (vault: BoundVault, tokens: readonly string[]) => {
  const items = tokens.map((token) => ({ collection: 'customer-pan', token }));
  return (await vault.detokenise({ purpose: 'settlement', items })).items;
};

/** Another folder with the same settings and master key, and no store. */
function elsewhere({ vault }: Safe): {
  readonly config: string;
  readonly store: string;
  readonly dir: string;
} {
  const dir = tempDir();
  for (const name of ['strongroom.yaml', 'keys']) copyFileSync(vault.at(name), join(dir, name));
  mkdirSync(join(dir, 'data'), { mode: 0o700 });
  return { dir, config: join(dir, 'strongroom.yaml'), store: join(dir, 'data', 'strongroom.db') };
}

it('is made while a vault serves under load, verifies, and gives every value back where it is restored', async () => {
  const one = await safe();
  const { key } = await one.vault.add('load', ...GRANTS);
  const served = await serveProcess(one.vault.config);
  const vault = connect({ url: served.url, apiKey: key });
  const values = Array.from({ length: 500 }, (_, i) => cardNumber(i));
  const before = await tokenise(vault, values);

  const state = { running: true, writes: 0 };
  const load = Array.from({ length: 4 }, async (_, lane) => {
    for (; state.running; state.writes++)
      await tokenise(vault, [cardNumber(10_000 + lane * 100_000 + state.writes)]);
  });
  while (state.writes < 20) await new Promise((turn) => setImmediate(turn));
  const started = state.writes;
  const backup = await one.backup('vault.age');
  const during = state.writes - started;
  state.running = false;
  // Nobody who wrote meanwhile was refused.
  await Promise.all(load);
  expect(backup).toMatchObject({ code: 0 });
  expect(during).toBeGreaterThan(0);
  expect(readdirSync(one.dir).toSorted()).toEqual(['identity', 'tmp', 'vault.age']);
  expect(statSync(join(one.dir, 'vault.age')).mode & 0o777).toBe(0o600);

  // Served or not: a check touches neither the store nor its log.
  const events = eventsOf(one.vault.at('data/strongroom.db')).length;
  const check = await one.restore(join(one.dir, 'vault.age'), '--check');
  expect(check.stdout).toMatch(/seal +customer-pan +yes +\d{3,}\n/);
  expect(check.stdout).toContain('Every key opens, the log is whole, and every row agrees with it.');
  expect(check.code).toBe(0);
  expect(eventsOf(one.vault.at('data/strongroom.db'))).toHaveLength(events);
  expect(readdirSync(join(one.dir, 'tmp'))).toEqual([]);
  await served.stop();

  const other = elsewhere(one);
  const restored = await one.restore(join(one.dir, 'vault.age'), '--config', other.config);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining(`Restored to ${other.store}.`) });
  expect(readdirSync(join(other.dir, 'data'))).toEqual(['strongroom.db']);
  expect(statSync(other.store).mode & 0o777).toBe(0o600);
  const again = await serveProcess(other.config);
  const back = connect({ url: again.url, apiKey: key });
  expect(await detokenise(back, before)).toEqual(values.map((value) => ({ value })));
  await again.stop();
  expect(await strongroom(['audit', 'verify', '--config', other.config])).toMatchObject({ code: 0 });

  // The log says who made the backup and for whom, in the backup itself, and that it was restored from there.
  const log = eventsOf(other.store);
  const fingerprint = createHash('sha256').update(one.recipient).digest('hex');
  const at = log.findIndex(({ action }) => action === 'backup');
  expect(log[at]).toMatchObject({ actor: { kind: 'host' }, detail: { recipients: [fingerprint] } });
  const put = log.findIndex(({ action }) => action === 'restore');
  expect(log[put]).toMatchObject({ outcome: 'done', detail: { size: put } });
  expect(put).toBeGreaterThan(at);
});

it('holds nothing in clear, and no master key under its seal', async () => {
  const one = await safe();
  const { key } = await one.vault.add('known-name', ...GRANTS);
  const served = await serveProcess(one.vault.config);
  const [token = ''] = await tokenise(connect({ url: served.url, apiKey: key }), [cardNumber(1)]);
  await served.stop();
  await one.backup('vault.age');
  const sealed = readFileSync(join(one.dir, 'vault.age'));
  const [, name = '', master = ''] =
    /:v1:(mk_\w+):([\w-]{43}):/.exec(readFileSync(one.vault.at('keys'), 'utf8')) ?? [];
  expect(master).toHaveLength(43);
  const plain = await opened(one, 'vault.age');
  const { id } = plain.manifest['vault'] as { id: string };
  expect(id).toMatch(/^vlt_\w{13}$/);
  const { tables } = plain.manifest['database'] as { tables: object };
  expect(tables).toMatchObject({ values: 1, issued: 1, earlier: 0, events: expect.any(Number) });
  for (const known of [
    token,
    cardNumber(1),
    key,
    'known-name',
    'SQLite format',
    'manifest.json',
    // Whole: of a few characters, some stand in any 100,000 random bytes now and then.
    name,
    id,
    master,
  ])
    expect(sealed.includes(known), known).toBe(false);
  // The token is in the database, as it is in the store: that this finds it shows that the search above could.
  expect(plain.database.includes(token)).toBe(true);
  for (const known of [cardNumber(1), key, master, Buffer.from(master, 'base64url')])
    expect(plain.database.includes(known)).toBe(false);
});

/** What whoever holds the identity can take out. */
interface Plain {
  readonly manifest: Record<string, unknown>;
  readonly database: Buffer;
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

async function opened(one: Safe, name: string): Promise<Plain> {
  const plain = await parseIdentities(readFileSync(one.identity, 'utf8')).unseal(join(one.dir, name));
  const archive = new TarReader(plain);
  const manifest = await whole(archive.file(await archive.next('manifest.json')));
  const database = await whole(archive.file(await archive.next('strongroom.db')));
  return { manifest: JSON.parse(manifest.toString()) as Plain['manifest'], database };
}

/** Seals whatever anybody who knows the recipient may: with length and hash that agree, unless the manifest is to say otherwise. */
async function forged(
  one: Safe,
  name: string,
  { manifest, database }: Plain,
  say: Record<string, unknown> = {},
): Promise<string> {
  const { tables } = manifest['database'] as { tables: unknown };
  const sha256 = createHash('sha256').update(database).digest('hex');
  const told = { ...manifest, database: { bytes: database.length, sha256, tables }, ...say };
  const text = Buffer.from(`${JSON.stringify(told, null, 2)}\n`);
  const pack = (file: string, bytes: Buffer) => [
    header({ name: file, size: bytes.length }, 0),
    bytes,
    padding(bytes.length),
  ];
  const archive = Buffer.concat([...pack('manifest.json', text), ...pack('strongroom.db', database), END]);
  const source = (async function* () {
    yield archive;
  })();
  const path = join(one.dir, name);
  writeFileSync(path, await whole(await parseRecipients([one.recipient]).seal(source)));
  return path;
}

/** What the command does, without a process for each of many. */
const checked = (one: Safe, file: string, { identity = one.identity, config = one.vault.config } = {}) =>
  restore(
    { file, config, identity, check: true },
    {
      opening: {
        settings: readSettings(config).settings,
        world: {
          now: () => Date.now(),
          random: randomBytes,
          breathe: () => breathe(),
          pause: (milliseconds) => pause(milliseconds),
          notice: ({ kind }) => expect.fail(kind),
        },
        groups: [],
        onFatal: (reason) => expect.fail(reason),
      },
      caller: hostCaller('tester', 'cli_test'),
      userId: process.getuid?.() ?? 0,
      temp: join(one.dir, 'tmp'),
      version: '0',
      progress: () => undefined,
    },
  );

it('is refused with one clear sentence where a byte, the end, the identity or the master key is another', async () => {
  const one = await safe();
  await one.backup('vault.age');
  const file = join(one.dir, 'vault.age');
  const sealed = readFileSync(file);
  const refused = async (what: string, bytes: Buffer, why: string) => {
    writeFileSync(join(one.dir, what), bytes);
    await expect(checked(one, join(one.dir, what)), what).rejects.toThrow(why);
    expect(readdirSync(join(one.dir, 'tmp'))).toEqual([]);
  };
  const flipped = (at: number): Buffer => {
    const bytes = Buffer.from(sealed);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  const damaged = 'the backup is damaged or cut short: nothing of it can be used';
  const otherwise =
    'the backup does not open with this identity: it was sealed to other recipients, or its head was changed';
  await refused('payload', flipped(1000), damaged);
  await refused('last-byte', flipped(sealed.length - 1), damaged);
  await refused('cut', sealed.subarray(0, sealed.length - 100), damaged);
  await refused('head', flipped(60), otherwise);
  await refused('no-age-file', randomBytes(4096), 'this is no backup: an age file is expected, not armoured');
  await refused('empty', Buffer.alloc(0), 'this is no backup: an age file is expected, not armoured');

  // As a person sees it.
  const { code, stdout, stderr } = await one.restore(join(one.dir, 'payload'), '--check');
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `strongroom: ${damaged}\n`,
  });

  const wrong = async (what: string, why: RegExp, options: { identity?: string; config?: string }) =>
    expect(checked(one, file, options), what).rejects.toThrow(why);
  const identity = join(one.dir, 'other');
  writeFileSync(identity, await generateX25519Identity(), { mode: 0o600 });
  await wrong('identity', /does not open with this identity/, { identity });
  chmodSync(identity, 0o640);
  await wrong('mode', /identity file can be used by others on this host: chmod 600 it$/, { identity });
  await wrong('none', /--identity .* cannot be read/, { identity: join(one.dir, 'none') });

  const other = elsewhere(one);
  const [, id = ''] = /:v1:(mk_\w+):/.exec(readFileSync(join(other.dir, 'keys'), 'utf8')) ?? [];
  const masterKey = async (name: string, as: string, why: RegExp) => {
    const folder = elsewhere(one);
    renameSync(join(folder.dir, 'keys'), join(folder.dir, 'away'));
    writeKeyFile(join(folder.dir, 'keys'), as, randomBytes(32));
    await wrong(name, why, { config: folder.config });
  };
  await masterKey(
    'another',
    'mk_11111111',
    new RegExp(`the backup needs the master key ${id}, and the settings name mk_11111111$`),
  );
  await masterKey('of the same name', id, /the vault does not open under this master key$/);
  const text = readFileSync(other.config, 'utf8');
  writeFileSync(other.config, text.replace('environment: development', 'environment: production'));
  await wrong('environment', /another environment than vault.environment says$/, { config: other.config });
});

/** An id that no vault of these tests has. */
const VAULT = 'vlt_1111111111111';

it('is not believed: whatever its manifest says otherwise than the store is found', async () => {
  const one = await safe();
  await one.vault.add('load', ...GRANTS);
  await one.backup('vault.age');
  const plain = await opened(one, 'vault.age');
  expect((await checked(one, await forged(one, 'true', plain))).findings).toEqual([]);

  const { database } = plain.manifest as { database: Record<string, unknown> };
  const { log } = plain.manifest as { log: object };
  const refusals: [string, Record<string, unknown>, RegExp][] = [
    [
      'sha256',
      { database: { ...database, sha256: '0'.repeat(64) } },
      /the manifest lies: its database has another length or SHA-256/,
    ],
    ['bytes', { database: { ...database, bytes: 1 } }, /the manifest lies/],
    ['newer', { migration: 4e12 }, /a newer release made this backup/],
    ['format', { format: 'strongroom-backup/2' }, /the manifest is not of a form that this release reads/],
    ['words', { masterKeys: ['\x1b[2Jmk'] }, /the manifest is not of a form that this release reads/],
    ['unknown', { more: 1 }, /the manifest is not of a form that this release reads/],
    ['masterKeys', { masterKeys: ['mk_11111111'] }, /needs the master key mk_11111111/],
    ['environment', { vault: { id: VAULT, name: 'x', environment: 'production' } }, /another environment/],
  ];
  for (const [what, say, why] of refusals) {
    await expect(checked(one, await forged(one, what, plain, say)), what).rejects.toThrow(why);
  }
  const lies: [string, Record<string, unknown>][] = [
    ['vault id', { vault: { id: VAULT, name: 'my-vault', environment: 'development' } }],
    ['log size', { log: { ...log, size: 1 } }],
    ['root', { log: { ...log, root: `${'A'.repeat(43)}=` } }],
    ['epoch', { epoch: 99 }],
    ['set of master keys', { masterKeys: [] }],
    [
      'number of rows',
      { database: { ...database, tables: { ...(database['tables'] as object), values: 9 } } },
    ],
  ];
  for (const [what, say] of lies) {
    const { findings } = await checked(one, await forged(one, what, plain, say));
    expect(findings).toEqual([
      { table: 'manifest', index: null, problem: `it says another ${what} than the store` },
    ]);
  }
});

it('is not believed: whatever its database holds that the vault did not write is found, and put nowhere', async () => {
  const one = await safe();
  await one.vault.add('load', ...GRANTS);
  await one.backup('vault.age');
  const plain = await opened(one, 'vault.age');
  const changed = async (name: string, sql: string): Promise<string> => {
    const path = join(one.dir, `${name}.db`);
    writeFileSync(path, plain.database);
    const db = new Database(path);
    db.pragma('journal_mode = delete');
    db.exec(sql);
    db.close();
    return forged(one, name, { ...plain, database: readFileSync(path) });
  };
  const grant = await changed(
    'grant',
    `update "grants" set "grant" = 'detokenise:*@settlement' where "grant" like 'detokenise%'`,
  );
  expect(await one.restore(grant, '--check')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^grants /m),
  });
  const other = elsewhere(one);
  const kept = await one.restore(grant, '--config', other.config);
  expect(kept).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was restored.') });
  expect(readdirSync(join(other.dir, 'data'))).toEqual([]);
  const trigger = await changed(
    'trigger',
    'create trigger quiet after insert on "events" begin delete from "events"; end',
  );
  expect(await one.restore(trigger, '--check')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('tables or triggers that no vault makes'),
  });
  const garbage = await forged(one, 'garbage', { ...plain, database: randomBytes(8192) });
  expect(await one.restore(garbage, '--check')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the store failed'),
  });
});

it('overwrites nothing, and names what is wrong with what it is given without quoting it', async () => {
  const one = await safe();
  const { code } = await one.backup('vault.age');
  expect(code).toBe(0);
  const before = readFileSync(join(one.dir, 'vault.age'));
  expect(await one.backup('vault.age')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is there already'),
  });
  expect(readFileSync(join(one.dir, 'vault.age')).equals(before)).toBe(true);
  const over = await one.restore(join(one.dir, 'vault.age'));
  expect(over).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('a restore overwrites nothing'),
  });
  expect(await one.vault.run('audit', 'verify')).toMatchObject({ code: 0 });

  const secret = readFileSync(one.identity, 'utf8').split('\n')[2] ?? '';
  const swapped = await one.vault.run('backup', '--to', join(one.dir, 'b'), '--recipient', secret);
  expect(swapped).toMatchObject({ code: 1, stderr: expect.stringContaining('recipient 1 is none') });
  expect(swapped.stderr).not.toContain(secret);
  expect(
    await one.vault.run('backup', '--to', join(one.dir, 'none/b'), '--recipient', one.recipient),
  ).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no folder'),
  });
  expect(existsSync(join(one.dir, 'b'))).toBe(false);

  const list = join(one.dir, 'recipients');
  writeFileSync(list, `# two of them\n${one.recipient}\n\n${one.recipient}\n`);
  const json = await one.vault.run('backup', '--to', join(one.dir, 'c'), '--recipients-file', list, '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    file: join(one.dir, 'c'),
    bytes: statSync(join(one.dir, 'c')).size,
    manifest: { format: 'strongroom-backup/1', recipients: [one.recipient], log: { size: 5 } },
  });
  const told = await one.restore(join(one.dir, 'c'), '--check', '--json');
  expect(JSON.parse(told.stdout)).toMatchObject({
    ok: true,
    findings: [],
    restored: null,
    inspection: { size: 5 },
  });
});

it('is sealed to a hybrid recipient, and opened and restored by its identity', async () => {
  const one = await safe();
  const secret = await generateHybridIdentity();
  const identity = join(one.dir, 'hybrid');
  writeFileSync(identity, `${secret}\n`, { mode: 0o600 });
  const list = join(one.dir, 'recipients');
  writeFileSync(list, `${await identityToRecipient(secret)}\n`);
  const sealed = join(one.dir, 'a');
  expect(await one.vault.run('backup', '--to', sealed, '--recipients-file', list)).toMatchObject({
    code: 0,
    stderr: expect.not.stringContaining('Note') as unknown,
  });
  const mixed = ['--recipients-file', list, '--recipient', one.recipient];
  expect(await one.vault.run('backup', '--to', join(one.dir, 'mixed'), ...mixed)).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^Note: sealed to age1… beside age1pq1…, .* as with age1… alone\.$/m),
  });
  const other = elsewhere(one);
  expect(await one.restore(sealed, '--identity', identity, '--config', other.config)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`Restored to ${other.store}.`),
  });
});

it('is not made of a vault that has closed itself over what it found', async () => {
  const one = await safe();
  await one.vault.add('load', ...GRANTS);
  tamper(one.vault.at('data/strongroom.db'), (db) => db.exec('delete from "grants"'));
  const { code, stderr } = await one.backup('vault.age');
  expect({ code, stderr: stderr.trim().split('\n').at(-1) }).toEqual({
    code: 1,
    stderr: expect.stringContaining('strongroom audit verify says which'),
  });
  expect(readdirSync(one.dir).toSorted()).toEqual(['identity', 'tmp']);
});

/** A store that takes a while to seal. */
async function large(one: Safe): Promise<void> {
  const { key } = await one.vault.add('filler', '--grant', 'tokenise:partner-secret');
  const served = await serveProcess(one.vault.config);
  const vault = connect({ url: served.url, apiKey: key });
  for (let i = 0; i < 12; i++) {
    const items = Array.from({ length: 1000 }, () => ({
      collection: 'partner-secret',
      value: randomBytes(1500).toString('base64'),
    }));
    await vault.tokenise({ items });
  }
  await served.stop();
}

it('leaves nothing under its name when it is killed, and the next one clears away what it left', async () => {
  const one = await safe();
  await large(one);
  const to = join(one.dir, 'vault.age');
  const work = join(one.dir, '.strongroom-backup');
  const argv = [MAIN, 'backup', '--to', to, '--recipient', one.recipient, '--config', one.vault.config];
  /** Ends it while it seals. */
  const ended = async (signal: NodeJS.Signals) => {
    // A file that an earlier one has left is not this one's.
    const started = Date.now();
    const child = spawn(process.execPath, argv, { stdio: 'ignore' });
    const closed = once(child, 'close');
    const isSealing = () =>
      (statSync(join(work, 'sealed'), { throwIfNoEntry: false })?.mtimeMs ?? 0) > started;
    while (!isSealing() && child.exitCode === null) await new Promise((turn) => setImmediate(turn));
    child.kill(signal);
    const [code] = (await closed) as [number | null];
    expect(existsSync(to)).toBe(false);
    return code;
  };
  expect(await ended('SIGKILL')).toBeNull();
  expect(statSync(work).mode & 0o777).toBe(0o700);
  expect(readdirSync(work)).toEqual(expect.arrayContaining(['sealed', 'strongroom.db']));
  expect(statSync(join(work, 'strongroom.db')).mode & 0o777).toBe(0o600);
  // What was left does not last: this one is told to stop, and cleans up after both.
  expect(await ended('SIGTERM')).toBe(1);
  expect(existsSync(work)).toBe(false);
  expect(await ended('SIGKILL')).toBeNull();
  expect(await one.backup('vault.age')).toMatchObject({ code: 0 });
  expect(readdirSync(one.dir)).not.toContain('.strongroom-backup');
  expect(await one.restore(to, '--check')).toMatchObject({ code: 0 });
});

it.skipIf(spawnSync('age', ['--version']).status !== 0)('opens with age and tar alone', async () => {
  const one = await safe();
  await one.backup('vault.age');
  const line = `age -d -i identity vault.age | tar -xf - && sha256sum strongroom.db`;
  const out = execFileSync('sh', ['-c', line], { cwd: one.dir, encoding: 'utf8' });
  const manifest = JSON.parse(readFileSync(join(one.dir, 'manifest.json'), 'utf8')) as {
    database: { sha256: string };
  };
  expect(out).toContain(manifest.database.sha256);
  expect(eventsOf(join(one.dir, 'strongroom.db')).at(-1)).toMatchObject({ action: 'backup' });
});
