import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { CommandRefused } from './cli/host.ts';
import { isLoopback } from './config/address.ts';
import type { Settings } from './config/settings.ts';
import { type App, createApp } from './http/app.ts';
import { drainable } from './http/drain.ts';
import { createListener } from './http/listener.ts';
import { proxiesOf } from './http/proxies.ts';
import type { RequestLine } from './http/verb.ts';
import { readTls } from './tls-files.ts';
import type { Vault } from './vault/vault.ts';

/** What serving needs of the host. */
export interface Serving {
  readonly settings: Settings;
  readonly vault: Vault;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: (line: RequestLine) => void;
  /** Done once the address is ours and before the first request is taken; what it throws ends the serving. */
  readonly prepare: () => Promise<void>;
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

/**
 * Serves a vault over HTTP.
 * @throws CommandRefused where the certificate, its key or the address cannot be used
 */
export async function serve({ settings, vault, now, random, log, prepare }: Serving): Promise<Listening> {
  const { host, port, tls } = settings.server;
  const proxies = proxiesOf(settings.server.proxy?.addresses ?? []);
  const app = createApp({
    vault,
    now,
    random,
    log,
    addressOf: (context) => proxies.addressOf(context.env.incoming),
  });
  let isOpen = false;
  const fetch: App['fetch'] = (...request) => (isOpen ? app.fetch(...request) : app.refuse('unavailable'));
  const server = createListener({ ...app, fetch }, tls === null ? null : readTls(tls));
  // Off loopback without TLS, only the named proxies may speak to us: values would cross the network in clear.
  if (tls === null && !isLoopback(host)) {
    server.on('connection', (socket: Socket) => {
      if (!proxies.trusts(socket)) socket.destroy();
    });
  }
  const drain = drainable(server, tls !== null);
  await listen(server, host, port);
  try {
    await prepare();
  } catch (error) {
    await drain();
    throw error;
  }
  isOpen = true;
  const timers = [every(MAINTENANCE, vault.maintain), every(RECHECK, vault.recheck)];
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `${tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await drain();
      await vault.close();
    },
  };
}

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(
        new CommandRefused(`cannot listen on ${host} port ${port}: ${LISTEN_FAULTS[code ?? ''] ?? code}`),
      ),
    );
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this host has no such address',
  EACCES: 'this user may not',
  ENOTFOUND: 'no such host name',
};

/**
 * Runs again and again, one run at a time; a run that fails is the next one's to make up for, and readiness tells of it.
 */
function every(milliseconds: number, run: () => Promise<void>): NodeJS.Timeout {
  let running = false;
  const once = async (): Promise<void> => {
    if (running) return;
    running = true;
    await run().catch(() => undefined);
    running = false;
  };
  return setInterval(() => void once(), milliseconds).unref();
}
