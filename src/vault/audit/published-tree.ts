import { equalBytes } from '../../crypto/encoding.ts';
import type { Signer } from '../../log/note.ts';
import { appendToTiles, frontierOf, NO_EDGE, type Tile, TILE_WIDTH } from '../../log/tile.ts';
import { leafHash, root } from '../../log/tree.ts';
import { isAuthentic } from '../custody/authentic.ts';
import type { FollowerRow } from '../rows.ts';
import type { StoreSnapshot } from '../store.ts';
import type { Find, VerifyDeps } from './against.ts';
import { CHECKPOINTS, decodePublished, encodePublished, openedRow } from './checkpoints.ts';

/** A signed state of the log that is held against it. */
interface Claimed {
  readonly table: 'checkpoints' | 'followers';
  readonly size: number;
  readonly root: Uint8Array;
}

const GROUP = 256;

/**
 * Holds what is stored of the log's tree against the log: tiles, checkpoints, and the followers' own rows. It is given the
 * log's events, one after another.
 */
export class PublishedTree {
  readonly #find: Find;
  /** Hashes of stored tiles that have not been met. */
  readonly #tiles = new Map<string, Uint8Array>();
  #claims: readonly Claimed[] = [];
  readonly #followers: FollowerRow[] = [];
  #edge = NO_EDGE;
  #leaves: Uint8Array[] = [];
  #next = 0;

  private constructor(find: Find) {
    this.#find = find;
  }

  static async read(snapshot: StoreSnapshot, deps: VerifyDeps, find: Find): Promise<PublishedTree> {
    const tree = new PublishedTree(find);
    const size = snapshot.authority.head?.size ?? 0;
    for await (const row of snapshot.scan('followers')) {
      if (!isAuthentic(deps.rowsKey, 'followers', row))
        find('followers', 'a row is not as the vault wrote it');
      else if (row.cursor > size) find('followers', `${row.name} has read more than the log has`);
      else tree.#followers.push(row);
    }
    await tree.#readClaims(snapshot, deps.logSigner, size);
    for await (const { level, index, hashes } of snapshot.scan('tiles')) {
      // Whoever writes the database may have put any number there: those that no log of this size has are not kept.
      if ((index + 1) * TILE_WIDTH <= size / TILE_WIDTH ** level)
        tree.#tiles.set(`${level}/${index}`, leafHash(hashes));
      else find('tiles', `${level}/${index} is of no tree of this size`);
    }
    return tree;
  }

  async #readClaims(snapshot: StoreSnapshot, signer: Signer | null, size: number): Promise<void> {
    const claims: Claimed[] = [];
    const take = (table: Claimed['table'], row: Parameters<typeof openedRow>[0] | null): void => {
      const checkpoint = signer === null || row === null ? null : openedRow(row, signer);
      if (checkpoint === null) this.#find(table, 'a checkpoint is not as the vault signed it');
      else if (checkpoint.size > size)
        this.#find(table, `a checkpoint is of ${checkpoint.size} events, which the log has not`);
      else claims.push({ table, size: checkpoint.size, root: checkpoint.root });
    };
    for await (const row of snapshot.scan('checkpoints')) take('checkpoints', row);
    const own = this.#followers.find(({ name }) => name === CHECKPOINTS);
    const note = own === undefined ? '' : (decodePublished(own.state, own.cursor)?.note ?? '');
    const signed = note === '' ? Number.NaN : Number(note.split('\n')[1]);
    if (note !== '') take('followers', { slot: 0, at: 0, note, size: signed });
    this.#claims = claims.toSorted((a, b) => a.size - b.size);
  }

  read(bytes: Uint8Array): void {
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
    const note = decodePublished(state, cursor)?.note ?? '';
    if (!equalBytes(state, encodePublished({ edge: this.#edge, note })))
      this.#find('followers', `${name} does not hold the tiles of the log`);
  }
}
