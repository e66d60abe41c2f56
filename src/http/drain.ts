import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long requests under way may take after a stop, in milliseconds. */
const PATIENCE = 10_000;

/** A server's connections, by what they are doing. */
interface Connections {
  /** With no request under way, those that have never sent one included. */
  readonly idle: Set<Socket>;
  /** In a TLS handshake, by the caller's address and port. */
  readonly greeting: Map<string, Socket>;
}

/**
 * Watches a server's connections. Node's own closeIdleConnections passes over those that have never sent a request, and
 * closeAllConnections over those that are still in a TLS handshake.
 * @returns takes no more requests, lets those under way finish, and closes what is left after ten seconds
 */
export function drainable(server: Server, overTls: boolean): () => Promise<void> {
  const connections: Connections = { idle: new Set(), greeting: new Map() };
  const { idle, greeting } = connections;
  if (overTls) {
    server.on('connection', (socket: Socket) => {
      const name = callerOf(socket);
      greeting.set(name, socket);
      socket.once('close', () => greeting.delete(name));
    });
  }
  server.on(overTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    greeting.delete(callerOf(socket));
    idle.add(socket);
    socket.once('close', () => idle.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
    idle.delete(socket);
    answer.once('close', () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
  return () => drain(server, connections);
}

const callerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

const drain = (server: Server, { idle, greeting }: Connections): Promise<void> =>
  new Promise((resolve) => {
    const closeIdle = (): void => {
      for (const socket of greeting.values()) socket.destroy();
      for (const socket of idle) socket.end(() => socket.destroy());
    };
    const late = setTimeout(() => server.closeAllConnections(), PATIENCE);
    // A connection that is kept alive is closed as soon as its answer is out.
    const again = setInterval(closeIdle, 20);
    server.close(() => {
      clearTimeout(late);
      clearInterval(again);
      resolve();
    });
    closeIdle();
  });
