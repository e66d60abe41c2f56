import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, utimesSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { explain } from '../../src/explain.ts';
import { init } from '../../src/init.ts';
import { parseKeyFile } from '../../src/masterkey/file.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import { tempDir } from '../harness.ts';
import { strongroom } from '../served.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** What the command does, in this process. */
const initialise = (dir: string, ifAbsent = false) => {
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const world = {
    now: () => Date.now(),
    random,
    breathe: () => breathe(),
    pause: (ms: number) => pause(ms),
    notice: () => undefined,
  };
  const by = { world, groups: [], caller: hostCaller('tester', 'cli_test'), release: '0.0.0' };
  return init({ dir, ifAbsent, firstKey: false, store: null }, by);
};

it('makes settings, a master key, a store and a .gitignore, readable to nobody else', async () => {
  const dir = join(tempDir(), 'new');
  const { code, stdout, stderr } = await strongroom(['init', '--dir', dir, '--first-key']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(dir).toSorted()).toEqual(['.gitignore', 'data', 'first-key', 'keys', 'strongroom.yaml']);
  for (const file of ['keys', 'first-key', 'strongroom.yaml', 'data/strongroom.db']) {
    expect(modeOf(join(dir, file)), file).toBe('600');
  }
  for (const folder of ['.', 'data']) expect(modeOf(join(dir, folder)), folder).toBe('700');
  const ignored = readFileSync(join(dir, '.gitignore'), 'utf8').split('\n');
  expect(ignored).toEqual(expect.arrayContaining(['/keys', '/data/', '/first-key']));
  expect(parseKeyFile(readFileSync(join(dir, 'keys'), 'utf8')).bytes).toHaveLength(32);

  // Neither the vault's key nor the client's is printed.
  expect(stdout).toContain('Back it up apart from the store');
  for (const file of ['keys', 'first-key']) {
    const [secret = ''] = /[A-Za-z0-9_-]{43,}/.exec(readFileSync(join(dir, file), 'utf8')) ?? [];
    expect(secret.length).toBeGreaterThan(42);
    expect(stdout).not.toContain(secret);
  }
});

it('overwrites nothing, and says so', async () => {
  const dir = tempDir();
  const at = (file: string): string => join(dir, file);
  const made = await initialise(dir);
  expect(made.created).toBe(true);
  expect(readdirSync(dir)).not.toContain('first-key');
  const before = ['keys', 'strongroom.yaml'].map((file) => readFileSync(at(file)));
  await expect(initialise(dir)).rejects.toThrow('nothing was changed');
  expect(await initialise(dir, true)).toMatchObject({ created: false });
  expect(['keys', 'strongroom.yaml'].map((file) => readFileSync(at(file)))).toEqual(before);

  // Without its settings, the rest of a vault is still there.
  rmSync(at('strongroom.yaml'));
  await expect(initialise(dir, true)).rejects.toThrow('move it away first');
  rmSync(at('keys'));
  await expect(initialise(dir, true)).rejects.toThrow('holds a store already');
  expect(readdirSync(dir)).not.toContain('strongroom.yaml');
});

it('a folder that cannot be written is refused in a sentence', async () => {
  const file = join(tempDir(), 'file');
  writeFileSync(file, '');
  const refusal = await initialise(join(file, 'in')).catch((error: unknown) => explain(error));
  expect(refusal).toMatch(/^the system refused: ENOTDIR at mkdir of \/.*\/file\/in$/);
});

it('a second start still says how to try it, with a key that works', async () => {
  const dir = join(tempDir(), 'new');
  const start = () => strongroom(['init', '--if-absent', '--first-key', '--dir', dir]);
  const first = await start();
  const key = () => readFileSync(join(dir, 'first-key'), 'utf8');
  const before = key();
  const lines = first.stdout.slice(first.stdout.indexOf('Try it'));
  const second = await start();
  expect(second.stdout).toContain(lines);
  expect(key()).toBe(before);
  // Half a day later there is a new one.
  const old = new Date(Date.now() - 13 * 60 * 60 * 1000);
  utimesSync(join(dir, 'first-key'), old, old);
  expect(await start()).toMatchObject({ code: 0, stdout: second.stdout });
  expect(key()).not.toBe(before);
  expect(modeOf(join(dir, 'first-key'))).toBe('600');
  const config = join(dir, 'strongroom.yaml');
  const { stdout } = await strongroom(['clients', 'list', '--config', config]);
  expect(stdout.match(/first-try-\w{9} .*role:settlement-service/g)).toHaveLength(2);
});
