import { setTimeout as sleep } from 'node:timers/promises';
import { StoreFailure } from '../vault/store.ts';
import type { Connections } from './postgres-pool.ts';
import type { Session } from './postgres-session.ts';

/** An event that a group appended: 16 of its bytes are random, so nobody else's at this index are the same. */
export interface EventIdentity {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** How long the store is asked, in milliseconds; the attempt in hand is let end. */
const PATIENCE = 10_000;
const PAUSE = 250;

const LOCK = { name: 'lock_head_alone', text: 'select from public."head" where "only" = 1 for update' };
const FIND = { name: 'event_at', text: 'select "bytes" from public."events" where "index" = $1' };

/**
 * Asks the store what became of a group whose COMMIT was not answered, as docs/adr/0007-unknown-outcome.md has it.
 * @returns whether it was committed, durably wherever the server promises it to be
 * @throws StoreFailure `unknown` where that cannot be told
 */
export async function isKept(connections: Connections, identity: EventIdentity | null): Promise<boolean> {
  if (identity === null) throw new StoreFailure('unknown', UNKNOWN);
  const patience = AbortSignal.timeout(PATIENCE);
  while (!patience.aborted) {
    const told = await connections.use((session) => ask(session, identity)).catch(nothingTold);
    if (told !== null) return told;
    await sleep(PAUSE);
  }
  throw new StoreFailure('unknown', UNKNOWN);
}

const UNKNOWN = 'a commit was not answered, and whether it is durable cannot be told';

/**
 * The transaction in question holds the head's lock until it is over, so whoever has the lock sees what became of it. It may be
 * here and not on a standby. But the lock is a change too, so this transaction's own COMMIT waits for all that was written
 * before it.
 */
async function ask(session: Session, { index, bytes }: EventIdentity): Promise<boolean | null> {
  await session.begin();
  await session.run(LOCK);
  const [row] = (await session.run(FIND, [index])).rows;
  const isDurable = await session.commit();
  return isDurable ? row?.[0] instanceof Uint8Array && Buffer.compare(row[0], bytes) === 0 : null;
}

function nothingTold(error: unknown): null {
  if (error instanceof StoreFailure) return null;
  throw error;
}
