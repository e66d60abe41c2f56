import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { filesBelow, readSlowly } from '../archive/archived.ts';
import { buildShim, faultsIn } from '../faults/faults.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { MAIN, strongroom } from '../served.ts';
import { made } from './made.ts';

/** Archives as an operator makes them: real processes, a vault that is served meanwhile. */
vi.setConfig({ testTimeout: 600_000 });

const shim = buildShim();

async function vaultOnAnyPort() {
  const vault = await made();
  return vault;
}

it('is made while the vault serves, verifies by itself, and goes on after kill -9', async () => {
  const vault = await vaultOnAnyPort();
  const { key } = await vault.add('otto', '--kind', 'auditor', '--grant', 'audit:*');
  const served = await serveProcess(vault.config);
  const auditor = connect({ url: served.url, apiKey: key });
  for (let turn = 0; turn < 12; turn++)
    await Promise.all(Array.from({ length: 100 }, () => auditor.audit.key()));
  const load = { running: true, asked: 0 };
  const asking = (async () => {
    for (; load.running; load.asked++) await auditor.audit.key();
  })();

  const dir = tempDir();
  const to = join(dir, 'log');
  const killed = spawn(process.execPath, [MAIN, 'audit', 'archive', '--to', to, '--config', vault.config]);
  const closed = once(killed, 'close');
  // At some file or other; that it was begun is all that this waits for.
  while (!existsSync(join(to, 'tile')) && killed.exitCode === null)
    await new Promise((turn) => setImmediate(turn));
  killed.kill('SIGKILL');
  await closed;

  const report = await vault.run('audit', 'archive', '--to', to, '--json');
  expect(report).toMatchObject({ code: 0, stderr: 'Copying the log\nReading the archive back\n' });
  const { folder, size, root, added } = JSON.parse(report.stdout) as Record<string, unknown>;
  expect(folder).toBe(to);
  const pinned = (await auditor.audit.key()).key;
  expect(readSlowly(to, pinned).size).toBe(size);
  expect(readFileSync(join(to, 'checkpoint'), 'utf8').split('\n').slice(1, 3)).toEqual([String(size), root]);
  expect(Number(added)).toBeGreaterThan(0);
  expect(readdirSync(to).toSorted()).toEqual(['checkpoint', 'tile']);

  // By whoever has the folder and the key, and no vault.
  const keyFile = join(dir, 'key');
  writeFileSync(keyFile, pinned);
  const checked = await strongroom(['audit', 'verify', '--key', keyFile, '--tiles', to, '--json']);
  expect(checked.code).toBe(3);
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: true, size, root, findings: [] });

  // One checkpoint is signed in a second, and what is archived goes up to the newest.
  const newest = async () => (await auditor.audit.checkpoint()).size;
  await expect.poll(newest, { timeout: 60_000, interval: 100 }).toBeGreaterThan(Number(size));
  const inWords = await vault.run('audit', 'archive', '--to', to);
  expect(inWords.stdout).toMatch(
    /: \d+ events, root [\w+/]{43}=\n\d+ files? added, \d+ kept\. All were read back, and every hash is right\.\n$/,
  );
  load.running = false;
  await asking;
  expect(load.asked).toBeGreaterThan(0);
  await served.stop();
  expect(readSlowly(to, pinned).size).toBeGreaterThan(Number(size));
  expect(await vault.run('audit', 'verify')).toMatchObject({ code: 0 });
});

it('needs no vault that serves, and says what it cannot do', async () => {
  const vault = await vaultOnAnyPort();
  const dir = tempDir();
  const done = await vault.run('audit', 'archive', '--to', join(dir, 'log'));
  expect(done.code).toBe(0);
  expect(await vault.run('audit', 'archive')).toMatchObject({ code: 2 });
  expect(await vault.run('audit', 'archive', '--to', join(dir, 'no', 'log'))).toMatchObject({
    code: 1,
    stderr: `strongroom: there is no folder ${join(dir, 'no')}\n`,
  });
  writeFileSync(join(dir, 'file'), '');
  const onFile = await vault.run('audit', 'archive', '--to', join(dir, 'file'));
  expect(onFile.code).toBe(1);
  expect(onFile.stderr).toMatch(/^strongroom: [^\n]+\n$/);
  const other = await vaultOnAnyPort();
  expect(await other.run('audit', 'archive', '--to', join(dir, 'log'))).toMatchObject({
    code: 1,
    stderr: 'strongroom: the archive there is of another vault\n',
  });
});

it.skipIf(shim === null)(
  'has each file and its name on the disk before the next, and its checkpoint last',
  async () => {
    const vault = await vaultOnAnyPort();
    for (let turn = 0; turn < 3; turn++) await vault.run('audit', 'key');
    const dir = tempDir();
    const to = join(dir, 'log');
    const faults = faultsIn(tempDir(), shim ?? '');
    const { code } = await strongroom(['audit', 'archive', '--to', to, '--config', vault.config], faults.env);
    expect(code).toBe(0);
    const synced = faults.events().flatMap(({ kind, detail }) => (kind === 'sync' ? [detail] : []));
    const within = synced.filter((path) => path === dir || path.startsWith(to));
    const parts = within.flatMap((path, i) => (path.includes('.strongroom-part-') ? [i] : []));
    const names = [...filesBelow(to).keys()];
    expect(parts).toHaveLength(names.length);
    // After each file the folder that it has its name in; before it, each new folder in the one above.
    const folders = parts.map((i) => within[i + 1]);
    expect(new Set(folders)).toEqual(new Set(names.map((name) => dirname(join(to, name)))));
    expect(folders).toHaveLength(names.length);
    expect(folders.at(-1)).toBe(to);
    for (const folder of [dir, to, join(to, 'tile')])
      expect(within.slice(0, parts.at(-1)).includes(folder)).toBe(true);
  },
);
