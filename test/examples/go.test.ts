import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { type Checkpoint, parseCheckpoint, signCheckpoint } from '../../src/log/checkpoint.ts';
import { TILE_WIDTH } from '../../src/log/tile.ts';
import { resourcePath } from '../../src/log/tile-path.ts';
import { verifierOf } from '../../src/log/verifier.ts';
import { coded, PROJECT, textOf } from '../docs/documents.ts';
import { tempDir } from '../harness.ts';
import { type Asking, listening } from '../http/listening.ts';

/** The log under a tool that is not ours: golang.org/x/mod/sumdb as Debian packages it, behind examples/go/main.go. */

const GOPATH = '/usr/share/gocode';
const hasGo =
  spawnSync('go', ['version']).status === 0 && existsSync(join(GOPATH, 'src/golang.org/x/mod/sumdb/tlog'));
if (!hasGo)
  process.emitWarning('skipped: examples/go, since golang-go or golang-golang-x-mod-dev is not installed');

/** Built as its page says. */
function verifyLog(): (argv: readonly string[]) => Promise<{ code: number; stdout: string; stderr: string }> {
  const program = join(tempDir(), 'verify-log');
  const env = { ...process.env, GO111MODULE: 'off', GOPATH, GOCACHE: tempDir(), GOFLAGS: '' };
  execFileSync('go', ['build', '-o', program, 'examples/go/main.go'], { cwd: PROJECT, env });
  return (argv) =>
    new Promise((resolve) => {
      execFile(program, [...argv], (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
}

/** Every file of a tree of that size in the layout of C2SP tlog-tiles, hashes and entries. */
function* filesOf(size: number): Generator<string> {
  for (let level = 0, left = size; left > 0; level++, left = Math.floor(left / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < left; index++) {
      const width = Math.min(TILE_WIDTH, left - index * TILE_WIDTH);
      yield resourcePath({ kind: 'tile', level, index, width });
      if (level === 0) yield resourcePath({ kind: 'entries', index, width });
    }
  }
}

async function bytesAt({ ask }: Asking, path: string): Promise<Buffer> {
  const { bytes, status } = await ask(`/v1/audit/log/${path}`);
  expect([path, status]).toEqual([path, 200]);
  return bytes;
}

/** Copies what is published under a checkpoint into a folder. */
async function mirror(auditor: Asking, dir: string): Promise<Checkpoint> {
  const note = await bytesAt(auditor, 'checkpoint');
  const checkpoint = parseCheckpoint(note.toString());
  await keep(dir, 'checkpoint', note);
  for (const path of filesOf(checkpoint.size)) await keep(dir, path, await bytesAt(auditor, path));
  return checkpoint;
}

async function keep(dir: string, path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), bytes);
}

it.skipIf(!hasGo)(
  'a tool that is not ours verifies a log of thousands, over HTTP and as files, and no other',
  async () => {
    const run = verifyLog();
    const served = await listening();
    const { vault } = served.open;
    const auditor = await served.asking(['audit:*'], { kind: 'auditor' });
    const service = await served.asking(['describe:cards']);
    const dir = tempDir();
    const file = async (name: string, text: string | Uint8Array): Promise<string> => {
      await writeFile(join(dir, name), text);
      return join(dir, name);
    };
    // An event an item, whatever becomes of it.
    const items = Array.from({ length: 1000 }, () => ({ collection: 'cards', token: '4012880000001881' }));
    const grow = async (): Promise<void> => {
      expect((await service.ask('/v1/describe', { body: { items } })).status).toBe(404);
      await vault.follow();
    };
    await grow();
    const { json } = await auditor.ask('/v1/audit/key', { body: {} });
    const key = await file('log.key', `${(json as { key: string }).key}\n`);
    const token = await file('auditor.key', `${auditor.client.key}\n`);
    const early = join(dir, 'early');
    const first = await mirror(auditor, early);
    const older = join(early, 'checkpoint');
    await grow();
    await grow();

    const url = `${served.url}/v1/audit/log`;
    const live = await run(['-key', key, '-token', token, '-older', older, url]);
    expect(live).toMatchObject({ code: 0, stderr: '' });
    expect(live.stdout).toMatch(/^3\d{3} events of strongroom\/\w+ are under its checkpoint\n/);
    expect(live.stdout).toContain(`they continue the ${first.size} of the older one\n`);

    const whole = join(dir, 'whole');
    const newest = await mirror(auditor, whole);
    expect(newest.size).toBeGreaterThan(3000);
    const files = (folder: string, ...more: string[]) => run(['-key', key, ...more, folder]);
    const kept = await files(whole, '-older', older);
    expect(kept).toMatchObject({ code: 0, stderr: '' });
    expect(kept.stdout).toContain(`${newest.size} events of `);

    /** The same files but for one. */
    const changed = async (
      name: string,
      path: string,
      change: (bytes: Buffer) => Uint8Array,
    ): Promise<string> => {
      const folder = join(dir, name);
      await cp(whole, folder, { recursive: true });
      await keep(folder, path, change(await readFile(join(folder, path))));
      return folder;
    };
    const flipped = (at: number) => (bytes: Buffer) => {
      const index = at < 0 ? bytes.length + at : at;
      bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
      return bytes;
    };
    const refused = async (folder: string, why: RegExp, ...more: string[]): Promise<void> => {
      const { code, stdout, stderr } = await files(folder, ...more);
      expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(why);
    };
    await refused(
      await changed('event', 'tile/entries/000', flipped(100)),
      /: tile\/0\/000 is not of these events\n$/,
    );
    await refused(
      await changed('last', 'tile/entries/004', flipped(-1)),
      /: tile\/0\/004 is not of these events\n$/,
    );
    await refused(await changed('hash', 'tile/0/002', flipped(5)), /: tile\/0\/002 is not/);
    const top = resourcePath({
      kind: 'tile',
      level: 1,
      index: 0,
      width: Math.floor(newest.size / TILE_WIDTH),
    });
    await refused(await changed('above', top, flipped(40)), /: tile\/1\/000\.p\/\d+ is not/);
    await refused(
      await changed('size', 'checkpoint', (bytes) =>
        Buffer.from(bytes.toString().replace(`\n${newest.size}\n`, `\n${newest.size - 1}\n`)),
      ),
      /invalid signature/,
    );
    await refused(
      await changed('cut', 'tile/entries/001', (bytes) => bytes.subarray(0, -1)),
      /from event 256 on has not its 256/,
    );
    // An earlier state, put in the place of the newest: true in itself, and shown by what was kept.
    await refused(
      await earlier(early, join(dir, 'rolled')),
      /it was cut/,
      '-older',
      join(whole, 'checkpoint'),
    );

    // Whoever has the log's key signs what he likes; a checkpoint that was kept shows it all the same.
    const { publicKey, sign } = ed25519(new Secret(new Uint8Array(32).fill(7)));
    const owner = { verifier: verifierOf('strongroom/other', publicKey), sign };
    const signed = (checkpoint: Checkpoint) =>
      Buffer.from(signCheckpoint({ ...checkpoint, origin: owner.verifier.name }, owner));
    const resigned = await changed('resigned', 'checkpoint', () => signed(newest));
    const hisKey = await file('his.key', owner.verifier.text);
    await refused(resigned, /: note has no verifiable signatures\n$/);
    const underHis = ['-key', hisKey, '-older'];
    const [was, wasNot] = [
      await file('was', signed(first)),
      await file('was-not', signed({ ...first, root: new Uint8Array(32).fill(1) })),
    ];
    const rooted = await changed('rooted', 'checkpoint', () =>
      signed({ ...newest, root: new Uint8Array(32).fill(1) }),
    );
    expect(await run(['-key', hisKey, rooted])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('the events are not those of the checkpoint') as unknown,
    });
    expect(await run([...underHis, was, resigned])).toMatchObject({ code: 0, stderr: '' });
    expect(await run([...underHis, wasNot, resigned])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the log does not continue the older checkpoint') as unknown,
    });
  },
);

const earlier = async (from: string, to: string): Promise<string> => {
  await cp(from, to, { recursive: true });
  return to;
};

it('its page names the packages that CI installs', () => {
  const page = coded(textOf('examples/go/README.md'));
  for (const name of ['golang-go', 'golang-golang-x-mod-dev']) {
    expect(page).toContain(name);
    expect(textOf('.ci/run')).toContain(name);
  }
});
