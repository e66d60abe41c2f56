import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A place of HTTP that keeps what is PUT. */
export interface Keeper {
  /** Ends with a slash. */
  readonly url: string;
  /** By path, without the leading slash. */
  readonly files: Map<string, Buffer>;
  /** Each request: method, path, authorisation. */
  readonly asked: string[];
  /** Answers instead, where there is one. */
  lie: ((request: IncomingMessage, response: ServerResponse) => void) | null;
}

export async function keeper(): Promise<Keeper> {
  const files = new Map<string, Buffer>();
  const made: Omit<Keeper, 'url'> = { files, asked: [], lie: null };
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1);
    made.asked.push(`${request.method} ${path} ${request.headers.authorization ?? ''}`);
    if (made.lie !== null) return made.lie(request, response);
    if (request.method === 'GET') {
      const file = files.get(path);
      response.writeHead(file === undefined ? 404 : 200).end(file);
      return;
    }
    void buffer(request).then((bytes) => {
      files.set(path, bytes);
      return response.writeHead(201).end();
    });
  });
  const url = await listening(server);
  return Object.assign(made, { url });
}

/** The address of a server, which is closed after the test. */
async function listening(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
