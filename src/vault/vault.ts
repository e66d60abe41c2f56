import type { Code } from '../wire/codes.ts';
import { parseApiKey, type PresentedKey } from './access/api-key.ts';
import type { Actor } from './access/clients.ts';
import { addClient, revokeClient } from './access/manage.ts';
import { liftClient, restrictClient, resumeClient, suspendClient } from './access/restrict.ts';
import { retireClient, rotateClient } from './access/rotate.ts';
import { admitClient, expireClient } from './access/terms.ts';
import { listClients, showClient } from './access/show.ts';
import { RefusedKeys } from './access/refused-keys.ts';
import { Throttle } from './access/throttle.ts';
import { Uses } from './access/uses.ts';
import { collections, whoami } from './access/whoami.ts';
import { base58 } from './base58.ts';
import { type BackupMade, type BackupRestored, recordBackup, recordRestore } from './backup.ts';
import type { BoundVault } from './bound.ts';
import type { Caller } from './call.ts';
import { NOTHING } from './commit/commit.ts';
import { CommitQueue } from './commit/queue.ts';
import type { Core, World } from './core.ts';
import { type Epoch, Epochs } from './epoch.ts';
import { VaultError } from './error.ts';
import { type Figures, figuresOf } from './figures.ts';
import { Findings } from './findings.ts';
import type { MasterKey } from './master-key.ts';
import type { Observer } from './observer.ts';
import { openRowsKey } from './open.ts';
import { oneAtATime, seldom } from './pace.ts';
import { type Applied, applyPolicy, requestPolicy } from './policy/apply.ts';
import { explainClient, explainOwn } from './policy/explain.ts';
import { diffPolicy, showPolicy } from './policy/review.ts';
import { Refusals } from './refusals.ts';
import type { Store, StoreFailure } from './store.ts';
import { describe } from './values/describe.ts';
import { detokenise, mask } from './values/reveal.ts';
import { erase } from './values/erase.ts';
import { lookup } from './values/lookup.ts';
import { purge } from './values/purge.ts';
import { replace } from './values/replace.ts';
import { tokenise } from './values/tokenise.ts';
import { verify } from './values/verify.ts';
import { verifyVault } from './verification.ts';

