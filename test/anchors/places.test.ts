import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse as Answer } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { commandAnchor } from '../../src/anchors/command.ts';
import { directoryAnchor } from '../../src/anchors/directory.ts';
import { httpAnchor } from '../../src/anchors/http.ts';
import {
  type Anchor,
  AnchorFailed,
  type AnchorFile,
  type AnchorPut,
  MOST_NOTE,
} from '../../src/vault/anchor.ts';
import { certificate } from '../http/certificate.ts';
import { tempDir } from '../harness.ts';
import { keeper } from './keeper.ts';

const noteOf = (size: number): string =>
  `strongroom/vlt_test\n${size}\nAAAA\n\n\u2014 strongroom/vlt_test AAAAAAA=\n`;

async function* each(files: readonly AnchorFile[]): AsyncGenerator<AnchorFile> {
  yield* files;
}
const what = (size: number, files: readonly AnchorFile[] = []): AnchorPut => ({
  note: noteOf(size),
  size,
  consistency: async () => [],
  files: each(files),
});

const FILES = [
  { path: 'tile/0/000.p/3', bytes: Buffer.from('hashes') },
  { path: 'tile/entries/000.p/3', bytes: Buffer.from('entries') },
];

/** A program that keeps its input beside it. */
function program(
  dir: string,
  body = 'case "$1" in put) cat > "$0.kept";; newest) cat "$0.kept" 2>/dev/null || true;; esac',
): string {
  const path = join(dir, 'keep');
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

const user = process.geteuid?.() ?? 0;
const places: Record<string, () => Promise<Anchor>> = {
  directory: async () => directoryAnchor({ name: 'directory', path: tempDir(), entries: true }),
  url: async () =>
    httpAnchor({ name: 'url', url: (await keeper()).url, tokenFile: null, ca: null, entries: true }),
  command: async () => commandAnchor({ name: 'command', program: program(tempDir()), user }),
};

test.each(Object.entries(places))('%s gives back the newest that it was given', async (_, make) => {
  const anchor = await make();
  expect(await anchor.newest(null)).toBeNull();
  for (const size of [3, 3, 999, 1000, 1001, 1_000_000, 1_000_001]) {
    expect(await anchor.put(what(size, FILES))).toEqual([]);
    expect(await anchor.newest(null)).toEqual({ size, note: noteOf(size) });
  }
});

const why = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof AnchorFailed ? error.message : `no AnchorFailed: ${String(error)}`),
  );

