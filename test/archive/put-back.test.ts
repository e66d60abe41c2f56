import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeVaultDir, openVaultDir, tempDir } from '../harness.ts';
import { archive, filesBelow, grow, grown } from './archived.ts';

/** A store in a file, put back whole, head and log included: it is true in itself. */

it('a store that was put back does not take the place of what it lost', async () => {
  const open = await grown();
  const to = join(tempDir(), 'log');
  const { dir, storePath } = open;
  await open.close();
  const earlier = readFileSync(storePath);
  const later = await openVaultDir(dir);
  await grow(later, 40);
  await archive(later, to);
  await later.close();
  const archived = filesBelow(to);
  writeFileSync(storePath, earlier);
  for (const name of ['-wal', '-shm']) rmSync(`${storePath}${name}`, { force: true });
  const putBack = await openVaultDir(dir);
  await expect(archive(putBack, to)).rejects.toMatchObject({
    message: expect.stringMatching(/store put back$/),
  });
  // Grown past it, it is another log.
  await grow(putBack, 80);
  await expect(archive(putBack, to)).rejects.toMatchObject({
    message: expect.stringContaining('does not continue'),
  });
  expect(filesBelow(to)).toEqual(archived);
});

it('a store that was put back behind its anchor is archived nowhere', async () => {
  const dir = await makeVaultDir();
  const kept = tempDir();
  const config = join(dir, 'strongroom.yaml');
  writeFileSync(config, `${readFileSync(config, 'utf8')}\nanchors: [{ directory: ${kept} }]\n`);
  const open = await openVaultDir(dir);
  await open.close();
  const earlier = readFileSync(open.storePath);
  const later = await openVaultDir(dir);
  await grow(later, 40);
  const to = tempDir();
  const { size } = await archive(later, join(to, 'before'));
  await later.close();
  // What the anchor was brought, as it files it.
  const groups = String(size).padStart(18, '0').match(/\d{3}/g) ?? [];
  mkdirSync(join(kept, 'checkpoints', ...groups.slice(0, -1)), { recursive: true });
  copyFileSync(join(to, 'before', 'checkpoint'), join(kept, 'checkpoints', ...groups));
  expect((await archive(later, join(to, 'before'))).size).toBeGreaterThan(size);
  writeFileSync(open.storePath, earlier);
  for (const name of ['-wal', '-shm']) rmSync(`${open.storePath}${name}`, { force: true });
  await expect(archive(later, join(to, 'after'))).rejects.toMatchObject({ name: 'CannotOpen' });
  expect(existsSync(join(to, 'after'))).toBe(false);
});
