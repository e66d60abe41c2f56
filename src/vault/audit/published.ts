import { encodeEntries } from '../../log/entries.ts';
import { encodeProof } from '../../log/proof-file.ts';
import { verifyInclusion } from '../../log/proof.ts';
import { prover, TileMissing } from '../../log/prove.ts';
import { isInTree, type LogResource, parseResource } from '../../log/tile-path.ts';
import { TILE_WIDTH, type TileEdge } from '../../log/tile.ts';
import { HASH_BYTES, leafHash } from '../../log/tree.ts';
import type { NewestCheckpointRequest, ProveEventRequest } from '../../wire/audit.ts';
import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Call, type Caller, commit, draft, unauthentic } from '../call.ts';
import type { Core } from '../core.ts';
import type { Key } from '../custody/keyring.ts';
import { VaultError } from '../error.ts';
import { EDITED } from '../findings.ts';
import { cosignedNewest } from './cosigned.ts';
import type { EventRow } from '../rows.ts';
import { CHECKPOINTS, logSigner, publishedIn, tileReader } from './checkpoints.ts';
import { openByKeys } from './log-keys.ts';

/** What an auditor is shown of the log: its key, the newest checkpoint, tiles, entries and proofs. Each asks for the duty. */

export interface LogKey {
  /** As C2SP signed-note writes a verifier key. */
  readonly key: string;
  /** The events out of which `keys` come. */
  readonly size: number;
  /** All that the log has had: each signs the checkpoints of `from` events and more, up to the next one's. */
  readonly keys: readonly { readonly from: number; readonly key: string }[];
  readonly requestId: string;
}

export interface NewestCheckpoint {
  readonly size: number;
  /** A signed note of C2SP tlog-checkpoint. */
  readonly checkpoint: string;
  readonly requestId: string;
}

export interface EventProof {
  readonly index: number;
  readonly size: number;
  /** A proof of C2SP tlog-proof, whose extra data are the event's bytes. */
  readonly proof: string;
  readonly requestId: string;
}

const AUDIT = { expected: 16 };

/** The key that a log's checkpoints verify under, and those before it. */
export const logKey = (core: Core, caller: Caller, rowsKey: Key): Promise<LogKey> =>
  attempt(core, caller, { action: 'audit.key', ...AUDIT }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.key'))) return null;
    const { text } = logSigner(call.epoch.keys, call.epoch.vaultId).verifier;
    const row = await core.store.follower(CHECKPOINTS);
    const state = row === null ? null : publishedIn(row, rowsKey.secret);
    const drafts = [draft(call, 'audit.key', 'done')];
    const done = await commit(call, 'audit_unavailable', { drafts });
    const keys = (state?.keys ?? []).map(({ from, verifier }) => ({ from, key: verifier.text }));
    const { request: requestId } = caller.origin;
    return done === null ? null : { key: text, size: state?.edge.size ?? 0, keys, requestId };
  });

/** The newest signed checkpoint, or the newest that a witness signed too: `not_found` before the first. */
export const newestCheckpoint = (
  core: Core,
  caller: Caller,
  { cosigned = false }: NewestCheckpointRequest,
  rowsKey: Key,
): Promise<NewestCheckpoint> =>
  attempt(core, caller, { action: 'audit.checkpoint', ...AUDIT }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.checkpoint'))) return null;
    const shown = cosigned ? await cosignedNewest(core, rowsKey.secret) : await publishedOf(call, rowsKey);
    if (shown === null) throw new VaultError('not_found');
    const { note, size } = shown;
    const drafts = [draft(call, 'audit.checkpoint', 'done', { detail: { size } })];
    const done = await commit(call, 'audit_unavailable', { drafts });
    return done === null ? null : { size, checkpoint: note, requestId: caller.origin.request };
  });

/** That an event is in the log of the newest checkpoint, with its bytes. */
export const proveEvent = (
  core: Core,
  caller: Caller,
  { index }: ProveEventRequest,
  rowsKey: Key,
): Promise<EventProof> =>
  attempt(core, caller, { action: 'audit.prove', ...AUDIT }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.prove'))) return null;
    const published = await publishedOf(call, rowsKey);
    if (index >= published.size) throw new VaultError('not_found');
    const [event] = await core.store.eventsFrom(index, 1);
    if (event === undefined || event.index !== index) throw eventGone(call, index);
    const proof = await proofOf(call, published, event);
    const drafts = [draft(call, 'audit.prove', 'done', { detail: { index, size: published.size } })];
    const done = await commit(call, 'audit_unavailable', { drafts });
    return done === null ? null : { index, size: published.size, proof, requestId: caller.origin.request };
  });

