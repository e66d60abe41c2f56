import { spawn, spawnSync, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { eventsOf } from './attack/tamper.ts';
import { certificate } from './http/certificate.ts';
import { ownPort } from './port.ts';

/**
 * What the image does, without an engine: its files as its last stage copies them, its user, its entry point and its
 * health check, as the Dockerfile says.
 */

const PROJECT = join(import.meta.dirname, '..');

interface Line {
  readonly word: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, continued lines joined, a list for each stage. */
function stagesOf(text: string): Line[][] {
  const stages: Line[][] = [];
  const lines = text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n');
  for (const line of lines.filter((one) => one.trim() !== '')) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push([]);
    stages.at(-1)?.push({ word, rest });
  }
  return stages;
}

const [build = [], image = [], ...more] = stagesOf(readFileSync(join(PROJECT, 'Dockerfile'), 'utf8'));
const all = (stage: readonly Line[], word: string): string[] =>
  stage.filter((line) => line.word === word).map(({ rest }) => rest);
const only = (stage: readonly Line[], word: string): string => {
  const [rest = '', ...others] = all(stage, word);
  expect(others).toEqual([]);
  return rest;
};
const argv = (json: string): string[] => z.array(z.string()).parse(JSON.parse(json));

const [uid = 0, gid = 0] = only(image, 'USER').split(':').map(Number);
const entry = argv(only(image, 'ENTRYPOINT'));
const command = argv(only(image, 'CMD'));
const healthcheck = argv(only(image, 'HEALTHCHECK').replace(/^.*?CMD /, ''));
const CONFIG = '/etc/strongroom/strongroom.yaml';

/** Only root can become the image's user; anybody else tries the same as himself. */
const isRoot = process.getuid?.() === 0;
const owner = isRoot ? { uid, gid } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

let app: string;

beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'strongroom-image-'));
  for (const copied of all(image, 'COPY')) {
    const [from = '', to = ''] = copied.replace(/^--from=build /, '').split(' ');
    const path = from.replace(/^\/app\//, '');
    // `npm prune --omit=dev` leaves these.
    if (path === 'node_modules') copyProduction(join(app, to));
    else cpSync(join(PROJECT, path), join(app, to, to === './' ? path : ''), { recursive: true });
  }
  chmodSync(app, 0o555);
});
afterAll(() => {
  chmodSync(app, 0o755);
  rmSync(app, { recursive: true, force: true });
});

function copyProduction(to: string): void {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: PROJECT,
    encoding: 'utf8',
  });
  for (const folder of listed.split('\n')) {
    const path = relative(join(PROJECT, 'node_modules'), folder);
    if (folder === '' || path.startsWith('..')) continue;
    cpSync(folder, join(to, path), {
      recursive: true,
      // A package's own packages are listed too; what was compiled from, and types, are not needed to run.
      filter: (file) =>
        !/\.(?:map|d\.[cm]?ts)$/.test(file) &&
        !relative(folder, file)
          .split('/')
          .some((name) => ['node_modules', 'deps', 'obj', 'obj.target'].includes(name)),
    });
  }
}

