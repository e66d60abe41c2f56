import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tempDir } from './harness.ts';
import { serveProcess } from './process.ts';
import { strongroom } from './served.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) process.emitWarning('skipped: the README transcript, since curl is not installed');

/** What differs from run to run: ids, the drawn digits of a token, how many events there are and their root. */
const normal = (text: string): string =>
  text
    .replaceAll(/req_[\w-]{16}/g, 'req_…')
    .replaceAll(/411111\d{6}1111"/g, '411111……1111"')
    .replaceAll(/root [\w+/=]{44}/g, 'root …')
    .trim();

/** The blocks of the first screen: each `$` line with what it prints. */
function transcript(): { readonly lines: readonly string[]; readonly output: string } {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, first = '', second = ''] = readme
    .split('```console\n')
    .map((block) => block.split('```')[0] ?? '');
  expect(first.trim()).toBe('$ npm ci && npm start');
  const lines = second.trim().split('\n');
  return {
    lines: lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2)),
    output: lines.filter((line) => !line.startsWith('$ ')).join('\n'),
  };
}

it.skipIf(!hasCurl)('the transcript of the README works as pasted, and prints what it says', async () => {
  const { lines, output } = transcript();
  const dir = tempDir();
  const vaultDir = join(dir, '.strongroom');
  // What `npm start` runs, but for the port, which another vault may have.
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  expect(scripts.start).toBe(
    'node dist/main.js init --if-absent --first-key --dir .strongroom && node dist/main.js serve --config .strongroom/strongroom.yaml',
  );
  const made = await strongroom(['init', '--if-absent', '--first-key', '--dir', vaultDir]);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  // The pasted lines are the ones that init prints.
  const printed = made.stdout.replaceAll(vaultDir, '.strongroom').split('\n');
  for (const line of lines.filter((one) => !one.startsWith('npx'))) expect(printed).toContain(line);

  const config = join(vaultDir, 'strongroom.yaml');
  execFileSync('sed', ['-i', 's/port: 7420/port: 0/', config]);
  const { url, stop } = await serveProcess(config);
  const here = (line: string): string =>
    line
      .replace('http://127.0.0.1:7420', url)
      .replace('npx strongroom', `${process.execPath} ${root}dist/main.js`);
  const run = spawnSync('bash', ['-c', lines.map(here).join('\n')], { cwd: dir, encoding: 'utf8' });
  expect(run.stderr).toBe('');
  expect(normal(run.stdout)).toBe(normal(output));
  expect((await stop()).code).toBe(0);
});
