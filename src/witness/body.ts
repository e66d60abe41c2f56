import type { IncomingMessage } from 'node:http';

/** 63 hashes and a checkpoint with a hundred signatures are a third of this. */
const MOST_BYTES = 64 * 1024;

/** Reads a whole body; null past the bound, and where the caller went away. */
export function readBody(incoming: IncomingMessage): Promise<Buffer | null> {
  if (Number(incoming.headers['content-length'] ?? 0) > MOST_BYTES) return Promise.resolve(null);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MOST_BYTES) return void chunks.push(chunk);
      incoming.removeAllListeners('data');
      incoming.resume();
      resolve(null);
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', () => resolve(null));
    incoming.on('close', () => resolve(null));
  });
}
