import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { fileMasterKey, parseKeyFile, writeKeyFile } from '../../src/masterkey/file.ts';
import { tempDir } from '../harness.ts';

const open = (path: string, groups: readonly number[] = []) => fileMasterKey(path, { groups }, randomBytes);

function keyFile(): string {
  const path = join(tempDir(), 'keys');
  writeKeyFile(path, 'mk_11111111', randomBytes(32));
  return path;
}

it('unwraps what it wrapped, in that context alone', async () => {
  const master = open(keyFile());
  const key = randomBytes(32);
  const blob = await master.wrap(key, Buffer.from('here'));
  expect(await master.unwrap(blob, Buffer.from('here'))).toEqual(key);
  expect(await master.unwrap(blob, Buffer.from('there'))).toBeNull();
  expect(await open(keyFile()).unwrap(blob, Buffer.from('here'))).toBeNull();
});

it('refuses the published example, and a mistyped line', () => {
  const example = readFileSync(fileURLToPath(new URL('../../keys.example', import.meta.url)), 'utf8');
  expect(() => parseKeyFile(example)).toThrow('the published example');
  const text = readFileSync(keyFile(), 'utf8');
  expect(() => parseKeyFile(text.replace('mk_11111111', 'mk_11111112'))).toThrow('mistyped');
  expect(() => parseKeyFile(text + text)).toThrow('exactly one');
});

it('refuses a file that others may read, and takes a mounted one of root for its own group', () => {
  const path = keyFile();
  chmodSync(path, 0o644);
  expect(() => open(path)).toThrow('everybody');
  chmodSync(path, 0o640);
  expect(() => open(path, [54_321])).toThrow('group');
  const isRoot = process.getuid?.() === 0;
  const mounted = () => open(path, [process.getegid?.() ?? -1]);
  if (isRoot) expect(mounted().id).toBe('mk_11111111');
  else expect(mounted).toThrow('group');
});
