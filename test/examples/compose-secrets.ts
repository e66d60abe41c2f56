import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../docs/documents.ts';
import { tempDir } from '../harness.ts';

export const FOLDER = 'examples/compose';

/** A copy of the example in which make-secrets.sh was run. */
export function withSecrets(): { readonly dir: string; readonly secret: (name: string) => string } {
  const dir = join(tempDir(), 'compose');
  cpSync(join(PROJECT, FOLDER), dir, {
    recursive: true,
    filter: (path) => !path.includes('compose/secrets'),
  });
  execFileSync(join(dir, 'make-secrets.sh'), { stdio: 'pipe' });
  return { dir, secret: (name) => join(dir, 'secrets', name) };
}
