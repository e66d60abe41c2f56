import { decodeFrontier, root, withoutLast } from '../log/tree.ts';
import type { Verifier } from '../log/verifier.ts';
import { type LogVerdict, verifyLog } from '../log/verify.ts';
import { inspectFollowers, type Inspected } from './audit/inspected.ts';
import { logVerifiers } from './audit/checkpoints.ts';
import { headSeal } from './commit/head.ts';
import { closedBecause } from './commit/standing.ts';
import { authenticate } from './custody/authority.ts';
import type { Keyring, UnusableKey } from './custody/keyring.ts';
import { newestPolicy, openKeys } from './epoch.ts';
import { VaultError } from './error.ts';
import type { MasterKey } from './master-key.ts';
import { findRowsKey } from './open.ts';
import type { ActivePolicy } from './policy/active.ts';
import {
  AUTHORITY,
  type AuthorityTable,
  type ClientRow,
  type CollectionRow,
  type HeadRow,
  type KeyRow,
  type Rows,
} from './rows.ts';
import type { StoreInspection } from './store.ts';
import { type Fill, fullestBucket } from './values/fill.ts';

/** What an examination needs: a store that is only read, and the master key. */
export interface Examining {
  readonly inspection: StoreInspection;
  readonly masterKey: MasterKey;
  readonly random: (bytes: number) => Uint8Array;
  /** Events that are recomputed at the most, the last ones. */
  readonly mostEvents: number;
}

/** Why nothing behind the head could be examined. */
export type Barred = 'no-vault' | 'other-master-key' | 'head';

/** A vault as it stands in its store, served or not. Nothing in it is a value, a token or a key. */
export interface Examination extends Pick<Inspected, 'unsigned' | 'signed' | 'confirmed'> {
  readonly head: HeadRow;
  /** Why its store takes no commit; null for an open one. */
  readonly closed: string | null;
  readonly tables: readonly TableFault[];
  readonly unusable: readonly (UnusableKey & Pick<KeyRow, 'use'>)[];
  readonly log: LogFault;
  /** Whether the store has a key for the log, one that does not open included: without one no checkpoint is signed. */
  readonly hasLogKey: boolean;
  /** Whose signature a checkpoint of the log may have; none where its key does not open. */
  readonly verifiers: readonly Verifier[];
  /** Those that authenticate. */
  readonly clients: readonly ClientRow[];
  /** The newest policy, and the collections by name; null where another release wrote a policy that this one does not read. */
  readonly standing: Standing | null;
  /** By the name of an open collection, where its tokens can run out; null where keys or the policy are missing. */
  readonly fills: ReadonlyMap<string, Fill> | null;
}

export interface Standing {
  readonly policy: ActivePolicy;
  readonly collections: ReadonlyMap<string, CollectionRow>;
}

interface TableFault {
  readonly table: AuthorityTable;
  /** Rows that the vault did not write. */
  readonly foreign: number;
  readonly isWhole: boolean;
}

interface LogFault {
  readonly verdict: LogVerdict['verdict'];
  /** The first event at which it is wrong, where that can be said. */
  readonly index: number | null;
  /** Events from here on were held against the head; what comes before is for `audit verify`. */
  readonly from: number;
}

/** Examines a vault as far as it can be, writing nothing. */
export async function examine(examining: Examining): Promise<Examination | { readonly barred: Barred }> {
  const { authority } = examining.inspection;
  const { head, keys } = authority;
  if (head === null && keys.length === 0) return { barred: 'no-vault' };
  if (head === null || keys.length === 0) return { barred: 'head' };
  const rowsKey = await findRowsKey(authority, examining.masterKey);
  if (rowsKey === null) return { barred: 'other-master-key' };
  if (!headSeal(rowsKey.secret).verify(head)) return { barred: 'head' };

  const found = {
    clients: authenticate('clients', authority.clients, head.digests, rowsKey.secret),
    grants: authenticate('grants', authority.grants, head.digests, rowsKey.secret),
    restrictions: authenticate('restrictions', authority.restrictions, head.digests, rowsKey.secret),
    policies: authenticate('policies', authority.policies, head.digests, rowsKey.secret),
    collections: authenticate('collections', authority.collections, head.digests, rowsKey.secret),
    keys: authenticate('keys', authority.keys, head.digests, rowsKey.secret),
  } satisfies Record<AuthorityTable, unknown>;
  const unusable: UnusableKey[] = [];
  const keyring = await openKeys(found.keys.rows, examining.masterKey, head.vault, (key) =>
    unusable.push(key),
  );
  const useOf = new Map(found.keys.rows.map(({ id, use }) => [id, use]));
  const inspected = await inspectFollowers(examining.inspection, head, rowsKey.secret);
  const { unsigned, signed, confirmed, keys: known } = inspected;
  const standing = standingOf(found.policies.rows, found.collections.rows, head.environment);
  return {
    head,
    closed: closedBecause(head.standing),
    tables: AUTHORITY.map((table) => ({
      table,
      foreign: found[table].foreign.length,
      isWhole: found[table].isWhole,
    })),
    unusable: unusable.map((key) => ({ ...key, use: useOf.get(key.id) ?? '' })),
    log: await examineLog(examining, head),
    hasLogKey: found.keys.rows.some(({ use }) => use === 'checkpoints'),
    unsigned,
    signed,
    confirmed,
    verifiers: unusable.some(({ id }) => useOf.get(id) === 'checkpoints')
      ? []
      : logVerifiers({ keys: keyring, vaultId: head.vault }, known),
    clients: found.clients.rows,
    standing,
    fills:
      unusable.length > 0 || !found.keys.isWhole || standing === null
        ? null
        : await fillsOf(examining, keyring, standing.policy),
  };
}

/** The stored events against the head: all of them, or where there are too many the last ones. */
async function examineLog({ inspection, mostEvents }: Examining, head: HeadRow): Promise<LogFault> {
  const frontier = decodeFrontier(head.size, head.frontier);
  if (frontier === null) return { verdict: 'root', index: null, from: head.size };
  const start = withoutLast(frontier, mostEvents);
  const entries = inspection.eventsFrom(start.size);
  const found = await verifyLog(entries, { size: frontier.size, root: root(frontier) }, start);
  return {
    verdict: found.verdict,
    index: 'index' in found ? found.index : null,
    from: start.size,
  };
}

async function fillsOf(
  { inspection, random }: Examining,
  keys: Keyring,
  { collections }: ActivePolicy,
): Promise<ReadonlyMap<string, Fill>> {
  const fills = new Map<string, Fill>();
  for (const [name, collection] of collections) {
    const fill = await fullestBucket(collection, { inspection, keys, random });
    if (fill !== null) fills.set(name, fill);
  }
  return fills;
}

function standingOf(
  policies: readonly Rows['policies'][],
  rows: readonly CollectionRow[],
  environment: string,
): Standing | null {
  try {
    const policy = newestPolicy(policies, rows, environment);
    return { policy, collections: new Map(rows.map((row) => [row.name, row])) };
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}
