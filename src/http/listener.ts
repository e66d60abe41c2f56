import { getRequestListener } from '@hono/node-server';
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { App } from './app.ts';

/** A certificate and its key, as PEM. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How long a caller may take, in milliseconds: for a TLS handshake, for headers, for a whole request. */
const HANDSHAKE = 10_000;
const HEADERS = 10_000;
const REQUEST = 30_000;
/** Connections at once: each costs a file descriptor, and a caller needs no key to make one. */
const MOST_CONNECTIONS = 4096;

/**
 * A server of node's for the app, in clear or over TLS 1.2 or later. What is no request of HTTP is answered as a problem
 * too, with an id of ours.
 */
export function createListener(app: App, tls: TlsFiles | null): Server {
  const answer = getRequestListener(app.fetch, { errorHandler: () => app.refuse('invalid_request') });
  const listener: RequestListener = (incoming, outgoing) => void answer(incoming, outgoing);
  // Node's own answer to a missing Host has no body: without one there is no URL, which is refused here as well.
  const options = { requireHostHeader: false };
  const server =
    tls === null
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE }, listener);
  server.requestTimeout = REQUEST;
  server.headersTimeout = HEADERS;
  server.maxConnections = MOST_CONNECTIONS;
  server.on('clientError', (_, socket) => void answerRaw(socket, app.refuse('invalid_request')));
  // An expectation that is not 100-continue (RFC 9110 10.1.1): nothing that this service does.
  server.on('checkExpectation', ({ socket }) => void answerRaw(socket, app.refuse('invalid_request')));
  return server;
}

/** As much of a socket as an answer needs. */
interface Writable {
  readonly writable: boolean;
  end(text: string): unknown;
  destroy(): unknown;
}

async function answerRaw(socket: Writable, response: Response): Promise<void> {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = await response.text();
  const headers = { ...Object.fromEntries(response.headers), connection: 'close' };
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}\r\n${lines.join('')}\r\n${body}`);
}
