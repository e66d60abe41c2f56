import { type Finding, finding } from './finding.ts';

/** Where a store is that is no file: words of the settings. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** What a server says of itself, and of what the role may do. */
export interface ServerFacts {
  readonly faults: readonly { readonly about: 'standby' | 'server'; readonly why: string }[];
  readonly apart: number;
  readonly inClearTo: string | null;
  readonly rights: {
    readonly powers: readonly string[];
    readonly excess: readonly string[];
    readonly lacking: readonly string[];
  };
  readonly lacksStandby: boolean;
  readonly schema: readonly string[] | null;
}

/** A replica whose clock is further away is not ready, in milliseconds. */
const MOST_APART = 2000;
/** Rights and faults of one kind that a sentence names. */
const MOST_NAMED = 6;

export const unreachableFinding = ({ host, port }: Server, why: string): Finding =>
  finding('store-unreachable', `the store on ${host} port ${port} cannot be used: ${why}.`);

export function* serverFindings({ host, user, database }: Server, facts: ServerFacts): Generator<Finding> {
  const { faults, apart, inClearTo, lacksStandby, schema } = facts;
  const [standby, server] = (['standby', 'server'] as const).map((about) =>
    faults.filter((fault) => fault.about === about).map(({ why }) => why),
  );
  if (standby !== undefined && standby.length > 0)
    yield finding(
      'store-standby',
      `${host} is not the primary: ${some(standby)}. Name the primary in store.url.`,
    );
  if (server !== undefined && server.length > 0)
    yield finding('store-not-durable', `the server ${host} is not one to keep a vault on: ${some(server)}.`);
  if (lacksStandby)
    yield finding(
      'store-standby-missing',
      `${host} waits for a standby with every commit (synchronous_standby_names), and none is connected: nothing can be kept or revealed until one is.`,
    );
  if (inClearTo !== null)
    yield finding(
      'store-in-clear',
      `what is sent to ${host} is passed on to ${inClearTo} without TLS: give store.ca, or have that connection encrypted and watched.`,
    );
  if (apart > MOST_APART)
    yield finding(
      'store-clock',
      `this host's clock and that of ${host} are ${Math.floor(apart / 1000)} s apart: a replica more than 2 s away is not ready. Set the one that is wrong.`,
    );
  yield* rightsFindings(user, facts.rights);
  if (schema !== null && schema.length > 0)
    yield finding(
      'store-schema',
      `the tables of the database ${database} are not those of this release (${some(schema)}): strongroom migrate brings an older store to it; a newer one needs its own release; else restore a backup.`,
    );
}

/** What a role may do beside what a vault needs, and what it may not. */
export function* rightsFindings(
  user: string,
  { powers, excess, lacking }: ServerFacts['rights'],
): Generator<Finding> {
  if (lacking.length > 0)
    yield finding(
      'store-rights-missing',
      `the role ${user} may not do what a vault needs (${some(lacking)}): strongroom migrate, as the owner of the tables, gives it that.`,
    );
  // Who owns the tables may do everything with them: one by one that tells nothing.
  const told = powers.length > 0 ? powers : excess;
  if (told.length > 0)
    yield finding(
      'store-privileges',
      `the role ${user} may do more than a vault needs (${some(told)}): whoever steals its password could change or delete the log. docs/postgres.md has a role that cannot.`,
    );
}

const some = (words: readonly string[]): string =>
  words.length <= MOST_NAMED
    ? words.join('; ')
    : `${words.slice(0, MOST_NAMED).join('; ')} and ${words.length - MOST_NAMED} more`;