/** An open vault. */
export interface Vault {
  /**
   * Who presents this API key.
   * @param from the caller's address, as trusted proxies tell it; null where it is not known
   * @throws VaultError `unauthenticated`
   */
  authenticate(apiKey: string, from: string | null): Promise<Caller['who']>;
  bind(caller: Caller): BoundVault;
  /** @param value the policy's part of strongroom.yaml */
  applyPolicy(caller: Caller, value: unknown): Promise<Applied>;
  /** Commits the event of a backup that is about to be made. Returns its index. */
  recordBackup(caller: Caller, made: BackupMade): Promise<number>;
  /** Commits the event of a restore, into what was restored. Returns its index. */
  recordRestore(caller: Caller, from: BackupRestored): Promise<number>;
  /** Counts a refusal before a caller is known or a body is parsed. */
  refused(code: Code): void;
  /** What the vault does on its own, every few seconds: commits counts, drops old claims, purges what has expired. */
  readonly maintain: () => Promise<void>;
  /** Reads and authenticates anew what decisions rest on; whatever does not authenticate becomes an event. */
  readonly recheck: () => Promise<void>;
  /** What there is to count of it now, for whoever watches it. */
  figures(): Promise<Figures>;
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
  readonly observer: Observer;
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
  observer,
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
    observer,
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
    observer,
    throttle: new Throttle(),
    uses: new Uses(),
    fullBuckets: new Set(),
    compareAlone: oneAtATime(),
  };
  const refusals = new Refusals();
  const refusedKeys = new RefusedKeys();
  const holder = base58(world.random(9), 13);

  const raiseFindings = (): Promise<void> => findings.raise(queue, world);

  async function authenticate(apiKey: string, from: string | null): Promise<Caller['who']> {
    const presented = parseApiKey(apiKey, environment);
    if (presented === null) throw new VaultError('unauthenticated');
    const { id } = (await findActor(presented, from)).stamp;
    core.uses.note(presented.keyId, id, world.now());
    const { keyId, hash } = presented;
    // Asked again under every epoch: a key that was replaced or revoked meanwhile, or may no longer come from here, is nobody's.
    return (epoch, now) => admitted({ keyId, hash }, from, epoch, now);
  }

  async function findActor(presented: PresentedKey, from: string | null): Promise<Actor> {
    const epoch = await epochs.current();
    const known = epoch.clients.admit(presented, from, world.now());
    if (known !== null && 'actor' in known) return known.actor;
    // Perhaps it was added or changed by another process since: a well-formed key is worth one look at the store's epoch.
    if (!presented.isWellFormed()) throw new VaultError('unauthenticated');
    await epochs.refresh();
    return admitted(presented, from, await epochs.current(), world.now());
  }

  /** A true key that is refused is noted, and answered as any other. */
  function admitted(
    presented: Pick<PresentedKey, 'keyId' | 'hash'>,
    from: string | null,
    epoch: Epoch,
    now: number,
  ): Actor {
    const admission = epoch.clients.admit(presented, from, now);
    if (admission !== null && 'actor' in admission) return admission.actor;
    if (admission !== null)
      refusedKeys.note(presented.keyId, admission.client.row.id, admission.refused, from);
    throw new VaultError('unauthenticated');
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
    recordBackup: (caller, made) => recordBackup(core, caller, made),
    recordRestore: (caller, from) => recordRestore(core, caller, from),
    refused: (code) => refusals.count(code),
    maintain: async () => {
      await raiseFindings();
      await refusals.flush(queue, world.random);
      await refusedKeys.flush(queue, world.random);
      await core.uses.flush(queue, rowsKey.secret);
      const before = world.now() - CLAIM_LIFE;
      if (await store.hasClaims(before)) await queue.submit({ ...NOTHING, forgetClaims: before });
      await purge(core, holder);
    },
    recheck,
    figures: () => figuresOf(core),
    ready: () => readiness(core),
    close: async () => {
      await refusals.flush(queue, world.random);
      await refusedKeys.flush(queue, world.random);
      await core.uses.flush(queue, rowsKey.secret);
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

function bind(core: Core, caller: Caller, verifyLog: BoundVault['audit']['verify']): BoundVault {
  return {
    tokenise: (request, idempotencyKey = null) => tokenise(core, caller, request, idempotencyKey),
    detokenise: (request) => detokenise(core, caller, request),
    mask: (request) => mask(core, caller, request),
    verify: (request) => verify(core, caller, request),
    replace: (request, idempotencyKey = null) => replace(core, caller, request, idempotencyKey),
    lookup: (request) => lookup(core, caller, request),
    describe: (request) => describe(core, caller, request),
    erase: (request, idempotencyKey = null) => erase(core, caller, request, idempotencyKey),
    collections: () => collections(core, caller),
    whoami: () => whoami(core, caller),
    explain: (request) => explainOwn(core, caller, request),
    clients: {
      add: (request) => addClient(core, caller, request),
      list: () => listClients(core, caller),
      show: (request) => showClient(core, caller, request),
      rotate: (request) => rotateClient(core, caller, request),
      retire: (request) => retireClient(core, caller, request),
      suspend: (request) => suspendClient(core, caller, request),
      resume: (request) => resumeClient(core, caller, request),
      restrict: (request) => restrictClient(core, caller, request),
      lift: (request) => liftClient(core, caller, request),
      expire: (request) => expireClient(core, caller, request),
      admit: (request) => admitClient(core, caller, request),
      revoke: (request) => revokeClient(core, caller, request),
    },
    policy: {
      show: () => showPolicy(core, caller),
      diff: (request) => diffPolicy(core, caller, request),
      apply: (request) => requestPolicy(core, caller, request),
      explain: (request) => explainClient(core, caller, request),
    },
    audit: { verify: verifyLog },
  };
}