/** A folder as it is mounted on /etc/strongroom. The image's user can look into it, and write nothing but data/. */
function mounted(): string {
  const dir = mkdtempSync(join(tmpdir(), 'strongroom-etc-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const start = (words: readonly string[], dir: string, groups: { gid: number } = owner) => {
  const [program = '', ...rest] = words.map((word) => word.replace(dirname(CONFIG), dir));
  const env = Object.fromEntries(all(image, 'ENV').map((line) => line.split('=')));
  return {
    program: program === 'node' ? process.execPath : program,
    rest,
    options: {
      cwd: app,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      ...(isRoot ? { ...owner, ...groups } : {}),
    },
  };
};

function run(words: readonly string[], dir: string, groups?: { gid: number }) {
  const { program, rest, options } = start(words, dir, groups);
  const { status, stdout, stderr } = spawnSync(program, rest, { ...options, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Starts the container's process and waits until it serves. */
async function serve(dir: string, groups?: { gid: number }): Promise<{ stop: () => Promise<number | null> }> {
  const { program, rest, options } = start([...entry, ...command], dir, groups);
  const child = spawn(program, rest, options);
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Serving ')) resolve();
    });
    void ended.then(() => reject(new Error(said)));
  });
  return {
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** What `docker run … init --dir /etc/strongroom` on an empty folder of the image's user makes, on a port of its own. */
async function initialised(): Promise<string> {
  const dir = mounted();
  if (isRoot) chownSync(dir, uid, gid);
  const { status, stderr } = run([...entry, 'init', '--dir', dirname(CONFIG)], dir);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const path = join(dir, 'strongroom.yaml');
  writeFileSync(path, readFileSync(path, 'utf8').replace('port: 7420', `port: ${await ownPort()}`));
  return dir;
}

/** Mounted read-only: what stands in the folder belongs to root, and nothing can be made beside it. */
function sealed(
  dir: string,
  key: { readonly mode: number; readonly uid: number; readonly gid: number },
): void {
  const files = { config: join(dir, 'strongroom.yaml'), keys: join(dir, 'keys') };
  rmSync(join(dir, '.gitignore'));
  chmodSync(files.config, 0o444);
  chmodSync(files.keys, key.mode);
  if (isRoot) {
    chownSync(files.config, 0, 0);
    chownSync(files.keys, key.uid, key.gid);
    chownSync(dir, 0, 0);
  }
  chmodSync(dir, 0o555);
  onTestFinished(() => chmodSync(dir, 0o755));
}

it('is built from the lock file with everything, then pruned, and runs as a number that is not root', () => {
  expect(more).toEqual([]);
  expect(only(build, 'FROM')).toBe(`${only(image, 'FROM')} AS build`);
  const installs = all(build, 'RUN').filter((line) => line.includes('npm'));
  expect(installs).toEqual(['npm ci && npm prune --omit=dev']);
  expect(only(image, 'USER')).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
  expect(all(image, 'RUN')).toEqual([]);
  expect([...entry, ...command]).toEqual(['node', 'dist/main.js', 'serve', '--config', CONFIG]);
  // Nothing but what is named gets into the build: no key file, no store, no .env.
  const ignored = readFileSync(join(PROJECT, '.dockerignore'), 'utf8').trim().split('\n');
  expect(ignored[0]).toBe('*');
  const copied = [...all(build, 'COPY'), ...all(image, 'COPY').filter((line) => !line.startsWith('--from'))];
  const named = copied.flatMap((line) => line.split(' ').slice(0, -1));
  expect(ignored.slice(1).toSorted()).toEqual(named.map((name) => `!${name}`).toSorted());
});

it('serves from mounted settings and a key file of its own, of mode 0400, and writes nothing but data/', async () => {
  const dir = await initialised();
  sealed(dir, { mode: 0o400, ...owner });
  expect(run(healthcheck, dir)).toMatchObject({ status: 1, stderr: expect.stringContaining('not ready') });
  const served = await serve(dir);
  expect(run(healthcheck, dir)).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(await served.stop()).toBe(0);
  expect(readdirSync(dir).toSorted()).toEqual(['data', 'keys', 'strongroom.yaml']);
  expect(statSync(join(dir, 'data')).mode & 0o077).toBe(0);
  // The image's user is a number without a name.
  const [founder] = eventsOf(join(dir, 'data', 'strongroom.db'));
  expect(founder).toMatchObject({
    actor: { id: isRoot ? `host:#${uid}` : expect.stringMatching(/^host:./) },
  });
});

it("takes a secret of root that the container's group reads, and says what is wrong with any other", async () => {
  const dir = await initialised();
  const keys = join(dir, 'keys');
  if (isRoot) {
    // As Kubernetes mounts a secret: root's, 0440, its group the pod's fsGroup.
    sealed(dir, { mode: 0o440, uid: 0, gid });
    const served = await serve(dir);
    expect(run(healthcheck, dir).status).toBe(0);
    expect(await served.stop()).toBe(0);
    chownSync(keys, 0, 0);
    expect(run([...entry, ...command], dir)).toMatchObject({
      status: 1,
      stderr: `strongroom: the key file cannot be read: is ${keys} there, and may this user read it?\n`,
    });
    chownSync(keys, 54_321, gid);
  } else sealed(dir, { mode: 0o440, ...owner });
  expect(run([...entry, ...command], dir)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^strongroom: the key file can be used by its group: chmod 600 it/),
  });
  chmodSync(keys, 0o444);
  expect(run([...entry, ...command], dir)).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^strongroom: the key file can be used by everybody on this host/),
  });
});

it('never initialises: without settings, key file or store it says which, ends, and makes nothing', async () => {
  const dir = await initialised();
  const missing: [string, RegExp][] = [
    ['data', /^strongroom: there is no store at [^\n]*: run strongroom init\n$/],
    ['keys', /^strongroom: the key file cannot be read: is [^\n]* there/],
    ['strongroom.yaml', /is not there: make a vault with strongroom init/],
  ];
  for (const [name, why] of missing) {
    const [path, away] = [join(dir, name), `${dir}-${name}`];
    renameSync(path, away);
    onTestFinished(() => rmSync(away, { recursive: true, force: true }));
    const before = readdirSync(dir);
    expect(run([...entry, ...command], dir)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(why),
    });
    expect(readdirSync(dir)).toEqual(before);
    renameSync(away, path);
  }
  expect(existsSync(join(dir, 'data', 'strongroom.db'))).toBe(true);
});

it('is found ready over TLS on every address, and closed to a check that the proxies do not list', async () => {
  const dir = await initialised();
  const port = await ownPort();
  const config = join(dir, 'strongroom.yaml');
  const text = readFileSync(config, 'utf8');
  const server = (setting: string): void =>
    writeFileSync(
      config,
      text.replace(/^server: .*$/m, `server: { host: 0.0.0.0, port: ${port}, ${setting} }`),
    );

  const made = certificate();
  const [cert, key] = [join(dir, 'tls.crt'), join(dir, 'tls.key')];
  copyFileSync(made.cert, cert);
  copyFileSync(made.key, key);
  for (const path of [cert, key]) {
    chmodSync(path, 0o400);
    if (isRoot) chownSync(path, uid, gid);
  }
  server(`tls: { cert: tls.crt, key: tls.key }`);
  const overTls = await serve(dir);
  expect(run(healthcheck, dir)).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(await overTls.stop()).toBe(0);

  server('proxy: { addresses: [192.0.2.1/32] }');
  const closed = await serve(dir);
  expect(run(healthcheck, dir)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('server.proxy must list'),
  });
  expect(await closed.stop()).toBe(0);
});