describe('a directory', () => {
  it('keeps every checkpoint, and replaces none', async () => {
    const path = tempDir();
    const anchor = directoryAnchor({ name: 'd', path, entries: false });
    await anchor.put(what(7));
    await anchor.put(what(8));
    const folder = join(path, 'checkpoints/000/000/000/000/000');
    expect(readdirSync(folder).toSorted()).toEqual(['007', '008']);
    writeFileSync(join(folder, '008'), 'other');
    expect(await why(anchor.put(what(8)))).toBe('it keeps something else in the place of what it is given');
    expect(readFileSync(join(folder, '008'), 'utf8')).toBe('other');
    expect(await anchor.newest(null)).toEqual({ size: 0, note: 'other' });
  });

  it('keeps files where tlog-tiles has them, before their checkpoint, and drops what grew to be full', async () => {
    const path = tempDir();
    const anchor = directoryAnchor({ name: 'd', path, entries: true });
    await anchor.put(what(3, FILES));
    expect(readFileSync(join(path, 'tile/entries/000.p/3'), 'utf8')).toBe('entries');
    await anchor.put(what(256, [{ path: 'tile/0/000', bytes: Buffer.from('full') }]));
    expect(readdirSync(join(path, 'tile/0'))).toEqual(['000']);
    expect(readFileSync(join(path, 'checkpoint'), 'utf8')).toBe(noteOf(256));
  });

  it.each([
    ['a file', 'checkpoint.new'],
    ['a file of a tile', 'tile/0/000.p/3.new'],
  ])('writes through no link that somebody left there in the place of %s', async (_, name) => {
    const [path, ours] = [tempDir(), join(tempDir(), 'vault.db')];
    writeFileSync(ours, 'ours');
    mkdirSync(dirname(join(path, name)), { recursive: true });
    symlinkSync(ours, join(path, name));
    await directoryAnchor({ name: 'd', path, entries: true }).put(what(3, FILES));
    expect(readFileSync(ours, 'utf8')).toBe('ours');
    expect(readFileSync(join(path, 'checkpoint'), 'utf8')).toBe(noteOf(3));
  });

  it.each(['checkpoints', 'checkpoints/000/000', 'tile', 'tile/entries'])(
    'goes into no folder that a link at %s names',
    async (name) => {
      const [path, ours] = [tempDir(), tempDir()];
      mkdirSync(dirname(join(path, name)), { recursive: true });
      symlinkSync(ours, join(path, name));
      const anchor = directoryAnchor({ name: 'd', path, entries: true });
      expect(await why(anchor.put(what(3, FILES)))).toBe('a link stands in the place of a folder of its own');
      expect(readdirSync(ours)).toEqual([]);
    },
  );

  it('waits for no pipe that somebody left there', async () => {
    const path = tempDir();
    execFileSync('mkfifo', [join(path, 'checkpoint.new')]);
    await directoryAnchor({ name: 'd', path, entries: false }).put(what(3));
    expect(readFileSync(join(path, 'checkpoint'), 'utf8')).toBe(noteOf(3));
  });

  it('is not made where it is not there, as one that is not mounted', async () => {
    const path = join(tempDir(), 'worm');
    const anchor = directoryAnchor({ name: 'd', path, entries: false });
    expect(await why(anchor.newest(null))).toBe('the folder is not there, or not mounted');
    expect(await why(anchor.put(what(1)))).toBe('the folder is not there, or not mounted');
  });

  it('is kept where it lets nothing be replaced', async () => {
    const path = tempDir();
    const anchor = directoryAnchor({ name: 'd', path, entries: false });
    await anchor.put(what(1));
    // As a folder is that refuses the new name: nobody can write over what stands there.
    rmSync(join(path, 'checkpoint'));
    mkdirSync(join(path, 'checkpoint.new'));
    expect(await why(anchor.put(what(2)))).toBe('the folder does not read or write');
    expect(await anchor.newest(null)).toEqual({ size: 2, note: noteOf(2) });
  });

  it.each([
    [
      'a file that is no note',
      (at: string) => writeFileSync(at, Buffer.alloc(MOST_NOTE + 1)),
      'what it keeps is no checkpoint',
    ],
    ['a link', (at: string) => symlinkSync('/etc/hostname', at), 'what it keeps is no checkpoint'],
    ['a pipe', (at: string) => void execFileSync('mkfifo', [at]), 'what it keeps is no checkpoint'],
    ['a folder', (at: string) => mkdirSync(at), 'what it keeps is no checkpoint'],
  ])('with %s in the place of a checkpoint is refused', async (_, make, said) => {
    const path = tempDir();
    const at = join(path, 'checkpoints/000/000/000/000/000/009');
    mkdirSync(dirname(at), { recursive: true });
    make(at);
    expect(await why(directoryAnchor({ name: 'd', path, entries: false }).newest(null))).toBe(said);
  });
});

