import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { putInPlace } from './backup/put-in-place.ts';
import { writeDurably } from './disk/durable.ts';
import { END, header, padding } from './backup/tar.ts';
import type { BundleReport } from './cli/log-check.ts';
import { CommandRefused } from './cli/refusal.ts';
import { KEY_FILE } from './verifier/bundle.ts';
import { type LayoutFile, layoutOf } from './verifier/layout.ts';
import type { LogSource } from './verifier/source.ts';

/** A copy of a log for whoever verifies it: one file, or a folder in the layout of C2SP tlog-tiles. */

export interface Bundling {
  /** A file, or with a slash at its end a folder; neither may be there. */
  readonly to: string;
  readonly source: LogSource;
  /** Of the log, for convenience. */
  readonly key: string;
  readonly now: number;
  readonly progress: (done: number, of: number) => void;
}

/** @throws CommandRefused, SourceRefused: then nothing is there */
export async function makeBundle({ to, source, key, now, progress }: Bundling): Promise<BundleReport> {
  const path = resolve(to);
  mustBeFree(to);
  const count = { size: 0, bytes: 0 };
  async function* files(): AsyncGenerator<LayoutFile> {
    for await (const file of layoutOf(source, (done, of) => progress((count.size = done), of))) {
      count.bytes += file.bytes.length;
      yield file;
    }
  }
  const work = await mkdtemp(join(dirname(path), '.strongroom-bundle-'));
  try {
    const made = join(work, 'made');
    if (to.endsWith('/')) {
      await writeFolder(made, files());
      await rename(made, path);
    } else {
      await writeDurably(made, archived(files(), key, now));
      count.bytes = statSync(made).size;
      await putInPlace(made, path);
    }
    return { to: path, ...count };
  } finally {
    await rm(work, { recursive: true, force: true });
    await source.close();
  }
}

/** Asked before anything is read, too. @throws CommandRefused */
export function mustBeFree(to: string): void {
  const path = resolve(to);
  if (existsSync(path)) throw new CommandRefused(`${path} is there already: nothing is overwritten`);
  if (!existsSync(dirname(path))) throw new CommandRefused(`there is no folder ${dirname(path)}`);
}

/** The checkpoint comes last, so that what it signs is there. */
async function writeFolder(folder: string, files: AsyncIterable<LayoutFile>): Promise<void> {
  let last: LayoutFile | null = null;
  for await (const file of files)
    if (file.path === 'checkpoint') last = file;
    else await writeIn(folder, file);
  if (last !== null) await writeIn(folder, last);
}

async function writeIn(folder: string, { path, bytes }: LayoutFile): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurably(file, bytes);
}

async function* archived(
  files: AsyncIterable<LayoutFile>,
  key: string,
  now: number,
): AsyncGenerator<Uint8Array> {
  yield* entryOf({ path: KEY_FILE, bytes: Buffer.from(`${key}\n`) }, now);
  for await (const file of files) yield* entryOf(file, now);
  yield END;
}

function* entryOf({ path: name, bytes }: LayoutFile, now: number): Generator<Uint8Array> {
  yield header({ name, size: bytes.length }, now);
  yield bytes;
  yield padding(bytes.length);
}
