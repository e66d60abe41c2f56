import { open } from 'node:fs/promises';

/**
 * Writes a new file, and waits until its bytes are on the disk; its name is once its folder is.
 * @param mode for its owner alone, unless said
 * @throws the system's error: EEXIST where the name is taken, by a link too
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
  mode = 0o600,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    if (bytes instanceof Uint8Array) await file.writeFile(bytes);
    else for await (const chunk of bytes) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits until the names in a folder are on the disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
