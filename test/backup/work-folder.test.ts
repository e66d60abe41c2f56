import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openWorkFolder } from '../../src/backup/work-folder.ts';
import { tempDir } from '../harness.ts';

const me = process.getuid?.() ?? 0;

it('is private, empty, and gone with all that is in it', () => {
  const path = join(tempDir(), 'work');
  const folder = openWorkFolder(path, me);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  writeFileSync(folder.at('copy'), 'plain');
  mkdirSync(folder.at('more'));
  folder.close();
  expect(existsSync(path)).toBe(false);
});

it('is one process at a time, and taken over with its leavings from one that was killed', async () => {
  const path = join(tempDir(), 'work');
  const module = join(import.meta.dirname, '../../dist/backup/work-folder.js');
  const script = `
    const { openWorkFolder } = await import(${JSON.stringify(module)});
    const folder = openWorkFolder(${JSON.stringify(path)}, ${me});
    (await import('node:fs')).writeFileSync(folder.at('copy'), 'plain');
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script]);
  onTestFinished(() => void other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  expect(() => openWorkFolder(path, me)).toThrow(`another strongroom works in ${path}: wait for it`);
  expect(readdirSync(path)).toContain('copy');
  other.kill('SIGKILL');
  await once(other, 'close');
  expect(readdirSync(path)).toContain('copy');
  const folder = openWorkFolder(path, me);
  expect(readdirSync(path)).toEqual(['lock']);
  folder.close();
  expect(existsSync(path)).toBe(false);
});

it('is no link, no file and nobody else’s folder, and closed to others if it was open', () => {
  const dir = tempDir();
  symlinkSync(tempDir(), join(dir, 'link'));
  writeFileSync(join(dir, 'file'), '');
  mkdirSync(join(dir, 'theirs'));
  const refused = /is not a folder of this user: move it away/;
  expect(() => openWorkFolder(join(dir, 'link'), me)).toThrow(refused);
  expect(() => openWorkFolder(join(dir, 'file'), me)).toThrow(refused);
  expect(() => openWorkFolder(join(dir, 'theirs'), me + 1)).toThrow(refused);
  mkdirSync(join(dir, 'open'));
  chmodSync(join(dir, 'open'), 0o777);
  const folder = openWorkFolder(join(dir, 'open'), me);
  expect(statSync(join(dir, 'open')).mode & 0o777).toBe(0o700);
  folder.close();
});
