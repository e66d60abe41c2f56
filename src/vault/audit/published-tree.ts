import { equalBytes } from '../../crypto/encoding.ts';
import { parseCheckpoint } from '../../log/checkpoint.ts';
import { parseNote } from '../../log/note.ts';
import { unlessRefused } from '../../log/verifier.ts';
import { appendToTiles, frontierOf, NO_EDGE, type Tile, TILE_WIDTH } from '../../log/tile.ts';
import { leafHash, root } from '../../log/tree.ts';
import { isAuthentic } from '../custody/authentic.ts';
import type { CheckpointRow, FollowerRow } from '../rows.ts';
import type { StoreSnapshot } from '../store.ts';
import type { Find, VerifyDeps } from './against.ts';
import { CHECKPOINTS, decodePublished, encodePublished, openedRow } from './checkpoints.ts';
import { type ActiveLogKey, encodeLogKeys, keysAfter, type LogKeys, NOT_NAMED } from './log-keys.ts';

/** A signed state of the log that is held against it: first its root, and who signed it once all keys are known. */
interface Claimed {
  readonly table: 'checkpoints' | 'followers';
  readonly size: number;
  readonly root: Uint8Array;
  readonly row: CheckpointRow;
}

const GROUP = 256;
/** A note of the vault's is shorter: longer ones of others are not kept. */
const MOST_NOTE = 4096;
const UNSIGNED = 'a checkpoint is not as the vault signed it';

/**
 * Holds what is stored of the log's tree against the log: tiles, checkpoints, and the followers' own rows. It is given the
 * log's events, one after another.
 */
export class PublishedTree {
  readonly #find: Find;
  readonly #active: ActiveLogKey | null;
  /** As the events prove them. */
  #keys: LogKeys = [];
  #index = 0;
  /** Hashes of stored tiles that have not been met. */
  readonly #tiles = new Map<string, Uint8Array>();
  #claims: readonly Claimed[] = [];
  readonly #followers: FollowerRow[] = [];
  #edge = NO_EDGE;
  #leaves: Uint8Array[] = [];
  #next = 0;

  private constructor(find: Find, active: ActiveLogKey | null) {
    this.#find = find;
    this.#active = active;
  }

  static async read(snapshot: StoreSnapshot, deps: VerifyDeps, find: Find): Promise<PublishedTree> {
    const tree = new PublishedTree(find, deps.logKey);
    const size = snapshot.authority.head?.size ?? 0;
    for await (const row of snapshot.scan('followers')) {
      if (!isAuthentic(deps.rowsKey, 'followers', row))
        find('followers', 'a row is not as the vault wrote it');
      else if (row.cursor > size) find('followers', `${row.name} has read more than the log has`);
      else tree.#followers.push(row);
    }
    await tree.#readClaims(snapshot, size);
    for await (const { level, index, hashes } of snapshot.scan('tiles')) {
      // Whoever writes the database may have put any number there: those that no log of this size has are not kept.
      if ((index + 1) * TILE_WIDTH <= size / TILE_WIDTH ** level)
        tree.#tiles.set(`${level}/${index}`, leafHash(hashes));
      else find('tiles', `${level}/${index} is of no tree of this size`);
    }
    return tree;
  }

