import type { AnchorFigures } from './audit/anchors.ts';
import { isUsable } from './access/clients.ts';
import type { Core } from './core.ts';
import type { Epoch } from './epoch.ts';
import { VaultError } from './error.ts';
import { StoreFailure } from './store.ts';

/** An open vault in numbers, as of now. Names of collections, uses and states are the only words. */
export interface Figures {
  /** Rows and events that wait to be committed. */
  readonly waiting: number;
  /** Events in the log, as this process last met it. */
  readonly events: number;
  /** When the last commit that this process knows of was made, in milliseconds; 0 before the first. */
  readonly lastAt: number;
  /** The newest checkpoint of the newest hour, as it is stored; null before the first. */
  readonly checkpoint: { readonly size: number; readonly at: number } | null;
  /** Each place off the host; none while the store does not read. */
  readonly anchors: readonly AnchorFigures[];
  /** Records that did not authenticate since this process started. */
  readonly findings: number;
  /** Null while the vault is closed, or its store does not read. */
  readonly authority: AuthorityFigures | null;
}

export interface AuthorityFigures {
  readonly epoch: number;
  readonly policy: number;
  readonly keys: readonly KeyFigures[];
  /** Clients that may ask. */
  readonly clients: number;
  /** When the next of them expires, in milliseconds; null where none ever does. */
  readonly nextExpiry: number | null;
}

/** The keys of one collection, use and state. */
export interface KeyFigures {
  /** Its name; null for the vault's own keys. */
  readonly collection: string | null;
  readonly use: string;
  readonly state: string;
  readonly count: number;
  /** When the oldest was made, in milliseconds. */
  readonly oldest: number;
}

export async function figuresOf(
  { store, queue, epochs, findings, world }: Core,
  anchors: () => Promise<readonly AnchorFigures[]>,
): Promise<Figures> {
  const epoch = await epochs.current().catch(closed);
  return {
    waiting: queue.waiting,
    events: epochs.seen.size,
    lastAt: epochs.seen.lastAt,
    checkpoint: await store.lastCheckpoint().catch(closed),
    anchors: (await anchors().catch(closed)) ?? [],
    findings: findings.count,
    authority: epoch === null ? null : authorityOf(epoch, world.now()),
  };
}

function closed(error: unknown): null {
  if (error instanceof VaultError || error instanceof StoreFailure) return null;
  throw error;
}

function authorityOf({ number, policy, clients, keys, collections }: Epoch, now: number): AuthorityFigures {
  const usable = clients.all().filter((client) => isUsable(client, now));
  const expiries = usable.flatMap(({ row }) => (row.expiresAt === null ? [] : [row.expiresAt]));
  const names = new Map([...collections].map(([name, { id }]) => [id, name]));
  const byKind = new Map<string, KeyFigures>();
  for (const { collection: id, use, state, createdAt } of keys.rows) {
    const collection = id === null ? null : (names.get(id) ?? null);
    const kind = `${id ?? ''} ${use} ${state}`;
    const { count = 0, oldest = createdAt } = byKind.get(kind) ?? {};
    const figures = { collection, use, state, count: count + 1, oldest: Math.min(oldest, createdAt) };
    byKind.set(kind, figures);
  }
  return {
    epoch: number,
    policy: policy.number,
    keys: [...byKind.values()],
    clients: usable.length,
    nextExpiry: expiries.length === 0 ? null : Math.min(...expiries),
  };
}
