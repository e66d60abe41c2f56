import { type Checkpoint, parseCheckpoint } from '../../log/checkpoint.ts';
import { verifyConsistency } from '../../log/proof.ts';
import { provenTiles } from '../../log/proven-tiles.ts';
import { prover, type ReadTile, TileMissing } from '../../log/prove.ts';
import { bundlesOf, levelsOf, recomputeSet, tilesOf, type TreeResource } from '../../log/tile-set.ts';
import { TILE_WIDTH } from '../../log/tile.ts';
import { NoteRefused } from '../../log/verifier.ts';
import { holdsDuty } from '../access/duty.ts';
import { attempt } from '../attempt.ts';
import { type Caller, commit, draft } from '../call.ts';
import type { Core } from '../core.ts';
import type { Key } from '../custody/keyring.ts';
import { VaultError } from '../error.ts';
import { EDITED, type Finding } from '../findings.ts';
import { tileReader } from './checkpoints.ts';
import { entryBundle, EventUnproven } from './entry-bundle.ts';
import { publishedOf } from './published.ts';

/** Port: where an archive of the log stands, as files by their paths in C2SP tlog-tiles. */
export interface ArchivePlace {
  /** Null where there is none, or something that is too large to be it. */
  readonly read: (resource: TreeResource | typeof CHECKPOINT) => Promise<Uint8Array | null>;
  readonly has: (resource: TreeResource) => Promise<boolean>;
  /** Done once it is durable. Nothing that is there is written over. */
  readonly add: (resource: TreeResource, bytes: Uint8Array) => Promise<void>;
  /** Puts another checkpoint in the place of the one before, or of none; done once it is durable. */
  readonly putCheckpoint: (note: Uint8Array) => Promise<void>;
}

/** Told what is done and how much of it, from 0 to 1; what it throws ends the run. */
export type Archiving = (step: string, done: number) => void;

/** What an archive holds after a run. */
export interface Archived {
  /** Events up to its checkpoint. */
  readonly size: number;
  /** Base64. */
  readonly root: string;
  /** Files that this run wrote, and those that were there. */
  readonly added: number;
  readonly kept: number;
}

/** Why the log is not archived there: a sentence for the operator. */
export class ArchiveRefused extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'ArchiveRefused';
  }
}

const CHECKPOINT = { kind: 'checkpoint' } as const;

/** The tree of the newest checkpoint, whose tiles are proven by it. */
interface Tree {
  readonly checkpoint: Checkpoint;
  readonly note: Uint8Array;
  readonly tiles: ReadTile;
}

/**
 * Copies the log up to its newest checkpoint: every tile, every event. Nothing is written but what that checkpoint proves, nothing
 * that is there is written over, and the checkpoint comes last, once all was read back and hashed anew. Ended anywhere, a run
 * goes on when it is repeated.
 */
export async function archiveLog(
  core: Core,
  caller: Caller,
  rowsKey: Key,
  place: ArchivePlace,
  progress: Archiving,
): Promise<Archived> {
  try {
    const tree = await begin(core, caller, rowsKey, place);
    const { size, root } = tree.checkpoint;
    const counts = await fill(core, tree, place, progress);
    const fault = await recomputeSet(tree.checkpoint, place.read, (entries) =>
      progress('Reading the archive back', entries / size),
    );
    if (fault !== null) throw new ArchiveRefused(`${fault.path} of the archive ${fault.problem}: ${UNFIT}`);
    await place.putCheckpoint(tree.note);
    return { size, root: Buffer.from(root).toString('base64'), ...counts };
  } catch (error) {
    if (error instanceof EventUnproven) throw gone(core, 'events', String(error.index), UNPROVEN);
    if (error instanceof TileMissing) throw gone(core, 'tiles', '*', EDITED);
    throw error;
  }
}

const UNPROVEN = 'the log does not prove what is stored';
const UNFIT = 'its checkpoint stays as it was. Archive to another folder, and keep this one as evidence';

/** Decides, and commits the event of the run before anything is copied: it shows events. */
const begin = (core: Core, caller: Caller, rowsKey: Key, place: ArchivePlace): Promise<Tree> =>
  attempt(core, caller, { action: 'audit.archive', expected: 16 }, async (call) => {
    if (!(await holdsDuty(call, 'audit', 'audit.archive'))) return null;
    const { note, edge } = await publishedOf(call, rowsKey);
    const checkpoint = parseCheckpoint(note);
    const tiles = provenTiles(checkpoint, tileReader(core.store, edge));
    await mustContinue(await place.read(CHECKPOINT), checkpoint, tiles);
    const root = Buffer.from(checkpoint.root).toString('base64');
    const drafts = [draft(call, 'audit.archive', 'done', { detail: { size: checkpoint.size, root } })];
    const done = await commit(call, 'audit_unavailable', { drafts });
    return done === null ? null : { checkpoint, note: Buffer.from(note), tiles };
  });

/**
 * The archive must be of this log, and of no later state: a store that was put back is not to take its place. Its root tells that
 * better than its signature does.
 * @throws ArchiveRefused
 */
async function mustContinue(note: Uint8Array | null, next: Checkpoint, tiles: ReadTile): Promise<void> {
  if (note === null) return;
  const held = archivedIn(note);
  if (held.origin !== next.origin) throw new ArchiveRefused('the archive there is of another vault');
  if (held.size > next.size)
    throw new ArchiveRefused(
      `the archive there holds ${held.size} events and the log ${next.size}: the archive was changed, or the store put back`,
    );
  if (held.size === 0) return;
  const proof = await prover(next.size, tiles).consistency(held.size);
  const states = { oldSize: held.size, oldRoot: held.root, newSize: next.size, newRoot: next.root };
  if (!verifyConsistency({ ...states, proof }))
    throw new ArchiveRefused(
      `the log does not continue the ${held.size} events in the archive there: one of them was changed`,
    );
}

function archivedIn(note: Uint8Array): Checkpoint {
  try {
    return parseCheckpoint(Buffer.from(note).toString('utf8'));
  } catch (error) {
    if (!(error instanceof NoteRefused)) throw error;
    throw new ArchiveRefused('the archive there has a checkpoint that is none');
  }
}

type Counts = Pick<Archived, 'added' | 'kept'>;

/** Adds what is not there. An event is read for a bundle that is not there, and for no other. */
async function fill(
  core: Core,
  { checkpoint, tiles }: Tree,
  place: ArchivePlace,
  progress: Archiving,
): Promise<Counts> {
  const { size } = checkpoint;
  const counts = { added: 0, kept: 0 };
  async function add(resource: TreeResource, bytes: () => Promise<Uint8Array>): Promise<void> {
    if (await place.has(resource)) return void (counts.kept += 1);
    await place.add(resource, await bytes());
    counts.added += 1;
  }
  for (const bundle of bundlesOf(size)) {
    const { index, width } = bundle;
    const hashes = await tiles(0, index, width);
    await add({ kind: 'tile', level: 0, index, width }, () => Promise.resolve(hashes));
    await add(bundle, () => entryBundle(core.store, index, hashes));
    progress('Copying the log', (index * TILE_WIDTH + width) / size);
  }
  for (const level of levelsOf(size))
    for (const tile of level === 0 ? [] : tilesOf(size, level))
      await add(tile, () => tiles(level, tile.index, tile.width));
  return counts;
}

function gone({ findings }: Core, table: Finding['table'], record: string, problem: string): VaultError {
  findings.note({ table, record, problem });
  return new VaultError('integrity');
}
