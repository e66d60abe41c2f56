import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeDurably } from '../disk/durable.ts';
import { type Manifest, MOST_MANIFEST, readManifest, writeManifest } from './manifest.ts';
import { BackupRefused } from './refused.ts';
import { END, header, padding, TarReader } from './tar.ts';

/** Names in the archive, in this order. */
const MANIFEST = 'manifest.json';
export const DATABASE = 'strongroom.db';

/** Told how many bytes are done; what it throws stops the work. */
type Progress = (bytes: number) => void;

const chunksOf = (path: string): AsyncIterable<Buffer> => createReadStream(path, { highWaterMark: 1 << 20 });

/** SHA-256 of a file, in hex. */
export async function sha256Of(path: string, progress: Progress): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of chunksOf(path)) {
    hash.update(chunk);
    progress((done += chunk.length));
  }
  return hash.digest('hex');
}

/** The bytes of an archive of a database and of what its backup says of it. */
export async function* pack(
  database: string,
  manifest: Manifest,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  const madeAt = Date.parse(manifest.madeAt);
  const told = writeManifest(manifest);
  yield header({ name: MANIFEST, size: told.length }, madeAt);
  yield told;
  yield padding(told.length);
  const { bytes } = manifest.database;
  yield header({ name: DATABASE, size: bytes }, madeAt);
  let done = 0;
  for await (const chunk of chunksOf(database)) {
    yield chunk;
    progress((done += chunk.length));
  }
  yield padding(bytes);
  yield END;
}

/**
 * Writes the database of an archive out, and holds it against the manifest that stands before it.
 * @param to of the database, which must not be there; after an error it is not to be used
 * @param check asked before it is written; what it throws stops the work
 * @throws BackupRefused
 */
export async function unpack(
  bytes: AsyncIterable<Uint8Array>,
  to: string,
  check: (manifest: Manifest) => void,
  progress: (bytes: number, of: number) => void,
): Promise<Manifest> {
  const archive = new TarReader(bytes);
  const told = await archive.next(MANIFEST);
  const manifest = told > MOST_MANIFEST ? null : readManifest(await whole(archive.file(told)));
  if (manifest === null)
    throw new BackupRefused(
      'the manifest is not of a form that this release reads: another one made this backup',
    );
  check(manifest);
  const size = await archive.next(DATABASE);
  const hash = createHash('sha256');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    let done = 0;
    for await (const chunk of archive.file(size)) {
      hash.update(chunk);
      yield chunk;
      progress((done += chunk.length), size);
    }
  }
  await writeDurably(to, hashed());
  // Only the end says that nothing is missing.
  await archive.end();
  if (size !== manifest.database.bytes || hash.digest('hex') !== manifest.database.sha256)
    throw new BackupRefused('the manifest lies: its database has another length or SHA-256');
  return manifest;
}

async function whole(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
