import type { Barred, Examination } from '../vault/examine.ts';
import type { ClientRow } from '../vault/rows.ts';
import { DAY, dayOf, type Finding, finding } from './finding.ts';

/** A head may be this much ahead of the clock, in milliseconds: two processes' clocks differ. */
const AHEAD = 2000;
/** A serving process signs within seconds, and another one within seconds of its death. */
const UNSIGNED = 10 * 60_000;
/** Clients are told of so long before they expire, and after. */
const SOON = 14 * DAY;

/** What the settings and the policy of the file say, to hold the vault against. */
export interface Intended {
  readonly environment: string;
  /** How the file's policy differs from the active one: taken at the next start, or by nobody but an operator. */
  readonly differs: 'until-start' | { readonly active: number; readonly lines: readonly string[] } | null;
}

export function barredFinding(barred: Barred): Finding {
  switch (barred) {
    case 'no-vault':
      return finding(
        'vault-missing',
        'the store holds no vault: run strongroom init, or name another store.',
      );
    case 'other-master-key':
      return finding(
        'master-key-other',
        'the vault does not open under this master key: find the key file that it was made with.',
      );
    case 'head':
      return finding(
        'head-changed',
        'the head of the log, or the keys that authenticate it, are not as the vault wrote them: restore a backup.',
      );
  }
}

export function* vaultFindings(found: Examination, intended: Intended, now: number): Generator<Finding> {
  if (found.closed !== null) yield finding('store-closed', `${found.closed}.`);
  yield* settingsOf(found, intended);
  yield* integrityOf(found);
  const { lastAt } = found.head;
  if (lastAt > now + AHEAD)
    yield finding(
      'clock-behind',
      `the last commit is of ${new Date(lastAt).toISOString()}, and this host's clock has not come to that: ` +
        'events and expiries stand still until it does. Set the clock, and find out which was wrong.',
    );
  if (!found.hasLogKey)
    yield finding(
      'log-keyless',
      'the log has no key, so no checkpoint of it is signed: the vault was founded by a release that knew none. strongroom audit rotate-key gives it one.',
    );
  const { unsigned } = found;
  if (unsigned !== null && now - unsigned.since > UNSIGNED)
    yield finding(
      'log-unsigned',
      `events from ${unsigned.from} on, of ${new Date(unsigned.since).toISOString()} and later, stand under no signed checkpoint: ` +
        'is the vault served? If it is, its log has an integrity event that says why, and audit verify says more.',
    );
  for (const client of found.clients) yield* clientFinding(client, now);
  for (const [collection, { taken, asked }] of found.fills ?? []) {
    if (taken * 2 >= asked)
      yield finding(
        'space-filling',
        `of ${asked} tokens drawn from a space of ${collection}, ${taken} are taken: make a collection that keeps fewer characters, before values like these are refused.`,
      );
  }
}

function* settingsOf(found: Examination, { environment, differs }: Intended): Generator<Finding> {
  const made = found.head.environment;
  if (made !== environment)
    yield finding(
      'environment-other',
      `the vault was made for the environment ${made}: vault.environment must say so.`,
    );
  if (differs === 'until-start')
    yield finding(
      'policy-not-applied',
      'the policy of the file is not the active one: serve applies it when it is started anew.',
    );
  else if (differs !== null)
    yield finding(
      'policy-other',
      `policy ${differs.active} is active and the file says another, so a replica with this file is not ready: change the file, or strongroom policy apply. It says: ${differs.lines.join('; ')}.`,
    );
}

function* integrityOf({ tables, unusable, log }: Examination): Generator<Finding> {
  for (const { table, foreign, isWhole } of tables) {
    if (!isWhole)
      yield finding(
        'table-changed',
        `a row of ${table} was changed, deleted or put back, and the vault is closed: audit verify says which. Restore a backup.`,
      );
    if (foreign > 0)
      yield finding(
        'row-foreign',
        `${foreign} of the rows of ${table} were not written by the vault and have no effect: audit verify says which. Find out who writes the store.`,
      );
  }
  for (const { id, use, why } of unusable)
    yield finding(
      'key-unusable',
      `the ${use} key ${id} ${why}: what it seals cannot be read. Find the master key that wrapped it, or restore a backup.`,
    );
  if (log.verdict !== 'intact')
    yield finding(
      'log-broken',
      `the log is not what its head says${log.index === null ? '' : `, from event ${log.index} on`}: audit verify says more. Restore a backup, and keep this store as evidence.`,
    );
}

function* clientFinding({ id, state, createdAt, expiresAt }: ClientRow, now: number): Generator<Finding> {
  if (state === 'revoked' || expiresAt === null) return;
  // One that was made for a few days is meant to end.
  if (expiresAt - createdAt <= SOON) return;
  const at = dayOf(expiresAt);
  if (now < expiresAt && expiresAt - now <= SOON)
    yield finding('client-expiring', `the API key of ${id} expires on ${at}: give its holder a new one.`);
  else if (now >= expiresAt && now - expiresAt <= SOON)
    yield finding(
      'client-expired',
      `the API key of ${id} expired on ${at}: give its holder a new one, or revoke it.`,
    );
}
