import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** Vectors written by others, read in place and never copied: STRONGROOM_VECTORS, or beside the project. */
const vectorsFolder = resolve(
  process.env.STRONGROOM_VECTORS ?? fileURLToPath(new URL('../../shared/vectors', import.meta.url)),
);

/** What becomes of a suite: without the vectors it is skipped out loud, but in CI absence fails. */
export function vectorSuite(folder: string, ci: string | undefined): 'run' | 'skip' | 'fail' {
  if (existsSync(folder)) return 'run';
  return ci === undefined || ci === '' ? 'skip' : 'fail';
}

/** A `describe` over `path` in the folder (`wycheproof/hmac_sha256_test.json`); `suite` gets the full path. */
export function describeVectors(path: string, suite: (fullPath: string) => void): void {
  const outcome = vectorSuite(vectorsFolder, process.env.CI);
  describe(`shared vectors ${path}`, () => {
    if (outcome === 'run') return suite(join(vectorsFolder, path));
    const reason = `not run: ${vectorsFolder} is absent`;
    if (outcome === 'fail') return it(reason, () => expect.fail(reason));
    // oxlint-disable-next-line no-console -- skipping must be seen where no reporter lists skipped tests
    console.warn(`shared vectors ${path} ${reason}`);
    it.skip(reason, () => expect.fail(reason));
  });
}
