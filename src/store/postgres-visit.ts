import { Client } from 'pg';
import { atTheDoor } from './postgres-door.ts';
import { clientConfig, type PostgresPlace } from './postgres-place.ts';
import { Session } from './postgres-session.ts';

/**
 * One connection of its own, for whoever looks at a server whatever it is like: nothing is asked of it first.
 * @throws StoreFailure
 */
export async function visit<T>(place: PostgresPlace, work: (session: Session) => Promise<T>): Promise<T> {
  const client = new Client(clientConfig(place));
  const session = new Session(client);
  try {
    // Within: a password file that does not read leaves the connection open, and a process waits for it.
    await atTheDoor(client.connect());
    return await work(session);
  } finally {
    await client.end();
  }
}
