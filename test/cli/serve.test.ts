import { chmodSync, chownSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { makeVaultDir, tempDir } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';

const EXAMPLE = fileURLToPath(new URL('../../keys.example', import.meta.url));

const refused = async (dir: string, why: RegExp) => {
  const { code, stdout, stderr } = await strongroom(['serve', '--config', join(dir, 'strongroom.yaml')]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(why);
  return stderr;
};

it('says what it serves and where, and ends with 0 when it is told to stop', async () => {
  const served = await serveProcess(join(await makeVaultDir(), 'strongroom.yaml'));
  const { code, stderr } = await served.stop('SIGINT');
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^Serving test \(policy \d+\) on http:\/\/127\.0\.0\.1:\d+; .*\/docs says what it takes\.\n$/,
  );
});

it('never initialises', async () => {
  const dir = tempDir();
  await refused(dir, /cannot be read: make a vault with strongroom init/);
  const other = await makeVaultDir();
  rmSync(join(other, 'data'), { recursive: true });
  await refused(other, /^strongroom: [^\n]*\n$/);
});

it('lists every problem of the file with its line, and quotes no value of it', async () => {
  const dir = await makeVaultDir();
  const path = join(dir, 'strongroom.yaml');
  const secret = 'hunter2-hunter2';
  writeFileSync(
    path,
    `vault: { name: test, environment: test }
server:
  host: 0.0.0.0
  prot: 1
store: { url: "${secret}" }
masterKey: { provider: file, path: keys }
purpose: {}
`,
  );
  const stderr = await refused(dir, /^strongroom: .*strongroom\.yaml cannot be used:\n/);
  for (const start of [
    '  line 3: server.host: ',
    '  line 4: server.prot: ',
    '  line 5: store.url: ',
    '  line 7: purpose: ',
  ]) {
    expect(stderr).toContain(start);
  }
  expect(stderr).not.toContain(secret);
});

it('refuses a policy that cannot work, with its line and what would work', async () => {
  const dir = await makeVaultDir();
  const path = join(dir, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(
      '  notes: { format: text',
      '  tiny: { format: pan, lengths: { min: 12, max: 19 } }\n  notes: { format: text',
    ),
  );
  const line = text.split('\n').findIndex((one) => one.startsWith('  notes:')) + 1;
  await refused(
    dir,
    new RegExp(`\n  line ${line}: collections\\.tiny\\.keep: .*what would work: keep: .*\n`),
  );
});

it('refuses the published example, and a key file that others may read', async () => {
  const dir = await makeVaultDir();
  const keys = join(dir, 'keys');
  chmodSync(keys, 0o644);
  await refused(dir, /everybody on this host: chmod 600/);
  copyFileSync(EXAMPLE, keys);
  chmodSync(keys, 0o600);
  await refused(dir, /published example/);
  rmSync(keys);
  await refused(dir, /key file cannot be read/);
});

it.runIf(process.getuid?.() === 0)(
  'a group may read the key file where root owns it and the group is its own',
  async () => {
    const dir = await makeVaultDir();
    const keys = join(dir, 'keys');
    chmodSync(keys, 0o640);
    chownSync(keys, 0, 54_321);
    await refused(dir, /by its group/);
    chownSync(keys, 54_321, process.getegid?.() ?? 0);
    await refused(dir, /by its group/);
    chownSync(keys, 0, process.getegid?.() ?? 0);
    const served = await serveProcess(join(dir, 'strongroom.yaml'));
    expect((await served.stop()).code).toBe(0);
  },
);
