import { Pool } from 'pg';
import { failureOf, PostgresFailure } from './postgres-door.ts';
import { mustBeDurable } from './postgres-durability.ts';
import { clientConfig, CONNECT_PATIENCE, type PostgresPlace } from './postgres-place.ts';
import { Session } from './postgres-session.ts';

/** How long a connection is kept while nobody needs it, and how long at all: what a server becomes shows on new ones. */
const IDLE = 60_000;
const LIFETIME_SECONDS = 1800;

/** Connections that have been checked, lent to one caller at a time. */
export interface Connections {
  /** Lends one. It is dropped afterwards unless it is outside of a transaction, and made anew when next needed. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** @throws PostgresFailure where a file of the place does not read */
export function postgresPool(place: PostgresPlace): Connections {
  const sessions = new WeakMap<object, Session>();
  const pool = new Pool({
    ...clientConfig(place),
    max: place.connections,
    connectionTimeoutMillis: CONNECT_PATIENCE,
    idleTimeoutMillis: IDLE,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    verify: (client, done) => {
      const session = new Session(client);
      sessions.set(client, session);
      void whenDurable(session, done);
    },
  });
  // A connection that ends while nobody uses it is of no concern to anybody: the pool makes another.
  pool.on('error', () => undefined);
  let closed: Promise<void> | null = null;
  return {
    use: async (work) => {
      const client = await pool.connect().catch(unreachable);
      const session = sessions.get(client) ?? new Session(client);
      try {
        return await work(session);
      } finally {
        client.release(!session.isIdle);
      }
    },
    close: () => (closed ??= pool.end()),
  };
}

/** None is to be had now: whoever asks is told at once, and is not to wait for several attempts. */
function unreachable(error: unknown): never {
  const { kind, message } = failureOf(error);
  throw new PostgresFailure(kind, 'refused', message);
}

async function whenDurable(session: Session, done: (failure?: Error) => void): Promise<void> {
  try {
    await mustBeDurable(session);
  } catch (error) {
    done(failureOf(error));
    return;
  }
  done();
}
