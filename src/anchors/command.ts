import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, lstat, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Anchor, ANCHOR_PATIENCE, AnchorFailed, MOST_NOTE } from '../vault/anchor.ts';
import { newestOf } from './newest.ts';

/**
 * The operator's own program. `PROGRAM put` has the checkpoint on its standard input and ends with 0 once it is kept;
 * `PROGRAM newest` writes the newest that is kept on its standard output, or nothing. Plain text, as the note is.
 */
export interface CommandPlace {
  readonly name: string;
  /** From the root on. */
  readonly program: string;
  /** Of this process. */
  readonly user: number;
  /** In milliseconds. */
  readonly limit?: number;
}

export function commandAnchor({ name, program, user, limit = ANCHOR_PATIENCE }: CommandPlace): Anchor {
  const run = async (verb: 'put' | 'newest', input: string): Promise<Buffer> =>
    outputOf(await trusted(program, user), verb, input, limit);
  return {
    name,
    keeps: 'checkpoints',
    newest: async () => {
      const output = await run('newest', '');
      return output.length === 0 ? null : newestOf(output);
    },
    put: async ({ note }) => {
      await run('put', note);
      return [];
    },
  };
}

/** Nobody but root and this user can put another program in its place: not by its file, nor by a folder on the way. */
async function trusted(program: string, user: number): Promise<string> {
  const missing = (): never => {
    throw new AnchorFailed('the program is not there, or this user may not run it');
  };
  const path = await realpath(program).catch(missing);
  await access(path, constants.X_OK).catch(missing);
  for (let at = path; ; at = dirname(at)) {
    const stat = await lstat(at).catch(missing);
    if (at === path && !stat.isFile()) missing();
    const isOurs = stat.uid === 0 || stat.uid === user;
    // A folder for everybody whose names only their owners change, as /tmp.
    const isSticky = stat.isDirectory() && (stat.mode & 0o1000) !== 0;
    if (!isOurs || ((stat.mode & 0o022) !== 0 && !isSticky))
      throw new AnchorFailed(
        'others than root and this user could change the program, or a folder that it is in',
      );
    if (at === dirname(at)) return path;
  }
}

const outputOf = (path: string, verb: string, input: string, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const child = spawn(path, [verb], {
      cwd: '/',
      // Nothing of ours: neither variables nor descriptors.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'ignore'],
      shell: false,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (why: string): void => {
      reject(new AnchorFailed(why));
      child.kill('SIGKILL');
      // What it started may hold them still.
      child.stdin.destroy();
      child.stdout.destroy();
    };
    AbortSignal.timeout(limit).addEventListener('abort', () => fail('the program did not end in time'));
    child.once('error', () => fail('the program does not start'));
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MOST_NOTE) fail('the program writes more than a checkpoint can be');
      else chunks.push(chunk);
    });
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks));
      else fail(code === null ? 'the program was ended' : `the program ends with ${code}`);
    });
    child.stdin.end(input);
  });