/**
 * What C2SP tlog-tiles serves. Hashes tell nothing of the events under them and leave no event of their own: one that follows the
 * log must not make it grow.
 */
export async function readLog(core: Core, caller: Caller, path: string, rowsKey: Key): Promise<LogPart> {
  const resource = parseResource(path);
  if (resource?.kind === 'checkpoint') {
    const { checkpoint } = await newestCheckpoint(core, caller, {}, rowsKey);
    return { kind: 'checkpoint', bytes: Buffer.from(checkpoint) };
  }
  if (resource?.kind === 'entries')
    return { kind: 'entries', bytes: await readEntries(core, caller, resource, rowsKey) };
  return { kind: 'tile', bytes: await readTile(core, caller, resource, rowsKey) };
}

/** Bytes as a tool takes them. */
export interface LogPart {
  readonly kind: LogResource['kind'];
  readonly bytes: Uint8Array;
}

/** @param tile null for a path that names nothing */
const readTile = (
  core: Core,
  caller: Caller,
  tile: Extract<LogResource, { kind: 'tile' }> | null,
  rowsKey: Key,
): Promise<Uint8Array> =>
  attempt(core, caller, { action: 'audit.tile', ...AUDIT }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.tile'))) return null;
    const published = await publishedOf(call, rowsKey);
    if (tile === null || !isInTree(tile, published.size)) throw new VaultError('not_found');
    const { level, index, width } = tile;
    const hashes = await tileReader(core.store, published.edge)(level, index, width);
    if (hashes.length < width * HASH_BYTES) throw tileGone(call, `${level}/${index}`);
    return hashes.subarray(0, width * HASH_BYTES);
  });

const readEntries = (
  core: Core,
  caller: Caller,
  bundle: Extract<LogResource, { kind: 'entries' }>,
  rowsKey: Key,
): Promise<Uint8Array> =>
  attempt(core, caller, { action: 'audit.entries', ...AUDIT }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.entries'))) return null;
    const published = await publishedOf(call, rowsKey);
    if (!isInTree(bundle, published.size)) throw new VaultError('not_found');
    const { index, width } = bundle;
    const first = index * TILE_WIDTH;
    const events = await core.store.eventsFrom(first, width);
    if (events.length < width || events.some((event, i) => event.index !== first + i))
      throw eventGone(call, first);
    const drafts = [draft(call, 'audit.entries', 'done', { detail: { first, count: width } })];
    const done = await commit(call, 'audit_unavailable', { drafts });
    return done === null ? null : encodeEntries(events.map(({ bytes }) => bytes));
  });

/** The newest checkpoint, and the tiles of its tree that are not stored. */
export interface Shown {
  readonly note: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly edge: TileEdge;
}

/** @throws VaultError `not_found` before the first checkpoint; `integrity` where its row is not the vault's */
export async function publishedOf(call: Call, rowsKey: Key): Promise<Shown> {
  const row = await call.core.store.follower(CHECKPOINTS);
  if (row === null) throw new VaultError('not_found');
  const state = publishedIn(row, rowsKey.secret);
  if (state === null) throw unauthentic(call, { table: 'followers', record: CHECKPOINTS, problem: EDITED });
  if (state.note === '') throw new VaultError('not_found');
  const { size, root } = openByKeys(state.note, state.keys);
  return { ...state, size, root };
}

/**
 * A proof of C2SP tlog-proof, whose extra data are the event's bytes.
 * @throws VaultError `integrity` where what is stored proves nothing
 */
export async function proofOf(
  call: Call,
  { note, size, root, edge }: Shown,
  { index, bytes }: EventRow,
): Promise<string> {
  const { store } = call.core;
  const hashes = await prover(size, tileReader(store, edge))
    .inclusion(index)
    .catch((error: unknown) => {
      if (error instanceof TileMissing) throw tileGone(call, '*');
      throw error;
    });
  // What was changed in the store is proven by nothing: it is not given out under the log's name.
  if (!verifyInclusion({ leaf: leafHash(bytes), index, size, root, proof: hashes }))
    throw eventGone(call, index);
  return encodeProof({ index, hashes, checkpoint: note, extra: bytes });
}

const tileGone = (call: Call, record: string): VaultError =>
  unauthentic(call, { table: 'tiles', record, problem: EDITED });
export const eventGone = (call: Call, index: number): VaultError =>
  unauthentic(call, {
    table: 'events',
    record: String(index),
    problem: 'the log does not prove what is stored',
  });
