import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openVaultDir, tempDir } from '../harness.ts';
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
