import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { END, header, padding } from '../../src/backup/tar.ts';
import { makeBundle } from '../../src/make-bundle.ts';
import { type OpenedPlace, openSource } from '../../src/verify-log.ts';
import type { Verification } from '../../src/verifier/report.ts';
import { verifySource } from '../../src/verifier/verification.ts';
import { tempDir } from '../harness.ts';
import { eventsOf, type Files, first, layoutSlowly, PINS } from './made-log.ts';

/** Files that somebody else made: archives and folders are read for what they must hold, and for nothing else. */

const EVENTS = eventsOf(600);
const AT = Date.parse('2026-11-28T10:00:00Z');

const verifiedAt = async (place: OpenedPlace): Promise<Verification> => {
  const source = await openSource(place);
  try {
    return await verifySource(source, PINS, () => undefined);
  } finally {
    await source.close();
  }
};

function folderOf(files: Files): string {
  const dir = tempDir();
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return dir;
}

async function bundleOf(files: Files = layoutSlowly(EVENTS)): Promise<Buffer> {
  const to = join(tempDir(), 'log.tar');
  const source = await openSource({ kind: 'tiles', dir: folderOf(files) });
  await makeBundle({ to, source, key: first.verifier.text, now: AT, progress: () => undefined });
  return readFileSync(to);
}

async function readBundle(bytes: Uint8Array): Promise<string[]> {
  const file = join(tempDir(), 'given.tar');
  writeFileSync(file, bytes);
  return verifiedAt({ kind: 'bundle', file }).then(
    ({ findings }) => findings.map(({ index, problem }) => `${index ?? '-'} ${problem}`),
    ({ name, message }: Error) => [`${name}: ${message}`],
  );
}

const NO_CHECKPOINT = 'SourceRefused: there is no checkpoint, so nothing says what the log is';
const CUT = '- the bundle is cut, or holds something that no bundle of this log has there';

it('a bundle is read as it was made, and what tar takes out of it is a folder that is, too', async () => {
  const bundle = await bundleOf();
  expect(await readBundle(bundle)).toEqual([]);
  const dir = tempDir();
  execFileSync('tar', ['-xf', '-', '-C', dir], { input: bundle });
  expect(readFileSync(join(dir, 'key'), 'utf8')).toBe(`${first.verifier.text}\n`);
  expect(await verifiedAt({ kind: 'tiles', dir })).toMatchObject({ findings: [], size: 600 });
});

it('a folder is made as a verifier reads it', async () => {
  const files = layoutSlowly(EVENTS);
  const to = `${join(tempDir(), 'log')}/`;
  const source = await openSource({ kind: 'tiles', dir: folderOf(files) });
  const made = await makeBundle({ to, source, key: '', now: AT, progress: () => undefined });
  expect(made).toMatchObject({ size: 600 });
  for (const [path, bytes] of files) expect(readFileSync(join(to, path)).equals(bytes), path).toBe(true);
  expect(await verifiedAt({ kind: 'tiles', dir: to })).toMatchObject({ findings: [] });
});

it('of a log that is not what its checkpoint signs none is made', async () => {
  const files = layoutSlowly(
    EVENTS.with(3, Buffer.from('{"v":1}')),
    layoutSlowly(EVENTS).get('checkpoint')?.toString(),
  );
  await expect(bundleOf(files)).rejects.toMatchObject({ name: 'SourceRefused' });
  const gone = layoutSlowly(EVENTS);
  gone.delete('tile/entries/001');
  await expect(bundleOf(gone)).rejects.toThrow('an event is missing from 256 on');
});

it('a bundle that is cut anywhere is found, at the first event that is not there', async () => {
  const bundle = await bundleOf();
  for (let length = 0; length < bundle.length; length += 1536)
    expect((await readBundle(bundle.subarray(0, length))).length, String(length)).toBeGreaterThan(0);
  const at = bundle.indexOf('tile/entries/001');
  expect(await readBundle(bundle.subarray(0, at + 700))).toEqual(['256 this event is missing', CUT]);
  expect(await readBundle(bundle.subarray(0, bundle.length - 1))).toEqual([CUT]);
});

const packed = (name: string, bytes: Uint8Array): Buffer[] => [
  header({ name, size: bytes.length }, AT),
  Buffer.from(bytes),
  padding(bytes.length),
];

/** A header of somebody else's making, with its sum as tar wants it. */
function altered(name: string, size: number, alter: (block: Buffer) => void): Buffer {
  const block = header({ name, size }, AT);
  alter(block);
  block.fill(' ', 148, 156);
  block.write(
    block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0'),
    148,
    'ascii',
  );
  block[154] = 0;
  return block;
}

