import { PostgresFailure } from './postgres-door.ts';
import type { Session } from './postgres-session.ts';

/** The oldest PostgreSQL that is served: 14. */
const OLDEST = 140_000;

/**
 * Where names are looked for: at the server's own functions and operators alone. Tables are named with their schema. One that
 * somebody planted in `public` for the types that we give would come before the server's, wherever it stands in the path
 * (PostgreSQL manual, 10.3; CVE-2018-1058), and run with all that this role may do.
 */
export const PATH = 'pg_catalog, pg_temp';

/**
 * What every connection is told before anything else. Warnings are heard (one of them says that
 * a commit is not on its standby), and no statement waits for good. The plans: rows are always sought by a key, and a plan
 * that was made while a table was empty must not read all of it once it is large.
 */
const TOLD = `
set search_path = ${PATH};
set client_min_messages = warning;
set client_encoding = 'UTF8';
set lock_timeout = '5s';
set statement_timeout = '10s';
set idle_in_transaction_session_timeout = '10s';
set tcp_user_timeout = '10s';
set bytea_output = hex;
set jit = off;
set plan_cache_mode = force_generic_plan;
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
`;

/** `standby`: another server is the one to ask. `server`: this one is not to keep a vault on. */
export interface ServerFault {
  readonly about: 'standby' | 'server';
  readonly why: string;
}

/** What a server must say of itself, and why not otherwise. */
const ASKED: readonly (readonly [sql: string, isRight: (answer: string) => boolean, why: string])[] = [
  ["current_setting('server_version_num')", (is) => Number(is) >= OLDEST, 'PostgreSQL is older than 14'],
  ['pg_is_in_recovery()::text', oneOf('false'), 'it is a standby, which takes no writes'],
  ["current_setting('transaction_read_only')", oneOf('off'), 'it is read-only'],
  [
    "current_setting('synchronous_commit')",
    oneOf('on', 'remote_apply'),
    'synchronous_commit is neither on nor remote_apply: it would lose what it acknowledged',
  ],
  ["current_setting('fsync')", oneOf('on'), 'fsync is off: it would lose what it acknowledged'],
  [
    "current_setting('full_page_writes')",
    oneOf('on'),
    'full_page_writes is off: a power cut would tear its pages',
  ],
  ["current_setting('server_encoding')", oneOf('UTF8'), 'the encoding of the database is not UTF8'],
  ["current_setting('client_encoding')", oneOf('UTF8'), 'the encoding of the connection is not UTF8'],
  ["current_setting('client_min_messages')", oneOf('warning'), 'it keeps its warnings to itself'],
];

const ON_A_STANDBY: ReadonlySet<string> = new Set([
  'pg_is_in_recovery()::text',
  "current_setting('transaction_read_only')",
]);

function oneOf(...right: readonly string[]): (answer: string) => boolean {
  return (answer) => right.includes(answer);
}

/** Sets a new connection up, and holds what the server says of itself against what the vault relies on. */
export async function serverFaults(session: Session): Promise<readonly ServerFault[]> {
  const answers =
    (await session.script(`${TOLD}select ${ASKED.map(([sql]) => sql).join(', ')}`)).at(-1)?.rows[0] ?? [];
  return ASKED.filter(([, isRight], i) => !isRight(String(answers[i]))).map(([sql, , why]) => ({
    about: ON_A_STANDBY.has(sql) ? 'standby' : 'server',
    why,
  }));
}

/**
 * Sets a new connection up.
 * @throws PostgresFailure with every reason why the vault cannot rely on the server
 */
export async function mustBeDurable(session: Session): Promise<void> {
  const faults = await serverFaults(session);
  if (faults.length === 0) return;
  const why = faults.map((fault) => fault.why).join('; ');
  throw new PostgresFailure('other', 'refused', `the server is not one to keep a vault on: ${why}`);
}

/** What a superuser may change while a connection is open, asked again where it costs no round trip: with the head. */
export const STILL_DURABLE = `current_setting('synchronous_commit') in ('on', 'remote_apply') and current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on'`;

/**
 * Whether the connection is still as it was set up, asked with the head too: a pooler that hands it to several callers in turn
 * forgets it, and with it the warning that a commit is on no standby.
 */
export const STILL_TOLD = `current_setting('client_min_messages') = 'warning' and current_setting('search_path') = '${PATH}'`;
