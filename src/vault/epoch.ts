import { equalBytes } from '../crypto/encoding.ts';
import { Clients } from './access/clients.ts';
import type { HeadSeal } from './commit/head.ts';
import { authenticate } from './custody/authority.ts';
import { keptKeys, type Key, Keyring, openKey, type UnusableKey } from './custody/keyring.ts';
import { VaultError } from './error.ts';
import { type Finding, recordName } from './findings.ts';
import type { MasterKey } from './master-key.ts';
import { type ActivePolicy, activePolicy } from './policy/active.ts';
import { parsePolicy } from './policy/policy.ts';
import { type AuthorityTable, type HeadRow, type KeyRow, PRIMARY_KEY, type Rows } from './rows.ts';
import type { Store } from './store.ts';

/** Everything that decisions rest on, as of one epoch. All of it has authenticated. */
export interface Epoch {
  readonly number: number;
  /** The head's, of what this was made of. */
  readonly digests: Uint8Array;
  readonly vaultId: string;
  readonly keys: Keyring;
  readonly policy: ActivePolicy;
  readonly clients: Clients;
  /** The collections' rows by name, those that the policy has closed included. */
  readonly collections: ReadonlyMap<string, Rows['collections']>;
}

export interface EpochDeps {
  readonly store: Store;
  readonly masterKey: MasterKey;
  readonly environment: string;
  readonly rowsKey: Key;
  readonly seal: HeadSeal;
  /** Told of everything that does not authenticate, each time it is met. */
  readonly onFinding: (finding: Finding) => void;
}

/** The one cache: filled whole for one epoch, dropped whole when a newer one shows itself. No time decides anything. */
export class Epochs {
  readonly #deps: EpochDeps;
  #current: Promise<Epoch> | null = null;
  #number = -1;
  #digests = new Uint8Array(0);
  #seen = { changes: -1, lastAt: 0, size: 0 };

  constructor(deps: EpochDeps) {
    this.#deps = deps;
  }

  /** From the newest head that a commit of this process met. */
  get seen(): { readonly changes: number; readonly lastAt: number; readonly size: number } {
    return this.#seen;
  }

  current(): Promise<Epoch> {
    this.#current ??= this.#load();
    return this.#current;
  }

  /** A commit met this head. */
  met(head: HeadRow): void {
    this.#seen = { changes: head.changes, lastAt: head.lastAt, size: head.size };
    if (head.epoch !== this.#number || !equalBytes(head.digests, this.#digests)) this.drop();
  }

  /** Drops the cache if the store has moved on. */
  async refresh(): Promise<void> {
    if ((await this.#deps.store.epoch()) !== this.#number) this.drop();
  }

  drop(): void {
    this.#current = null;
  }

  async #load(): Promise<Epoch> {
    try {
      const { head, epoch } = await readEpoch(this.#deps);
      this.#number = epoch.number;
      this.#digests = Uint8Array.from(epoch.digests);
      if (head.changes > this.#seen.changes)
        this.#seen = { changes: head.changes, lastAt: head.lastAt, size: head.size };
      return epoch;
    } catch (error) {
      this.#current = null;
      throw error;
    }
  }
}

/**
 * Reads and authenticates an epoch.
 * @throws VaultError `integrity` if a row was deleted, edited or put back: the vault closes
 */
async function readEpoch(deps: EpochDeps): Promise<{ readonly head: HeadRow; readonly epoch: Epoch }> {
  const { store, masterKey, environment, rowsKey, seal, onFinding } = deps;
  const snapshot = await store.authority();
  const { head } = snapshot;
  if (head === null || !seal.verify(head)) {
    onFinding({ table: 'head', record: '*', problem: 'the head does not authenticate' });
    throw new VaultError('integrity');
  }
  let closed = false;
  const authentic = <T extends AuthorityTable>(table: T, rows: readonly Rows[T][]): readonly Rows[T][] => {
    const found = authenticate(table, rows, head.digests, rowsKey.secret);
    for (const row of found.foreign) {
      onFinding({
        table,
        record: recordOf(rowsKey, table, row),
        problem: 'a row that the vault did not write has no effect',
      });
    }
    if (!found.isWhole) {
      closed = true;
      onFinding({
        table,
        record: '*',
        problem: 'a row was changed, deleted or put back: the table is closed',
      });
    }
    return found.rows;
  };
  const rows = {
    clients: authentic('clients', snapshot.clients),
    grants: authentic('grants', snapshot.grants),
    policies: authentic('policies', snapshot.policies),
    collections: authentic('collections', snapshot.collections),
    keys: authentic('keys', snapshot.keys),
    restrictions: authentic('restrictions', snapshot.restrictions),
  } satisfies Record<AuthorityTable, unknown>;
  if (closed) throw new VaultError('integrity');

  const keys = await openKeys(rows.keys, masterKey, head.vault, ({ id, why }) =>
    onFinding({ table: 'keys', record: id, problem: why }),
  );
  const policy = newestPolicy(rows.policies, rows.collections, environment);
  const epoch: Epoch = {
    number: head.epoch,
    digests: head.digests,
    vaultId: head.vault,
    keys,
    policy,
    clients: new Clients(rows.clients, rows.grants, rows.restrictions, policy.roles),
    collections: new Map(rows.collections.map((row) => [row.name, row])),
  };
  return { head, epoch };
}

export async function openKeys(
  rows: readonly KeyRow[],
  masterKey: MasterKey,
  vaultId: string,
  onUnusable: (key: UnusableKey) => void,
): Promise<Keyring> {
  const opened: { row: KeyRow; key: Key }[] = [];
  for (const row of keptKeys(rows)) {
    const key = await openKey(row, masterKey, vaultId);
    if ('why' in key) onUnusable(key);
    else opened.push({ row, key });
  }
  return new Keyring(opened);
}

/** The policy with the highest number, or null before the first. */
const newestOf = (rows: readonly Rows['policies'][]): Rows['policies'] | null =>
  rows.toSorted((a, b) => b.number - a.number)[0] ?? null;

export function newestPolicy(
  rows: readonly Rows['policies'][],
  collections: readonly Rows['collections'][],
  environment: string,
): ActivePolicy {
  const newest = newestOf(rows);
  if (newest === null) return activePolicy({ number: 0, text: '', at: null }, NO_POLICY, [], environment);
  const parsed = parsePolicy(JSON.parse(newest.text));
  // It authenticated, so this release wrote it or an older one did: one that no longer parses must not half work.
  if ('problems' in parsed) throw new VaultError('integrity');
  return activePolicy(newest, parsed.policy, collections, environment);
}

const NO_POLICY = { purposes: {}, collections: {}, roles: {} };

const recordOf = ({ secret }: Key, table: AuthorityTable, row: Rows[AuthorityTable]): string =>
  recordName(
    secret,
    PRIMARY_KEY[table].map((column): unknown => Reflect.get(row, column)),
  );
