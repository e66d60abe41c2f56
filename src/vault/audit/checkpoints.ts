import { ed25519 } from '../../crypto/ed25519.ts';
import { equalBytes } from '../../crypto/encoding.ts';
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../../log/checkpoint.ts';
import type { Signer } from '../../log/note.ts';
import { verifyConsistency } from '../../log/proof.ts';
import { prover, type ReadTile, TileMissing } from '../../log/prove.ts';
import { appendToTiles, decodeEdge, encodeEdge, NO_EDGE, type Tile, type TileEdge } from '../../log/tile.ts';
import { root } from '../../log/tree.ts';
import { NoteRefused, type Verifier, verifierOf } from '../../log/verifier.ts';
import type { Core } from '../core.ts';
import type { Keyring } from '../custody/keyring.ts';
import type { Epoch } from '../epoch.ts';
import { EDITED } from '../findings.ts';
import type { CheckpointRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { type Follower, FollowerStopped, type Made, type Taken } from './follow.ts';

/** What the follower of checkpoints keeps: the tiles that are not full yet, and its last signed checkpoint. */
export interface Published {
  readonly edge: TileEdge;
  /** Empty before the first. */
  readonly note: string;
}

/** Of the follower's row. */
export const CHECKPOINTS = 'checkpoints';
/** Reading, hashing and filing them holds up nobody for longer than a few milliseconds. */
const MOST_EVENTS = 1024;
/** A checkpoint is kept for each of so many milliseconds; the newest is in the follower's row besides. */
const SLOT = 3_600_000;
const LENGTH_BYTES = 2;

/** Signs for the log: its key's name, and its origin, is `strongroom/<vault id>`. */
export function logSigner(keys: Keyring, vaultId: string): Signer {
  const { publicKey, sign } = ed25519(keys.vault('checkpoints').secret);
  return { verifier: verifierOf(`strongroom/${vaultId}`, publicKey), sign };
}

/** Whose signature a checkpoint of the log may have. */
export const logVerifiers = ({ keys, vaultId }: Pick<Epoch, 'keys' | 'vaultId'>): readonly Verifier[] => [
  logSigner(keys, vaultId).verifier,
];

/** The note after its length in two bytes, then the edge. */
export function encodePublished({ edge, note }: Published): Uint8Array {
  const text = Buffer.from(note);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, text, encodeEdge(edge)]);
}

/** Null for bytes that are no state at that cursor. */
export function decodePublished(bytes: Uint8Array, cursor: number): Published | null {
  const buffer = Buffer.from(bytes);
  if (buffer.length < LENGTH_BYTES) return null;
  const end = LENGTH_BYTES + buffer.readUInt16BE(0);
  const edge = decodeEdge(cursor, buffer.subarray(end));
  return edge === null || end > buffer.length
    ? null
    : { edge, note: buffer.toString('utf8', LENGTH_BYTES, end) };
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
  const { store, epochs, findings } = core;
  /** The last one of this process: whoever put the whole store back has not put back this. */
  let own = '';

  async function take({ edge, note }: Published, taken: Taken): Promise<Made<Published>> {
    const { full, edge: next } = appendToTiles(edge, taken.leaves);
    const inserts = (await unstored(store, full)).map((row) => ({ table: 'tiles' as const, row }));
    if (!taken.isProven) return { state: { edge: next, note }, write: { inserts } };
    const { keys, vaultId } = await epochs.current();
    const signer = logSigner(keys, vaultId);
    const signed = { origin: signer.verifier.name, size: taken.frontier.size, root: root(taken.frontier) };
    const last = await store.lastCheckpoint();
    const readTile = tileReader(store, next, full);
    for (const earlier of [note, own])
      if (earlier !== '') await mustContinue(opened(earlier, signer), signed, readTile);
    for (const earlier of anchored()) await mustContinue(earlier, signed, readTile);
    const stored = last === null ? null : openedRow(last, signer);
    if (stored !== null) await mustContinue(stored, signed, readTile);
    else if (last !== null)
      findings.note({ table: 'checkpoints', record: String(last.slot), problem: EDITED });
    own = signCheckpoint(signed, signer);
    const row = { slot: Math.floor(taken.now / SLOT), size: signed.size, at: taken.now, note: own };
    return { state: { edge: next, note: own }, write: { inserts, checkpoints: [row] } };
  }

  return {
    name: CHECKPOINTS,
    most: MOST_EVENTS,
    fresh: { edge: NO_EDGE, note: '' },
    encode: encodePublished,
    decode: decodePublished,
    take,
  };
}

const opened = (note: string, { verifier }: Signer): Checkpoint =>
  openCheckpoint(Buffer.from(note), verifier);

/** Null for a row that the vault did not write. */
export function openedRow({ note, size }: CheckpointRow, signer: Signer): Checkpoint | null {
  try {
    const checkpoint = opened(note, signer);
    return checkpoint.size === size ? checkpoint : null;
  } catch (error) {
    if (error instanceof NoteRefused) return null;
    throw error;
  }
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