describe('a place of HTTP', () => {
  const anchorAt = (url: string, limit = 300, tokenFile: string | null = null) =>
    httpAnchor({ name: 'u', url, tokenFile, ca: null, entries: true, limit });

  it('gets its files before their checkpoint, with the token of the file as it is now', async () => {
    const kept = await keeper();
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 'one\n');
    const anchor = anchorAt(`${kept.url}log/`, 10_000, tokenFile);
    await anchor.put(what(3, FILES));
    writeFileSync(tokenFile, 'two\n');
    await anchor.newest(null);
    expect(kept.asked).toEqual([
      'PUT log/tile/0/000.p/3 Bearer one',
      'PUT log/tile/entries/000.p/3 Bearer one',
      'PUT log/checkpoint Bearer one',
      'GET log/checkpoint Bearer two',
    ]);
    expect(kept.files.get('log/tile/entries/000.p/3')?.toString()).toBe('entries');
  });

  it.each([
    [
      'redirects elsewhere',
      (_: unknown, response: Answer) => response.writeHead(307, { location: 'https://example.com/' }).end(),
      'it answers with another address, which is not followed',
    ],
    [
      'refuses',
      (_: unknown, response: Answer) => response.writeHead(403).end('because of SECRET'),
      'it answers 403 to a GET',
    ],
    [
      'answers a body without end',
      (_: unknown, response: Answer) => endless(response),
      'it answers more than a checkpoint can be',
    ],
    ['says nothing', () => undefined, 'it did not answer in time'],
    [
      'begins and says no more',
      (_: unknown, response: Answer) => response.writeHead(200).write('strongroom'),
      'it did not answer in time',
    ],
    [
      'hangs up',
      (request: { socket: { destroy: () => unknown } }) => request.socket.destroy(),
      'no answer (ECONNRESET)',
    ],
  ])('that %s is refused in time', async (_, lie, said) => {
    const kept = await keeper();
    kept.lie = (request, response) => void lie(request, response);
    expect(await why(anchorAt(kept.url).newest(null))).toBe(said);
    const put = await why(anchorAt(kept.url).put(what(1)));
    expect(put).toBe(said.replace('GET', 'PUT'));
  });

  it('whose certificate does not hold is refused, and taken under its own authority', async () => {
    const { cert, key } = certificate();
    const server = createTls({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) =>
      response.writeHead(404).end(),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await why(anchorAt(url, 10_000).newest(null))).toBe('its certificate is not trusted here');
    const trusting = httpAnchor({ name: 'u', url, tokenFile: null, ca: cert, entries: false });
    expect(await trusting.newest(null)).toBeNull();
  });

  it('gets nothing where the token is no token', async () => {
    const kept = await keeper();
    const tokenFile = join(tempDir(), 'token');
    writeFileSync(tokenFile, 'one\r\nX-Other: two\n');
    const anchor = anchorAt(kept.url, 10_000, tokenFile);
    expect(await why(anchor.newest(null))).toBe('its token file holds no token on one line');
    rmSync(tokenFile);
    expect(await why(anchor.newest(null))).toBe('its token file cannot be read');
    expect(kept.asked).toEqual([]);
  });
});

function endless(response: Answer): void {
  response.writeHead(200);
  const more = (): void => {
    while (!response.destroyed && response.write(Buffer.alloc(16_384, 'x')));
  };
  response.on('drain', more);
  more();
}

describe('a program', () => {
  const anchorOf = (path: string, limit = 2000) => commandAnchor({ name: 'c', program: path, user, limit });

  it('has nothing of the environment, and no shell looks at its path', async () => {
    const dir = join(tempDir(), 'a; touch gone');
    mkdirSync(dir);
    const path = program(
      dir,
      '[ "$1" = newest ] && { pwd; env | grep -v "^_=\\|^PWD=\\|^SHLVL=\\|^OLDPWD=" | sort; }',
    );
    const newest = await anchorOf(path).newest(null);
    expect(newest?.note).toBe('/\nLC_ALL=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\n');
  });

  it.each([
    ['ends with another code', 'exit 3', 'the program ends with 3'],
    ['does not end', 'exec sleep 600', 'the program did not end in time'],
    ['leaves another behind that holds its output', 'sleep 600 & exit 0', 'the program did not end in time'],
    ['writes without end', 'exec yes', 'the program writes more than a checkpoint can be'],
    ['kills itself', 'kill -9 $$', 'the program was ended'],
  ])('that %s is refused in time', async (_, body, said) => {
    const anchor = anchorOf(program(tempDir(), body), 500);
    expect(await why(anchor.newest(null))).toBe(said);
    expect(await why(anchor.put(what(1)))).toBe(said);
  });

  it.each([
    ['the file', (path: string) => chmodSync(path, 0o775)],
    ['its folder', (path: string) => chmodSync(dirname(path), 0o777)],
  ])('is not run where others can write %s', async (_, open) => {
    const dir = join(tempDir(), 'bin');
    mkdirSync(dir);
    const path = program(dir, `touch "$0.ran"`);
    open(path);
    expect(await why(anchorOf(path).newest(null))).toMatch(
      /^others than root and this user could change the program/,
    );
    expect(readdirSync(dir)).toEqual(['keep']);
  });

  it("is not run where it is another user's, a folder, or not there", async () => {
    const path = program(tempDir(), 'exit 0');
    const others = commandAnchor({ name: 'c', program: path, user: user + 1 });
    if (user !== 0) expect(await why(others.newest(null))).toMatch(/^others than root and this user/);
    const gone = 'the program is not there, or this user may not run it';
    expect(await why(anchorOf(dirname(path)).newest(null))).toBe(gone);
    expect(await why(anchorOf(`${path}.not`).newest(null))).toBe(gone);
  });
});
