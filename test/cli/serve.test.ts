import { chmodSync, chownSync, copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { makeVaultDir, tempDir } from '../harness.ts';
import { certificate } from '../http/certificate.ts';
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
  await refused(dir, /is not there: make a vault with strongroom init/);
  const other = await makeVaultDir();
  rmSync(join(other, 'data'), { recursive: true });
  await refused(other, /^strongroom: there is no store at [^\n]*: run strongroom init\n$/);
  expect(existsSync(join(other, 'data'))).toBe(false);
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

const tls = (dir: string, cert: string, key: string): void => {
  const path = join(dir, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('port: 0 }', `port: 0, tls: { cert: ${cert}, key: ${key} } }`));
};

it('says which of the TLS files cannot be used, and why', async () => {
  const [one, two] = [certificate(), certificate()];
  const missing = join(tempDir(), 'none.pem');
  const open = join(tempDir(), 'open.pem');
  copyFileSync(one.key, open);
  chmodSync(open, 0o644);
  const cases: [string, string, RegExp][] = [
    [missing, one.key, /server\.tls\.cert cannot be read/],
    [one.cert, missing, /server\.tls\.key cannot be read/],
    [one.key, one.key, /server\.tls\.cert must be the path of a PEM file that holds a certificate/],
    [one.cert, one.cert, /server\.tls\.key (?:must be the path of a PEM file|can be used by everybody)/],
    [one.cert, open, /server\.tls\.key can be used by everybody on this host: chmod 600/],
    [one.cert, two.key, /server\.tls\.key is not the key of the certificate/],
  ];
  for (const [cert, key, why] of cases) {
    const dir = await makeVaultDir();
    tls(dir, cert, key);
    await refused(dir, why);
  }
});

it('a start that fails changes no policy', async () => {
  const dir = await makeVaultDir();
  const path = join(dir, 'strongroom.yaml');
  const served = await serveProcess(path);
  const { port } = new URL(served.url);
  const text = readFileSync(path, 'utf8');
  const events = () => eventsOf(join(dir, 'data/vault.db')).map(({ action }) => action);
  const before = events();
  expect(before).toEqual(['policy.apply', 'serve.start']);
  writeFileSync(path, text.replace('port: 0', `port: ${port}`).replace(/ {2}notes: .*\n/, ''));
  await refused(
    dir,
    new RegExp(
      `^strongroom: cannot listen on 127\\.0\\.0\\.1 port ${port}: another process listens there\n$`,
    ),
  );
  expect(events()).toEqual(before);
  expect((await served.stop()).code).toBe(0);
});

it('says what a policy takes away, to the operator and in the event', async () => {
  const dir = await makeVaultDir();
  const path = join(dir, 'strongroom.yaml');
  expect((await (await serveProcess(path)).stop()).code).toBe(0);
  const added = await strongroom(['clients', 'add', 'svc', '--grant', 'role:settler', '--config', path]);
  expect(added.code).toBe(0);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(/ {2}notes: .*\n/, '').replace('  settler:', '  other:'));
  const served = await serveProcess(path);
  const { stderr } = await served.stop();
  expect(stderr).toContain('no longer has the collection notes: it is closed, and nothing of it is lost.');
  expect(stderr).toContain('no longer has the role settler: it grants nothing to the 1 that hold it.');
  // Applied, served under, and ended.
  expect(eventsOf(join(dir, 'data/vault.db')).at(-3)).toMatchObject({
    action: 'policy.apply',
    detail: { number: 2, newCollections: [], closedCollections: ['notes'], lostRoles: ['settler'] },
  });
});

it('lists what is wrong with the settings and with the policy together, in the order of lines', async () => {
  const dir = await makeVaultDir();
  const path = join(dir, 'strongroom.yaml');
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text
      .replace('port: 0', 'port: x')
      .replace('basis: contract', 'basis: because')
      .replace(
        '"detokenise:cards@settlement"',
        '"detokenise:cards@settelment", "detokenise:carts@settlement", "clients:*"',
      ),
  );
  const stderr = await refused(dir, /server\.port: must be a whole number/);
  expect(stderr).toMatch(/purposes\.settlement\.basis: must be one of consent/);
  const lines = [...stderr.matchAll(/ line (\d+): /g)].map(([, line]) => Number(line));
  expect(lines).toEqual(lines.toSorted((a, b) => a - b));
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace('port: x', 'port: 0').replace('because', 'contract'),
  );
  const roles = await refused(dir, /roles\.settler\.1: the policy has not registered the purpose/);
  expect(roles).toMatch(/roles\.settler\.2: the policy has no such collection/);
  expect(roles).toMatch(
    /roles\.settler: no client can hold it: its grants are of a service and of a custodian/,
  );
});

it('opens a vault under no other environment than it was made for', async () => {
  const dir = await makeVaultDir();
  const path = join(dir, 'strongroom.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('environment: test', 'environment: production'));
  await refused(dir, /made for the environment test: vault\.environment must say so/);
});
