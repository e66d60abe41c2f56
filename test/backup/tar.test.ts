import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { END, header, padding, TarReader } from '../../src/backup/tar.ts';

const AT = Date.parse('2026-11-24T10:00:00Z');

const pack = (name: string, bytes: Uint8Array): Buffer =>
  Buffer.concat([header({ name, size: bytes.length }, AT), bytes, padding(bytes.length)]);

/** In pieces that fit no block. */
async function* inPieces(bytes: Buffer, piece = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

async function read(archive: Buffer, names: readonly string[]): Promise<Buffer[]> {
  const reader = new TarReader(inPieces(archive));
  const files: Buffer[] = [];
  for (const name of names) {
    const parts: Buffer[] = [];
    for await (const chunk of reader.file(await reader.next(name))) parts.push(Buffer.from(chunk));
    files.push(Buffer.concat(parts));
  }
  await reader.end();
  return files;
}

const SIZES = [0, 1, 511, 512, 513, 5000];

it('writes what tar lists and extracts, and reads its own', async () => {
  for (const size of SIZES) {
    const [a, b] = [randomBytes(size), randomBytes(70)];
    const archive = Buffer.concat([pack('first', a), pack('second', b), END]);
    expect(await read(archive, ['first', 'second'])).toEqual([a, b]);
    for (const [name, bytes] of [
      ['first', a],
      ['second', b],
    ] as const) {
      const { status, stdout, stderr } = spawnSync('tar', ['-xOf', '-', name], { input: archive });
      expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
      expect(stdout.equals(bytes)).toBe(true);
    }
  }
});

it('names a size that eleven octal digits cannot hold as tar does', async () => {
  const size = 10 * 2 ** 30;
  const block = header({ name: 'large', size }, AT);
  expect(await new TarReader(inPieces(block)).next('large')).toBe(size);
  const { stdout } = spawnSync('tar', ['-tvf', '-'], { input: block });
  expect(stdout.toString()).toMatch(new RegExp(` ${size} .* large\n$`));
});

const REFUSED = { name: 'BackupRefused' };

it('refuses a header of which any bit is another, and a file of another name', async () => {
  const block = header({ name: 'name', size: 4 }, AT);
  for (let at = 0; at < block.length; at++) {
    const changed = Buffer.from(block);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    await expect(new TarReader(inPieces(changed)).next('name'), String(at)).rejects.toMatchObject(REFUSED);
  }
  await expect(new TarReader(inPieces(block)).next('other')).rejects.toMatchObject(REFUSED);
});

it('refuses an archive that is cut anywhere, that goes on, or whose padding says something', async () => {
  const archive = Buffer.concat([pack('name', randomBytes(100)), END]);
  for (let length = 0; length < archive.length; length += 37)
    await expect(read(archive.subarray(0, length), ['name'])).rejects.toMatchObject(REFUSED);
  await expect(read(Buffer.concat([archive, Buffer.of(0)]), ['name'])).rejects.toMatchObject(REFUSED);
  await expect(read(Buffer.concat([archive.subarray(0, 1024), archive]), ['name'])).rejects.toMatchObject(
    REFUSED,
  );
  archive[512 + 100] = 1;
  await expect(read(archive, ['name'])).rejects.toMatchObject(REFUSED);
});
