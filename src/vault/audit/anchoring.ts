import { parseCheckpoint } from '../../log/checkpoint.ts';
import { frontierOf } from '../../log/tile.ts';
import { decodeFrontier, EMPTY, type Frontier } from '../../log/tree.ts';
import { type Anchor, AnchorFailed, type AnchorNewest } from '../anchor.ts';
import { NOTHING } from '../commit/commit.ts';
import type { Core } from '../core.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { systemDraft } from '../refusals.ts';
import { type AnchorState, anchorRow, decodeAnchor, encodeAnchor, NO_ANCHOR } from './anchor-state.ts';
import { type FollowerSeat, followerRow, givenUp, leaseWatch, revisionOf } from './follower-row.ts';
import { type LogTree, publishedNow, treeOf } from './log-tree.ts';
import { filesSince } from './shipped-files.ts';

/** A place that the settings name. */
export interface AnchorPlace {
  readonly anchor: Anchor;
  /** Whether the vault is served only once it was read back. */
  readonly required: boolean;
  /** At most one checkpoint in so many milliseconds. */
  readonly every: number;
}

/** Brings checkpoints to one place: one process at a time, at least once. */
export interface Shipping {
  /** Brings it the newest checkpoint if it is time, and nobody else does. @throws AnchorFailed */
  readonly run: () => Promise<void>;
  readonly giveUp: () => Promise<void>;
}

export interface ShippingDeps {
  readonly core: Pick<Core, 'store' | 'queue' | 'world'>;
  readonly seat: Omit<FollowerSeat, 'name' | 'lease'>;
  /** Holds what the place keeps against the log. @throws AnchorFailed where the log does not continue it */
  readonly hold: (newest: AnchorNewest, confirmed: number) => Promise<void>;
  readonly isClosing: () => boolean;
}

/** Longer than reading a place back, putting to it and a commit may take. */
const LEASE = 30_000;

/** What was stored of an anchor, as far as it authenticates. */
export interface AnchorAt {
  readonly revision: number;
  readonly frontier: Frontier;
  readonly state: AnchorState;
  readonly until: number;
}

/** Reads what an anchor confirmed. A row that is not the vault's says nothing. */
export async function anchorAt(
  store: Pick<Core['store'], 'follower'>,
  name: string,
  rowsKey: FollowerSeat['rowsKey'],
): Promise<{ readonly at: AnchorAt; readonly stored: Awaited<ReturnType<typeof store.follower>> }> {
  const stored = await store.follower(anchorRow(name));
  const revision = revisionOf(stored);
  if (stored !== null && isAuthentic(rowsKey, 'followers', stored)) {
    const frontier = decodeFrontier(stored.cursor, stored.frontier);
    const state = decodeAnchor(stored.state);
    if (frontier !== null && state !== null)
      return { at: { revision, frontier, state, until: stored.until }, stored };
  }
  return { at: { revision, frontier: EMPTY, state: NO_ANCHOR, until: 0 }, stored };
}

export function shipping({ anchor, every }: AnchorPlace, deps: ShippingDeps): Shipping {
  const { core, hold, isClosing } = deps;
  const { store, queue, world } = core;
  const seat: FollowerSeat = { ...deps.seat, name: anchorRow(anchor.name), lease: LEASE };
  const isAnothers = leaseWatch(seat, world);

  /** Takes or renews the lease with what is known now. @throws AnchorFailed where another process has it */
  async function keep(at: AnchorAt, drafts: Parameters<typeof queue.submit>[0]['drafts'] = []) {
    const head = await store.head();
    const until = Math.max(world.now(), head?.lastAt ?? 0) + LEASE;
    const next = { ...at, revision: at.revision + 1, until };
    const row = followerRow(seat, { ...next, state: encodeAnchor(at.state) });
    if ((await queue.submit({ ...NOTHING, followers: [row], drafts })) === null)
      throw new AnchorFailed('another process brings it what it keeps');
    return next;
  }

  /** The newest checkpoint, as it is stored, with its tree; null where there is none, or it is not of all that was filed. */
  async function newestSigned(): Promise<{ readonly note: string; readonly tree: LogTree } | null> {
    const published = await publishedNow(store, seat.rowsKey);
    if (published === null || published.note === '') return null;
    const { edge, note } = published;
    return parseCheckpoint(note).size === edge.size ? { note, tree: treeOf(store, published) } : null;
  }

  async function put(held: AnchorAt, { note, tree }: { readonly note: string; readonly tree: LogTree }) {
    let at = held;
    const kept = async (filed: number): Promise<void> => {
      if (isClosing()) throw new AnchorFailed('the vault is closing');
      const isDue = world.now() > at.until - LEASE / 2 || filed - at.state.filed >= MOST_UNSAVED;
      if (isDue) at = await keep({ ...at, state: { ...at.state, filed } });
    };
    const files = anchor.keeps === 'log' ? filesSince(store, tree, at.state.filed, kept) : NO_FILES;
    const { size, consistency } = tree;
    const lines = await anchor.put({ note, size, consistency, files });
    const state = { at: world.now(), filed: anchor.keeps === 'log' ? size : 0, note: note + lines.join('') };
    await keep({ ...at, frontier: frontierOf(tree.edge), state });
  }

  return {
    run: async () => {
      const signed = await newestSigned();
      if (signed === null) return;
      const { at, stored } = await anchorAt(store, anchor.name, seat.rowsKey);
      const now = Math.max(world.now(), at.state.at);
      if (stored !== null && isAnothers(stored, now)) return;
      if (signed.tree.size <= at.frontier.size) return;
      if (at.state.at > 0 && Math.abs(world.now() - at.state.at) < every) return;
      const isHeld = stored?.holder === seat.holder && at.until - world.now() > LEASE - 2 * HURRY;
      const begun = stored === null ? [begins(anchor.name, world.random)] : [];
      const held = isHeld ? at : await keep(at, begun);
      const { size, consistency } = signed.tree;
      const newest = await anchor.newest({ note: signed.note, size, consistency });
      await hold(newest ?? { size: 0, note: null }, at.frontier.size);
      // Another process has brought a newer one: its row is about to say so.
      if (newest !== null && newest.size > signed.tree.size) return;
      await put(held, signed);
    },
    giveUp: async () => {
      const row = givenUp(seat, await store.follower(seat.name));
      if (row !== null) await queue.submit({ ...NOTHING, followers: [row] });
    },
  };
}

/** Of a lease, in milliseconds: what is left of one that need not be renewed before a place is asked. */
const HURRY = 2500;
/** Events whose files are kept, before that is saved. */
const MOST_UNSAVED = 65_536;

async function* noFiles(): AsyncGenerator<never> {
  // Whoever keeps checkpoints alone is given nothing else.
}
const NO_FILES = { [Symbol.asyncIterator]: () => noFiles() };

/** From here on the log says that this anchor is in use: one that it no longer has was taken away. */
const begins = (anchor: string, random: (bytes: number) => Uint8Array) =>
  systemDraft('anchors', 'anchor', 'done', { detail: { anchor } }, random);
