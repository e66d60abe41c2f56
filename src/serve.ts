import { createAdaptorServer } from '@hono/node-server';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Settings } from './config/settings.ts';
import { isLoopback } from './config/address.ts';
import { createApp } from './http/app.ts';
import { proxiesOf } from './http/proxies.ts';
import type { RequestLine } from './http/verb.ts';
import type { Vault } from './vault/vault.ts';

/** What serving needs of the host. */
export interface Serving {
  readonly settings: Settings;
  readonly vault: Vault;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: (line: RequestLine) => void;
}

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** Takes no more requests, lets those under way finish, and commits what waits. */
  stop(): Promise<void>;
}

/** What is done between requests, every so many milliseconds. */
const MAINTENANCE = 10_000;
const RECHECK = 60_000;
/** How long requests under way may take after a stop, in milliseconds. */
const DRAIN = 10_000;

/** Serves a vault over HTTP. */
export async function serve({ settings, vault, now, random, log }: Serving): Promise<Listening> {
  const { host, port, tls } = settings.server;
  const proxies = proxiesOf(settings.server.proxy?.addresses ?? []);
  const app = createApp({
    vault,
    now,
    random,
    log,
    addressOf: (context) => proxies.addressOf(context.env.incoming),
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    ...(tls === null ? { createServer } : { createServer: createTlsServer, serverOptions: tlsOptions(tls) }),
  });
  // Off loopback without TLS, only the named proxies may speak to us: values would cross the network in clear.
  if (tls === null && !isLoopback(host)) {
    server.on('connection', (socket: Socket) => {
      if (!proxies.trusts(socket)) socket.destroy();
    });
  }
  const idle = idleSockets(server as Server, tls !== null);
  await listen(server as Server, host, port);
  const timers = [every(MAINTENANCE, vault.maintain), every(RECHECK, vault.recheck)];
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `${tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await drain(server as Server, idle);
      await vault.close();
    },
  };
}

const tlsOptions = ({ cert, key }: { readonly cert: string; readonly key: string }) => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
  minVersion: 'TLSv1.2' as const,
});

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    // A slow or silent caller holds a connection for this long at most.
    server.requestTimeout = 30_000;
    server.headersTimeout = 10_000;
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Connections with no request under way, those that have never sent one included. */
function idleSockets(server: Server, overTls: boolean): ReadonlySet<Socket> {
  const idle = new Set<Socket>();
  server.on(overTls ? 'secureConnection' : 'connection', (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => idle.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, answer: ServerResponse) => {
    idle.delete(socket);
    answer.once('close', () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
  return idle;
}

/** Node's own closeIdleConnections passes over connections that have never sent a request. */
const drain = (server: Server, idle: ReadonlySet<Socket>): Promise<void> =>
  new Promise((resolve) => {
    const closeIdle = (): void => {
      for (const socket of idle) socket.end(() => socket.destroy());
    };
    const late = setTimeout(() => server.closeAllConnections(), DRAIN);
    // A connection that is kept alive is closed as soon as its answer is out.
    const again = setInterval(closeIdle, 20);
    server.close(() => {
      clearTimeout(late);
      clearInterval(again);
      resolve();
    });
    closeIdle();
  });

/** Runs again and again; a run that fails is the next one's to make up for, and readiness tells of it. */
const every = (milliseconds: number, run: () => Promise<void>): NodeJS.Timeout =>
  setInterval(() => void run().catch(() => undefined), milliseconds).unref();
