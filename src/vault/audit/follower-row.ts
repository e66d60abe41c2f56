import type { Secret } from '../../crypto/key.ts';
import { encodeFrontier, type Frontier } from '../../log/tree.ts';
import type { World } from '../core.ts';
import { isAuthentic, signRow } from '../custody/authentic.ts';
import { type FollowerRow, LAST_REVISION } from '../rows.ts';

/** Who follows, and how its row is written. */
export interface FollowerSeat {
  readonly name: string;
  /** Names this process. */
  readonly holder: string;
  /** Runs out after this many milliseconds, so that another process takes over from one that died. */
  readonly lease: number;
  readonly rowsKey: Secret;
}

/** A follower's row as it is to be. */
export interface Followed {
  readonly frontier: Frontier;
  readonly state: Uint8Array;
  readonly revision: number;
  readonly until: number;
}

export const followerRow = (
  { name, holder, rowsKey }: FollowerSeat,
  { frontier, state, revision, until }: Followed,
): FollowerRow =>
  signRow(rowsKey, 'followers', {
    name,
    holder,
    until,
    cursor: frontier.size,
    frontier: encodeFrontier(frontier),
    state,
    revision,
  });

/** The number that the next row comes after. */
export const revisionOf = (stored: FollowerRow | null): number =>
  stored === null || stored.revision > LAST_REVISION ? 0 : stored.revision;

/** Whether another process holds the lease. One that nobody renews has run out, whatever the clocks say. */
export function leaseWatch(
  { holder, lease, rowsKey }: FollowerSeat,
  world: Pick<World, 'now'>,
): (stored: FollowerRow, now: number) => boolean {
  /** The lease of another process as it was first seen. */
  let watched = { revision: -1, since: 0 };
  return (stored, now) => {
    if (stored.holder === holder || stored.until <= now) return false;
    if (!isAuthentic(rowsKey, 'followers', stored)) return false;
    if (stored.revision !== watched.revision) watched = { revision: stored.revision, since: world.now() };
    return Math.abs(world.now() - watched.since) < lease;
  };
}

/** The row by which this process ends its lease, so that another goes on at once; null where it holds none. */
export function givenUp({ holder, rowsKey }: FollowerSeat, stored: FollowerRow | null): FollowerRow | null {
  if (stored === null || stored.holder !== holder || stored.until === 0) return null;
  if (!isAuthentic(rowsKey, 'followers', stored)) return null;
  const { mac: _mac, ...row } = { ...stored, until: 0, revision: stored.revision + 1 };
  return signRow(rowsKey, 'followers', row);
}
