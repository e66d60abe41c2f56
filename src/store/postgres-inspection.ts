import { Client } from 'pg';
import type { StoreInspection } from '../vault/store.ts';
import { atTheDoor } from './postgres-door.ts';
import { type ServerFault, serverFaults } from './postgres-durability.ts';
import { clientConfig, type PostgresPlace } from './postgres-place.ts';
import { migrationsKnown } from './postgres-migrations.ts';
import { type RoleRights, rightsOf } from './postgres-rights.ts';
import { schemaFaults, schemaStateOf } from './postgres-schema.ts';
import { Session } from './postgres-session.ts';
import { snapshotOn } from './postgres-snapshot.ts';

/** What a server and a database say of themselves. */
export interface PostgresCondition {
  readonly faults: readonly ServerFault[];
  /** How far the store's clock and this one are apart at the least, in milliseconds. */
  readonly apart: number;
  /** The server's own address, where what goes there crosses a network in clear. */
  readonly inClearTo: string | null;
  readonly rights: RoleRights;
  /** Commits wait for a standby, and none is there. */
  readonly lacksStandby: boolean;
  /** What is not as this release needs it; null where the role may not read so much. */
  readonly schema: readonly string[] | null;
}

/**
 * Looks at a store and its server, whatever they are like, and changes nothing: no table is made, nothing is granted.
 * @param now milliseconds
 * @throws StoreFailure where the server does not answer, or not to this role
 */
export async function inspectPostgres(
  place: PostgresPlace,
  now: () => number,
): Promise<{
  readonly condition: PostgresCondition;
  /** Null where the tables are not those of this release, or may not be read. */
  readonly inspection: StoreInspection | null;
}> {
  const client = new Client({ ...clientConfig(place), query_timeout: PATIENCE });
  const session = new Session(client);
  try {
    // Within: a password file that does not read leaves a connection that is open.
    await atTheDoor(client.connect());
    const condition = await conditionOf(session, place.user, now);
    if (condition.schema?.length === 0) return { condition, inspection: await snapshotOn(client, session) };
    await client.end();
    return { condition, inspection: null };
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Whole tables are read. */
const PATIENCE = 600_000;

const SERVER = {
  name: 'server',
  text: `select (extract(epoch from clock_timestamp()) * 1000)::bigint,
    coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)::text,
    coalesce(host(inet_server_addr()), '')`,
};
/** What a role without pg_monitor is told of a standby is that there is one. */
const STANDBYS = {
  name: 'standbys',
  text: `select (current_setting('synchronous_standby_names') <> '' and current_setting('synchronous_commit') not in ('off', 'local')
     and not exists (select from pg_stat_replication where sync_state is null or sync_state in ('sync', 'quorum')))::text`,
};

async function conditionOf(session: Session, role: string, now: () => number): Promise<PostgresCondition> {
  const faults = await serverFaults(session);
  const asked = now();
  const [clock, isEncrypted, address] = (await session.run(SERVER)).rows[0] ?? [];
  const answered = now();
  const [lacksStandby] = (await session.run(STANDBYS)).rows[0] ?? [];
  const rights = (await rightsOf(session, role)) ?? { powers: [], excess: [], lacking: [], absent: [] };
  return {
    faults,
    apart: Math.max(0, asked - Number(clock), Number(clock) - answered),
    inClearTo: isEncrypted === 'true' || isLocal(String(address)) ? null : String(address),
    rights,
    lacksStandby: lacksStandby === 'true',
    schema: await schemaOf(session, rights),
  };
}

const isLocal = (address: string): boolean => /^(?:127\.|::1$|$)/.test(address);

async function schemaOf(session: Session, { lacking }: RoleRights): Promise<readonly string[] | null> {
  if (lacking.some((right) => right.startsWith('select '))) return null;
  const state = await schemaStateOf(session);
  if (state.is === 'foreign') return ['no migration of ours made them'];
  if (state.is === 'empty') return ['there are none'];
  const pending = migrationsKnown().filter(({ at }) => !state.applied.has(at));
  return [...pending.map(({ name }) => `${name} was not applied`), ...(await schemaFaults(session))];
}
