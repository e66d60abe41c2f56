import { equalBytes } from '../../crypto/encoding.ts';
import type { Secret } from '../../crypto/key.ts';
import { type Checkpoint, signCheckpoint } from '../../log/checkpoint.ts';
import type { Signer } from '../../log/note.ts';
import { verifyConsistency } from '../../log/proof.ts';
import { prover, type ReadTile, TileMissing } from '../../log/prove.ts';
import {
  appendToTiles,
  decodeEdge,
  encodeEdge,
  frontierOf,
  NO_EDGE,
  type Tile,
  type TileEdge,
} from '../../log/tile.ts';
import { encodeFrontier, root } from '../../log/tree.ts';
import { unlessRefused, type Verifier } from '../../log/verifier.ts';
import type { Core } from '../core.ts';
import { isAuthentic } from '../custody/authentic.ts';
import type { Keyring } from '../custody/keyring.ts';
import type { Epoch } from '../epoch.ts';
import { VaultError } from '../error.ts';
import { EDITED } from '../findings.ts';
import type { CheckpointRow, FollowerRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { type Follower, FollowerStopped, type Made, type Taken } from './follow.ts';
import {
  type ActiveLogKey,
  activeLogKey,
  decodeLogKeys,
  encodeLogKeys,
  keyAt,
  keysAfter,
  type LogKeys,
  NOT_NAMED,
  openByKeys,
} from './log-keys.ts';

/** What the follower of checkpoints keeps: the tiles that are not full yet, its last signed checkpoint, and the log's keys. */
export interface Published {
  readonly edge: TileEdge;
  /** As the events up to its cursor prove them. */
  readonly keys: LogKeys;
  /** Empty before the first. */
  readonly note: string;
}

/** Of the follower's row. */
export const CHECKPOINTS = 'checkpoints';
/** Reading, hashing and filing them holds up nobody for longer than a few milliseconds. */
const MOST_EVENTS = 1024;
/** A checkpoint is kept for each of so many milliseconds; the newest is in the follower's row besides. */
const SLOT = 3_600_000;
const NOTE_LENGTH_BYTES = 2;
const KEYS_LENGTH_BYTES = 4;

/** The key that signs for the log now. */
export function logSigner(keys: Keyring, vaultId: string): Signer {
  // Told by its name, where it is missing.
  keys.vault('checkpoints');
  const signer = activeLogKey(keys, vaultId);
  if (signer === null) throw new VaultError('integrity');
  return signer;
}

/** Whose signature a checkpoint of the log may have: every key that it proves, and the one that it has now. */
export function logVerifiers(
  { keys, vaultId }: Pick<Epoch, 'keys' | 'vaultId'>,
  proven: LogKeys,
): readonly Verifier[] {
  const active = activeLogKey(keys, vaultId);
  return [...proven.map(({ verifier }) => verifier), ...(active === null ? [] : [active.verifier])];
}

/** The note after its length in two bytes, the keys after theirs in four, then the edge. */
export function encodePublished({ edge, note, keys }: Published): Uint8Array {
  const [text, chain] = [Buffer.from(note), encodeLogKeys(keys)];
  const lengths = [Buffer.alloc(NOTE_LENGTH_BYTES), Buffer.alloc(KEYS_LENGTH_BYTES)] as const;
  lengths[0].writeUInt16BE(text.length);
  lengths[1].writeUInt32BE(chain.length);
  return Buffer.concat([lengths[0], text, lengths[1], chain, encodeEdge(edge)]);
}

/** Null for bytes that are no state at that cursor. */
export function decodePublished(bytes: Uint8Array, cursor: number): Published | null {
  const buffer = Buffer.from(bytes);
  if (buffer.length < NOTE_LENGTH_BYTES) return null;
  const noteEnd = NOTE_LENGTH_BYTES + buffer.readUInt16BE(0);
  const start = noteEnd + KEYS_LENGTH_BYTES;
  if (start > buffer.length) return null;
  const end = start + buffer.readUInt32BE(noteEnd);
  if (end > buffer.length) return null;
  const edge = decodeEdge(cursor, buffer.subarray(end));
  const keys = decodeLogKeys(buffer.subarray(start, end));
  return edge === null || keys === null
    ? null
    : { edge, keys, note: buffer.toString('utf8', NOTE_LENGTH_BYTES, noteEnd) };
}

/** What was filed, by the follower's row; null for one that the vault did not write. */
export function publishedIn(row: FollowerRow, rowsKey: Secret): Published | null {
  const state = isAuthentic(rowsKey, 'followers', row) ? decodePublished(row.state, row.cursor) : null;
  return state === null || !equalBytes(row.frontier, encodeFrontier(frontierOf(state.edge))) ? null : state;
}

/**
 * Files the log's tree as tiles of C2SP tlog-tiles and signs a checkpoint whenever it has caught up with the head. None is signed
 * that does not continue all that are known to have been.
 * @param anchored those that are kept off the host
 */
export function checkpointFollower(
  core: Pick<Core, 'store' | 'epochs' | 'findings'>,
  anchored: () => readonly Checkpoint[] = () => [],
): Follower<Published> {
  const { store, findings } = core;
  /** The last one of this process: whoever put the whole store back has not put back this. */
  let own: Checkpoint | null = null;

  async function take({ edge, note, keys: before }: Published, taken: Taken): Promise<Made<Published>> {
    const { full, edge: next } = appendToTiles(edge, taken.leaves);
    const inserts = (await unstored(store, full)).map((row) => ({ table: 'tiles' as const, row }));
    const proven = keysOf(before, taken);
    const { size } = taken.frontier;
    const signer = taken.isProven ? await dueSigner(core, proven, size) : null;
    if (signer === null) return { state: { edge: next, note, keys: proven }, write: { inserts } };
    // Who signs first is known from then on.
    const keys = proven.length > 0 ? proven : [{ from: 0, verifier: signer.verifier }];
    const signed = { origin: signer.verifier.name, size, root: root(taken.frontier) };
    const last = await store.lastCheckpoint();
    const readTile = tileReader(store, next, full);
    for (const earlier of [note === '' ? null : openedNote(note, keys), own])
      if (earlier !== null) await mustContinue(earlier, signed, readTile);
    for (const earlier of anchored()) await mustContinue(earlier, signed, readTile);
    const stored = last === null ? null : openedRow(last, keys);
    if (stored !== null) await mustContinue(stored, signed, readTile);
    else if (last !== null)
      findings.note({ table: 'checkpoints', record: String(last.slot), problem: EDITED });
    own = signed;
    const text = signCheckpoint(signed, signer);
    const row = { slot: Math.floor(taken.now / SLOT), size, at: taken.now, note: text };
    return { state: { edge: next, note: text, keys }, write: { inserts, checkpoints: [row] } };
  }

  return {
    name: CHECKPOINTS,
    most: MOST_EVENTS,
    fresh: { edge: NO_EDGE, note: '', keys: [] },
    encode: encodePublished,
    decode: decodePublished,
    take,
  };
}

/** @throws FollowerStopped where an event says that the key changed, and the key before does not */
function keysOf(before: LogKeys, { first, events }: Taken): LogKeys {
  let keys = before;
  for (const [i, bytes] of events.entries()) {
    const after = keysAfter(keys, first + i, bytes);
    if (after === null) {
      const problem = 'the key of the log did not change as this event says';
      throw new FollowerStopped({ table: 'events', record: String(first + i), problem });
    }
    keys = after;
  }
  return keys;
}

/**
 * Who signs a checkpoint of that size. The key and the event by which it came are one commit, and what this process knows of
 * either may be older: an event that it has read shows the newer key, and a key before its event is one to wait for.
 * @returns null where the key that counted at that size is no more: the next checkpoint covers the event that ended it
 * @throws FollowerStopped where the store's key is not the one that the log ends with
 */
async function dueSigner(
  { store, epochs }: Pick<Core, 'store' | 'epochs'>,
  keys: LogKeys,
  size: number,
): Promise<Signer | null> {
  const due = keyAt(keys, size);
  for (const isNewest of [false, true]) {
    if (isNewest) await epochs.refresh();
    const { keys: ring, vaultId } = await epochs.current();
    // Of a store that has none, and never had: it is told that nothing is signed.
    if (keys.length === 0) ring.vault('checkpoints');
    const active = activeLogKey(ring, vaultId);
    if (active !== null && isDue(active, due)) return active;
  }
  if (((await store.head())?.size ?? 0) > size) return null;
  throw new FollowerStopped({ table: 'keys', record: '*', problem: NOT_NAMED });
}

/** A key that signed before any other came with the vault: it is the first, and no event tells of it. */
const isDue = (active: ActiveLogKey, due: Verifier | null): boolean =>
  due === null ? active.version === 1 : active.verifier.text === due.text;

/** @throws FollowerStopped */
function openedNote(note: string, keys: LogKeys): Checkpoint {
  const opened = unlessRefused(() => openByKeys(note, keys));
  if (opened === null)
    throw new FollowerStopped({ table: 'followers', record: CHECKPOINTS, problem: EDITED });
  return opened;
}

/** Null for a row that the vault did not write. */
export function openedRow({ note, size }: CheckpointRow, keys: LogKeys): Checkpoint | null {
  const checkpoint = unlessRefused(() => openByKeys(note, keys));
  return checkpoint?.size === size ? checkpoint : null;
}

/** The tiles that are not stored yet: a follower that was put back files them again. */
async function unstored(store: Store, full: readonly Tile[]): Promise<readonly Tile[]> {
  const found = await store.tiles(full);
  return full.filter((tile, i) => {
    const stored = found[i] ?? null;
    if (stored === null) return true;
    if (!equalBytes(stored.hashes, tile.hashes))
      throw new FollowerStopped({ table: 'tiles', record: `${tile.level}/${tile.index}`, problem: EDITED });
    return false;
  });
}

/** Reads tiles of a tree whose edge this is: those that are about to be stored, or not full, from here. */
export function tileReader(
  store: Pick<Store, 'tiles'>,
  edge: TileEdge,
  full: readonly Tile[] = [],
): ReadTile {
  return async (level, index) => {
    const made = full.find((tile) => tile.level === level && tile.index === index);
    if (made !== undefined) return made.hashes;
    if (index === Math.floor(edge.size / 256 ** (level + 1))) return Buffer.concat(edge.levels[level] ?? []);
    const [stored] = await store.tiles([{ level, index }]);
    return stored?.hashes ?? new Uint8Array(0);
  };
}

/** @throws FollowerStopped where the log that is to be signed is not that of an earlier checkpoint, grown */
async function mustContinue(earlier: Checkpoint, next: Checkpoint, readTile: ReadTile): Promise<void> {
  const forked = new FollowerStopped({
    table: 'checkpoints',
    record: String(earlier.size),
    problem: 'the log does not continue what was signed',
  });
  if (earlier.size === 0) return;
  if (earlier.size > next.size) throw forked;
  const proof = await prover(next.size, readTile)
    .consistency(earlier.size)
    .catch((error: unknown) => {
      if (error instanceof TileMissing) throw forked;
      throw error;
    });
  const states = { oldSize: earlier.size, oldRoot: earlier.root, newSize: next.size, newRoot: next.root };
  if (!verifyConsistency({ ...states, proof })) throw forked;
}
