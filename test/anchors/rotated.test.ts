import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { makeVault, mustRun } from '../crash/made-vault.ts';
import { tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';

it('a vault whose log has a new key is served though its anchor keeps what the old one signed, and then brings it the new', async () => {
  const dir = tempDir();
  const { config } = await makeVault(dir);
  const worm = join(dir, 'worm');
  mkdirSync(worm);
  const settings = readFileSync(config, 'utf8');
  writeFileSync(
    config,
    settings.replace('purposes:\n', `anchors: [{ directory: ${worm}, every: 1s }]\npurposes:\n`),
  );
  const keyOf = async () => parseVerifier((await mustRun(['audit', 'key', '--config', config])).trim());
  const kept = (): string => {
    try {
      return readFileSync(join(worm, 'checkpoint'), 'utf8');
    } catch {
      return '';
    }
  };
  const first = await keyOf();
  const served = await serveProcess(config);
  await expect.poll(kept, { timeout: 60_000 }).not.toBe('');
  await served.stop('SIGKILL');
  // Nobody follows the log meanwhile.
  const old = openCheckpoint(Buffer.from(kept()), first).size;
  await mustRun(['audit', 'rotate-key', '--config', config]);
  const next = await keyOf();
  expect(next.text).not.toBe(first.text);

  await serveProcess(config);
  const isNext = (): boolean => {
    try {
      return openCheckpoint(Buffer.from(kept()), next).size > old;
    } catch {
      return false;
    }
  };
  await expect.poll(isNext, { timeout: 60_000 }).toBe(true);
  expect(await mustRun(['audit', 'verify', '--config', config])).toContain('every row agrees');
}, 300_000);