const KEY = packed('key', Buffer.from(`${first.verifier.text}\n`));
const NOTE = layoutSlowly(EVENTS).get('checkpoint') ?? Buffer.alloc(0);

it.each([
  ['an absolute name', packed('/checkpoint', NOTE)],
  ['a name that leads out', packed('../checkpoint', NOTE)],
  ['a name with a dot before it', packed('./checkpoint', NOTE)],
  ['a symbolic link', [altered('checkpoint', 0, (block) => block.write('2/etc/passwd', 156, 'ascii'))]],
  ['a hard link', [altered('checkpoint', 0, (block) => block.write('1key', 156, 'ascii'))]],
  ['a device', [altered('checkpoint', 0, (block) => block.write('3', 156, 'ascii'))]],
  ['a prefix', [altered('checkpoint', NOTE.length, (block) => block.write('/etc', 345, 'ascii')), NOTE]],
  ['a longer header', [altered('checkpoint', NOTE.length, (block) => block.write('x', 156, 'ascii')), NOTE]],
  ['a huge size', [header({ name: 'checkpoint', size: 2 ** 50 }, AT), NOTE]],
  [
    'a size that is no number',
    [altered('checkpoint', 0, (block) => block.write('-7777777777', 124, 'ascii'))],
  ],
  ['a size of every bit', [altered('checkpoint', 0, (block) => block.fill(0xff, 124, 136))]],
  ['a file before it', [...packed('other', NOTE), ...packed('checkpoint', NOTE)]],
])('an archive with %s holds nothing', async (_, parts) => {
  expect(await readBundle(Buffer.concat([...KEY, ...parts, END]))).toEqual([NO_CHECKPOINT]);
});

it('an archive that is none holds nothing, and one that goes on is told', async () => {
  for (const bytes of ['', 'nothing', '{"v":1}'.repeat(1000)])
    expect(await readBundle(Buffer.from(bytes))).toEqual([NO_CHECKPOINT]);
  const bundle = await bundleOf();
  const ends = bundle.length - END.length;
  const more = [bundle.subarray(0, ends), ...packed('tile/9/000', NOTE), END];
  expect(await readBundle(Buffer.concat(more))).toEqual([CUT]);
  expect(await readBundle(Buffer.concat([bundle, Buffer.of(0)]))).toEqual([CUT]);
});

it('a folder is read for plain files of their size alone', async () => {
  const dir = folderOf(layoutSlowly(EVENTS));
  const at = (path: string): string => join(dir, path);
  const found = async (): Promise<string[]> =>
    (await verifiedAt({ kind: 'tiles', dir })).findings.map(({ problem }) => problem);
  const replaced = async (path: string, put: (to: string) => void): Promise<string[]> => {
    const bytes = readFileSync(at(path));
    execFileSync('rm', [at(path)]);
    put(at(path));
    const problems = await found();
    execFileSync('rm', ['-r', at(path)]);
    writeFileSync(at(path), bytes);
    return problems;
  };
  expect(await found()).toEqual([]);
  const tile = 'tile/0/001';
  const gone = ['tile 0/1 is not there'];
  expect(await replaced(tile, (to) => symlinkSync('/dev/zero', to))).toEqual(gone);
  expect(await replaced(tile, (to) => symlinkSync(to, to))).toEqual(gone);
  expect(await replaced(tile, (to) => mkdirSync(to))).toEqual(gone);
  expect(await replaced(tile, (to) => writeFileSync(to, Buffer.alloc(9000)))).toEqual(gone);
  if (spawnSync('mkfifo', [join(tempDir(), 'pipe')]).status === 0)
    expect(await replaced(tile, (to) => void execFileSync('mkfifo', [to]))).toEqual(gone);
  expect(await found()).toEqual([]);
});

it('a folder that is made is for whoever made it alone, and every file in it', async () => {
  const to = join(tempDir(), 'log');
  const source = await openSource({ kind: 'tiles', dir: folderOf(layoutSlowly(EVENTS)) });
  const umask = process.umask(0);
  try {
    await makeBundle({ to: `${to}/`, source, key: first.verifier.text, now: AT, progress: () => undefined });
  } finally {
    process.umask(umask);
  }
  const all = [to, ...readdirSync(to, { recursive: true }).map((name) => join(to, String(name)))];
  expect(all.length).toBeGreaterThan(8);
  expect(all.filter((path) => (statSync(path).mode & 0o077) !== 0)).toEqual([]);
});
