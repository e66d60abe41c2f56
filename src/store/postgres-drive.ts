import { setTimeout as sleep } from 'node:timers/promises';
import type { Statement, Told, Transaction } from '../vault/statement.ts';
import { PostgresFailure, type Trouble } from './postgres-door.ts';
import { type EventIdentity, isKept } from './postgres-outcome.ts';
import type { Connections } from './postgres-pool.ts';
import type { Session } from './postgres-session.ts';
import { POSTGRES_WRITER } from './postgres-writer.ts';

/** Attempts before a transaction that keeps colliding, or losing its connection, is given up. */
const ATTEMPTS = 5;
/** Longest pause before the second of them, in milliseconds; before each further one twice as long. */
const PAUSE = 40;

/** What became of a transaction. `open`: whether it was committed is not known. */
type Outcome<R> =
  | { readonly is: 'ended'; readonly result: R }
  | { readonly is: 'open'; readonly result: R; readonly identity: EventIdentity | null };

/**
 * Drives a transaction until it ends one way or the other. One that collided, or lost its connection before COMMIT, has done
 * nothing and is run anew; of one whose COMMIT was not answered the store is asked.
 * @param chance a number from 0 to 1, for the pauses: processes that collided must not do so again
 * @throws StoreFailure
 */
export async function drive<R>(
  connections: Connections,
  transaction: () => Transaction<R>,
  chance: () => number,
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await connections.use((session) => once(session, transaction()));
      if (outcome.is === 'ended' || (await isKept(connections, outcome.identity))) return outcome.result;
      throw new PostgresFailure('busy', 'lost', 'the connection to the store was lost before a commit');
    } catch (error) {
      if (!isOf(error, ['collided', 'lost']) || attempt === ATTEMPTS) throw error;
    }
    await sleep((0.5 + chance() / 2) * PAUSE * 2 ** (attempt - 1));
  }
}

async function once<R>(session: Session, conversation: Transaction<R>): Promise<Outcome<R>> {
  let identity: EventIdentity | null = null;
  await session.begin();
  try {
    let step = conversation.next();
    while (step.done !== true) {
      if (step.value.do === 'append') identity ??= identityOf(step.value);
      step = conversation.next(await perform(session, step.value));
    }
    const { keep, result } = step.value;
    if (keep) return (await session.commit()) ? { is: 'ended', result } : { is: 'open', result, identity };
    await session.rollback();
    return { is: 'ended', result };
  } catch (error) {
    if (!isOf(error, ['lost', 'silent'])) await session.rollback();
    throw error;
  }
}

const isOf = (error: unknown, troubles: readonly Trouble[]): boolean =>
  error instanceof PostgresFailure && troubles.includes(error.trouble);

/** The group's first event: no other group's bytes are the same. */
const identityOf = ({ first, events }: Extract<Statement, { do: 'append' }>): EventIdentity | null =>
  events[0] === undefined ? null : { index: first, bytes: events[0] };

function perform(session: Session, statement: Statement): Promise<Told> {
  // A statement goes to the entry of its own name: TypeScript cannot follow the union through the lookup.
  const run = POSTGRES_WRITER[statement.do] as (session: Session, one: Statement) => Promise<Told>;
  return run(session, statement);
}