  async #readClaims(snapshot: StoreSnapshot, size: number): Promise<void> {
    const claims: Claimed[] = [];
    const take = (table: Claimed['table'], row: CheckpointRow): void => {
      const claimed = claimOf(row);
      if (claimed === null) this.#find(table, UNSIGNED);
      else if (claimed.size > size)
        this.#find(table, `a checkpoint is of ${claimed.size} events, which the log has not`);
      else claims.push({ table, row, ...claimed });
    };
    for await (const row of snapshot.scan('checkpoints')) take('checkpoints', row);
    const own = this.#followers.find(({ name }) => name === CHECKPOINTS);
    const note = own === undefined ? '' : (decodePublished(own.state, own.cursor)?.note ?? '');
    const signed = note === '' ? Number.NaN : Number(note.split('\n')[1]);
    if (note !== '') take('followers', { slot: 0, at: 0, note, size: signed });
    this.#claims = claims.toSorted((a, b) => a.size - b.size);
  }

  read(bytes: Uint8Array): void {
    const keys = keysAfter(this.#keys, this.#index, bytes);
    if (keys === null) this.#find('events', `the key of the log did not change as event ${this.#index} says`);
    else this.#keys = keys;
    this.#index++;
    this.#leaves.push(leafHash(bytes));
    const size = this.#edge.size + this.#leaves.length;
    const isAsked =
      this.#claims[this.#next]?.size === size || this.#followers.some((row) => row.cursor === size);
    if (isAsked || this.#leaves.length === GROUP) this.#grow();
  }

  /** Tells what was stored of the tree and is not of the log. */
  close(): void {
    this.#grow();
    for (const place of this.#tiles.keys()) this.#find('tiles', `${place} is of no tree of this size`);
    for (const claim of this.#claims.slice(this.#next))
      if (claim.size > 0) this.#find(claim.table, 'a checkpoint could not be held against the log');
    this.#checkKeys();
  }

  /** Who signed, by the keys that the log proves: the store's own key must be the last of them. */
  #checkKeys(): void {
    const active = this.#active;
    const isFirst = this.#keys.length === 0 && active?.version === 1;
    const keys = isFirst ? [{ from: 0, verifier: active.verifier }] : this.#keys;
    if (keys.at(-1)?.verifier.text !== active?.verifier.text) this.#find('keys', NOT_NAMED);
    for (const { table, row } of this.#claims) if (openedRow(row, keys) === null) this.#find(table, UNSIGNED);
    const own = this.#followers.find(({ name }) => name === CHECKPOINTS);
    const held = own === undefined ? null : decodePublished(own.state, own.cursor);
    if (own === undefined || held === null) return;
    const due = keys.filter(({ from }) => from <= own.cursor);
    // Before it has signed it does not know the first.
    const isNone = held.keys.length === 0 && held.note === '' && due.length <= 1;
    if (!isNone && !equalBytes(encodeLogKeys(held.keys), encodeLogKeys(due)))
      this.#find('followers', `${CHECKPOINTS} does not hold the keys of the log`);
  }

  #grow(): void {
    const { edge, full } = appendToTiles(this.#edge, this.#leaves);
    this.#edge = edge;
    this.#leaves = [];
    for (const tile of full) this.#checkTile(tile);
    const frontier = frontierOf(edge);
    for (const row of this.#followers.filter(({ cursor }) => cursor === edge.size)) this.#checkFollower(row);
    for (let claim = this.#claims[this.#next]; claim?.size === edge.size; claim = this.#claims[++this.#next])
      if (!equalBytes(claim.root, root(frontier)))
        this.#find(claim.table, `a checkpoint of ${claim.size} events is of another log`);
  }

  #checkTile({ level, index, hashes }: Tile): void {
    const place = `${level}/${index}`;
    const stored = this.#tiles.get(place);
    this.#tiles.delete(place);
    const filed = this.#followers.find(({ name }) => name === CHECKPOINTS)?.cursor ?? 0;
    if (stored !== undefined && !equalBytes(stored, leafHash(hashes)))
      this.#find('tiles', `${place} is not what the log has there`);
    else if (stored === undefined && (index + 1) * TILE_WIDTH ** (level + 1) <= filed)
      this.#find('tiles', `${place} is gone`);
  }

  #checkFollower({ name, frontier, state, cursor }: FollowerRow): void {
    if (!equalBytes(frontier, Buffer.concat(frontierOf(this.#edge).hashes)))
      this.#find('followers', `${name} has read another log`);
    if (name !== CHECKPOINTS) return;
    const { note, keys } = decodePublished(state, cursor) ?? { note: '', keys: [] };
    if (!equalBytes(state, encodePublished({ edge: this.#edge, note, keys })))
      this.#find('followers', `${name} does not hold the tiles of the log`);
  }
}

/** What a checkpoint says, whoever signed it; null for what is none. */
function claimOf({ note, size }: CheckpointRow): Pick<Claimed, 'size' | 'root'> | null {
  if (note.length > MOST_NOTE) return null;
  const checkpoint = unlessRefused(() => parseCheckpoint(parseNote(Buffer.from(note)).text));
  return checkpoint?.size === size ? checkpoint : null;
}
