import type { Code } from '../wire/codes.ts';
import { parseApiKey } from './access/api-key.ts';
import { isUsable } from './access/clients.ts';
import { addClient, listClients, revokeClient } from './access/manage.ts';
import { collections, whoami } from './access/whoami.ts';
import type { BoundVault } from './bound.ts';
import type { Caller } from './call.ts';
import { NOTHING } from './commit/commit.ts';
import { CommitQueue } from './commit/queue.ts';
import type { Core, World } from './core.ts';
import { type Epoch, Epochs } from './epoch.ts';
import { VaultError } from './error.ts';
import { Findings } from './findings.ts';
import type { MasterKey } from './master-key.ts';
import { openRowsKey } from './open.ts';
import { oneAtATime, seldom } from './pace.ts';
import { type Applied, applyPolicy, requestPolicy } from './policy/apply.ts';
import { explainClient, explainOwn } from './policy/explain.ts';
import { diffPolicy, showPolicy } from './policy/review.ts';
import { Refusals } from './refusals.ts';
import type { Store, StoreFailure } from './store.ts';
import { detokenise } from './values/detokenise.ts';
import { tokenise } from './values/tokenise.ts';
import { verifyVault } from './verification.ts';

/** An open vault. */
export interface Vault {
  /**
   * Who presents this API key.
   * @throws VaultError `unauthenticated`
   */
  authenticate(apiKey: string): Promise<Caller['who']>;
  bind(caller: Caller): BoundVault;
  /** @param value the policy's part of strongroom.yaml */
  applyPolicy(caller: Caller, value: unknown): Promise<Applied>;
  /** Counts a refusal before a caller is known or a body is parsed. */
  refused(code: Code): void;
  /** What the vault does on its own, every few seconds: commits counts, drops old claims. */
  readonly maintain: () => Promise<void>;
  /** Reads and authenticates anew what decisions rest on; whatever does not authenticate becomes an event. */
  readonly recheck: () => Promise<void>;
  /** A commit of nothing, keys ready, policy active: null, or why not. */
  ready(): Promise<string | null>;
  /** Commits what waits, then closes the store. */
  close(): Promise<void>;
}

export interface VaultDeps {
  readonly store: Store;
  readonly masterKey: MasterKey;
  readonly environment: string;
  readonly world: World;
  /** The store can no longer be trusted to keep what it acknowledges: the process must end. */
  readonly onFatal: (reason: string) => void;
}

/** Claims are kept this long, in milliseconds. */
const CLAIM_LIFE = 24 * 60 * 60 * 1000;

/**
 * Opens the vault of a store.
 * @throws CannotOpen if the store holds none, or none that this master key opens
 */
export async function openVault({
  store,
  masterKey,
  environment,
  world,
  onFatal,
}: VaultDeps): Promise<Vault> {
  const { key: rowsKey, seal } = await openRowsKey(store, masterKey, environment);
  const findings = new Findings();
  const epochs = new Epochs({ store, masterKey, environment, rowsKey, seal, onFinding: findings.note });
  const fatal = ({ message }: StoreFailure): void => {
    world.notice({ kind: 'fatal', reason: message });
    onFatal(message);
  };
  const queue = new CommitQueue({
    store,
    seal,
    rowsKey: rowsKey.secret,
    now: world.now,
    breathe: world.breathe,
    pause: world.pause,
    onHead: (head) => epochs.met(head),
    onFailure: seldom(world.now, ({ message }) => world.notice({ kind: 'store', reason: message })),
    onFatal: fatal,
  });
  const core: Core = {
    world,
    store,
    masterKey,
    environment,
    queue,
    epochs,
    findings,
    fullBuckets: new Set(),
    compareAlone: oneAtATime(),
  };
  const refusals = new Refusals();

  const raiseFindings = (): Promise<void> => findings.raise(queue, world);

  async function authenticate(apiKey: string): Promise<Caller['who']> {
    const presented = parseApiKey(apiKey, environment);
    if (presented === null) throw new VaultError('unauthenticated');
    const client = await findClient(presented);
    const { id, keyHash } = client.row;
    return (epoch, now) => {
      const current = epoch.clients.byId(id);
      // Asked again under every epoch: a key that was replaced or revoked meanwhile is nobody's.
      if (current === null || !isUsable(current, now) || Buffer.compare(current.row.keyHash, keyHash) !== 0) {
        throw new VaultError('unauthenticated');
      }
      return current.actor;
    };
  }

  async function findClient(presented: NonNullable<ReturnType<typeof parseApiKey>>) {
    const known = (await epochs.current()).clients.authenticate(presented, world.now());
    if (known !== null) return known;
    // Perhaps it was added by another process since: a well-formed key is worth one look at the store's epoch.
    if (!presented.isWellFormed()) throw new VaultError('unauthenticated');
    await epochs.refresh();
    const added = (await epochs.current()).clients.authenticate(presented, world.now());
    if (added === null) throw new VaultError('unauthenticated');
    return added;
  }

  async function recheck(): Promise<void> {
    epochs.drop();
    await epochs.current().catch(ignoreClosed);
    await raiseFindings();
  }
  const verifyAlone = oneAtATime();

  return {
    authenticate,
    bind: (caller) =>
      bind(core, caller, async () => {
        const report = await verifyAlone(() => verifyVault(core, caller, rowsKey, seal));
        // What was found closes the vault now, not within a minute.
        if (!report.ok) await recheck();
        return { ...report, requestId: caller.origin.request };
      }),
    applyPolicy: (caller, value) => applyPolicy(core, caller, value),
    refused: (code) => refusals.count(code),
    maintain: async () => {
      await raiseFindings();
      await refusals.flush(queue, world.random);
      const before = world.now() - CLAIM_LIFE;
      if (await store.hasClaims(before)) await queue.submit({ ...NOTHING, forgetClaims: before });
    },
    recheck,
    ready: () => readiness(core),
    close: async () => {
      await refusals.flush(queue, world.random);
      await queue.close();
      await store.close();
    },
  };
}

/** A vault that has closed over a finding still records it. */
function ignoreClosed(error: unknown): void {
  if (!(error instanceof VaultError)) throw error;
}

async function readiness({ masterKey, epochs, queue }: Core): Promise<string | null> {
  if ((await masterKey.state()) !== 'ready') return 'the master key is not ready';
  try {
    const epoch: Epoch = await epochs.current();
    if (epoch.policy.number === 0) return 'no policy is active';
    await queue.submit(NOTHING);
    return null;
  } catch (error) {
    if (error instanceof VaultError) return error.message;
    return 'the store does not take a commit';
  }
}

function bind(core: Core, caller: Caller, verify: BoundVault['audit']['verify']): BoundVault {
  return {
    tokenise: (request, idempotencyKey = null) => tokenise(core, caller, request, idempotencyKey),
    detokenise: (request) => detokenise(core, caller, request),
    collections: () => collections(core, caller),
    whoami: () => whoami(core, caller),
    explain: (request) => explainOwn(core, caller, request),
    clients: {
      add: (request) => addClient(core, caller, request),
      list: () => listClients(core, caller),
      revoke: (request) => revokeClient(core, caller, request),
    },
    policy: {
      show: () => showPolicy(core, caller),
      diff: (request) => diffPolicy(core, caller, request),
      apply: (request) => requestPolicy(core, caller, request),
      explain: (request) => explainClient(core, caller, request),
    },
    audit: { verify },
  };
}
