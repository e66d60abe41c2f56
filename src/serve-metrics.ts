import { isLoopback } from './config/address.ts';
import type { Settings } from './config/settings.ts';
import { drainable } from './http/drain.ts';
import { createListener } from './http/listener.ts';
import { createMetricsApp } from './http/metrics.ts';
import { listen } from './listen.ts';
import type { Meter } from './metrics/meter.ts';
import type { StoreSettings } from './config/store.ts';
import type { Gauges } from './metrics/state.ts';
import { sizeOfDatabase } from './store/postgres-size.ts';
import { sizesOf } from './store/sqlite-inspection.ts';
import type { CheckedTls } from './tls-files.ts';
import type { Vault } from './vault/vault.ts';

/** What there is to tell, and where. */
export interface Watching {
  readonly settings: Settings;
  readonly vault: Vault;
  readonly meter: Meter;
  readonly random: (bytes: number) => Uint8Array;
  readonly tls: CheckedTls | null;
}

/** A listener for `/metrics`. */
export interface Watched {
  readonly url: string;
  stop(): Promise<void>;
}

/** Prometheus and a person or two. */
const MOST_CONNECTIONS = 32;

const sizesIn = async (store: StoreSettings): Promise<Gauges['sizes']> =>
  store.engine === 'sqlite' ? sizesOf(store.path) : { store: await sizeOfDatabase(store), wal: null };

/**
 * Serves metrics on a listener of its own, where the settings name one: whoever may see them need not reach the vault.
 * @throws CommandRefused where the address cannot be used
 */
export async function serveMetrics({
  settings,
  vault,
  meter,
  random,
  tls,
}: Watching): Promise<Watched | null> {
  const { metrics } = settings.server;
  if (metrics === null) return null;
  const certificateExpiry = tls === null ? null : Date.parse(tls.certificate.validTo);
  const scrape = async (): Promise<string> =>
    meter.scrape({
      vault: await vault.figures(),
      sizes: await sizesIn(settings.store),
      certificateExpiry,
    });
  // Off loopback the settings have TLS, or accept that there is none.
  const secured = isLoopback(metrics.host) || metrics.inClear !== null ? null : tls;
  const server = createListener(createMetricsApp(scrape, random), secured);
  server.maxConnections = MOST_CONNECTIONS;
  const stop = drainable(server, secured !== null);
  const url = await listen(server, metrics.host, metrics.port, secured === null ? 'http' : 'https');
  return { url: `${url}/metrics`, stop };
}
