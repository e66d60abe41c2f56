import { Gauge, type Registry } from 'prom-client';
import type { Figures } from '../vault/figures.ts';

/** What is read when Prometheus asks. */
export interface Gauges {
  readonly vault: Figures;
  /** In bytes: a file with its write-ahead log, or a database of a server; null where that does not answer. */
  readonly sizes: { readonly store: number | null; readonly wal: number | null };
  /** When the server's certificate expires, in milliseconds; null without TLS. */
  readonly certificateExpiry: number | null;
}

const KEY_LABELS = ['collection', 'use', 'state'] as const;

/** How the vault stands. Times are told as times, and not as ages: they stay true when nobody scrapes. */
export function stateMetrics(registry: Registry, version: string): (gauges: Gauges) => void {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge<L>({ name: `strongroom_${name}`, help, labelNames, registers: [registry] });

  const info = gauge('info', 'The release that runs', ['version']);
  const waiting = gauge('queue_rows', 'Rows and events that wait to be committed; 32,768 at the most');
  const events = gauge('log_events', 'Events in the audit log');
  const lastAt = gauge('last_commit_timestamp_seconds', 'When the last commit was made');
  const signed = gauge('checkpoint_events', 'Events in the log of its newest checkpoint');
  const signedAt = gauge('checkpoint_timestamp_seconds', 'When that was signed');
  const anchored = gauge('anchor_events', 'Events in the log that an anchor has confirmed', ['anchor']);
  const anchoredAt = gauge('anchor_timestamp_seconds', 'When it confirmed them', ['anchor']);
  const anchorFailures = gauge('anchor_failures', 'Times that an anchor failed, since the start', ['anchor']);
  const findings = gauge('integrity_findings', 'Records that did not authenticate, since the start');
  const open = gauge('open', '1 while what decisions rest on authenticates and reads, else 0');
  const epoch = gauge('epoch', 'Changes of clients, grants, policy, collections and keys');
  const policy = gauge('policy_number', 'The active policy');
  const clients = gauge('clients', 'Clients that may ask');
  const nextExpiry = gauge('client_next_expiry_timestamp_seconds', 'When the next of them expires');
  const keys = gauge('keys', 'Keys, by collection (none for the vault), use and state', KEY_LABELS);
  const oldest = gauge(
    'key_oldest_created_timestamp_seconds',
    'When the oldest of those was made',
    KEY_LABELS,
  );
  const store = gauge('store_bytes', "Size of the store's file, or of its database");
  const wal = gauge('wal_bytes', 'Size of the write-ahead log: committed, and not in the file yet');
  const certificate = gauge('certificate_expiry_timestamp_seconds', "When the server's certificate expires");
  info.set({ version }, 1);

  /** A gauge that has no value is not told at all. */
  const setOrDrop = (one: Gauge, value: number | null): void => {
    one.remove();
    if (value !== null) one.set(value);
  };
  return ({ vault, sizes, certificateExpiry }) => {
    const { authority } = vault;
    waiting.set(vault.waiting);
    events.set(vault.events);
    lastAt.set(vault.lastAt / 1000);
    setOrDrop(signed, vault.checkpoint?.size ?? null);
    setOrDrop(signedAt, seconds(vault.checkpoint?.at ?? null));
    for (const one of [anchored, anchoredAt, anchorFailures]) one.reset();
    for (const { name: anchor, size, at, failures } of vault.anchors) {
      anchored.set({ anchor }, size);
      if (at > 0) anchoredAt.set({ anchor }, at / 1000);
      anchorFailures.set({ anchor }, failures);
    }
    findings.set(vault.findings);
    open.set(authority === null ? 0 : 1);
    setOrDrop(epoch, authority?.epoch ?? null);
    setOrDrop(policy, authority?.policy ?? null);
    setOrDrop(clients, authority?.clients ?? null);
    setOrDrop(nextExpiry, seconds(authority?.nextExpiry ?? null));
    keys.reset();
    oldest.reset();
    for (const { collection, use, state, count, oldest: at } of authority?.keys ?? []) {
      const labels = { collection: collection ?? '', use, state };
      keys.set(labels, count);
      oldest.set(labels, at / 1000);
    }
    setOrDrop(store, sizes.store);
    setOrDrop(wal, sizes.wal);
    setOrDrop(certificate, seconds(certificateExpiry));
  };
}

const seconds = (milliseconds: number | null): number | null =>
  milliseconds === null ? null : milliseconds / 1000;
