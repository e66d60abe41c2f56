import type { Socket } from 'node:net';
import { isLoopback } from './config/address.ts';
import type { Settings } from './config/settings.ts';
import { type App, createApp } from './http/app.ts';
import { drainable } from './http/drain.ts';
import { createListener } from './http/listener.ts';
import { proxiesOf } from './http/proxies.ts';
import type { RequestLine } from './http/verb.ts';
import { listen } from './listen.ts';
import type { Meter } from './metrics/meter.ts';
import { serveMetrics, type Watched } from './serve-metrics.ts';
import { readTls } from './tls-files.ts';
import type { Vault } from './vault/vault.ts';

/** What serving needs of the host. */
export interface Serving {
  readonly settings: Settings;
  readonly vault: Vault;
  /** Where the settings name a listener for metrics: the vault was opened under its observer. */
  readonly meter: Meter | null;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: (line: RequestLine) => void;
  /** Done once the address is ours and before the first request is taken; what it throws ends the serving. */
  readonly prepare: () => Promise<void>;
  /** Done after the last answer, while the vault is still open. It says itself what goes wrong, and never throws. */
  readonly finish: () => Promise<void>;
}

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** Where `/metrics` is; null where the settings name no listener for it. */
  readonly metricsUrl: string | null;
  /** Takes no more requests, lets those under way finish, and commits what waits. */
  stop(): Promise<void>;
}

/** What is done between requests, every so many milliseconds. */
const MAINTENANCE = 10_000;
const FOLLOW = 1000;
const RECHECK = 60_000;

/**
 * Serves a vault over HTTP.
 * @throws CommandRefused where the certificate, its key or the address cannot be used
 */
export async function serve(serving: Serving): Promise<Listening> {
  const { settings, vault, meter, now, random, log, prepare, finish } = serving;
  const { host, port, tls } = settings.server;
  const proxies = proxiesOf(settings.server.proxy?.addresses ?? []);
  const app = createApp({
    vault,
    now,
    random,
    log: meter === null ? log : both(meter.request, log),
    addressOf: (context) => proxies.addressOf(context.env.incoming),
  });
  let isOpen = false;
  const fetch: App['fetch'] = (...request) => (isOpen ? app.fetch(...request) : app.refuse('unavailable'));
  const checked = tls === null ? null : readTls(tls);
  const server = createListener({ ...app, fetch }, checked);
  // Off loopback without TLS, only the named proxies may speak to us: values would cross the network in clear.
  if (tls === null && !isLoopback(host)) {
    server.on('connection', (socket: Socket) => {
      if (!proxies.trusts(socket)) socket.destroy();
    });
  }
  const drain = drainable(server, tls !== null);
  const url = await listen(server, host, port, tls === null ? 'http' : 'https');
  let watched: Watched | null = null;
  const stop = async (): Promise<void> => {
    await Promise.all([drain(), watched?.stop()]);
  };
  try {
    if (meter !== null) watched = await serveMetrics({ settings, vault, meter, random, tls: checked });
    await prepare();
  } catch (error) {
    await stop();
    throw error;
  }
  isOpen = true;
  const timers = [
    every(MAINTENANCE, vault.maintain),
    every(FOLLOW, vault.follow),
    every(FOLLOW, vault.anchor),
    every(RECHECK, vault.recheck),
  ];
  return {
    url,
    metricsUrl: watched?.url ?? null,
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await stop();
      await finish();
      await vault.close();
    },
  };
}

const both =
  <T>(one: (what: T) => void, other: (what: T) => void): ((what: T) => void) =>
  (what) => {
    one(what);
    other(what);
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
