import { Worker } from 'node:worker_threads';
import type { Secret } from '../crypto/key.ts';
import type { Commit, GroupResult } from '../vault/commit/commit.ts';
import { HeadInvalid } from '../vault/commit/transaction.ts';
import { StoreFailure } from '../vault/store.ts';
import type { Order, Reply, Start } from './sqlite-worker.ts';

/** A second writer, in a thread of its own: large groups are written and synced there while requests go on here. */
export interface Aside {
  /** Whether the thread is up. The first time that it is asked it starts: a store without large groups never pays. */
  isReady(rowsKey: Secret): boolean;
  /** Only where it is ready, and one group at a time. */
  commit(group: readonly Commit[], now: number): Promise<GroupResult>;
  close(): Promise<void>;
}

/** What the thread makes for a group lives as long as the group: more room saves nothing (measured: 20 MiB). */
const LIMITS = { maxYoungGenerationSizeMb: 16 };

export function sqliteAside(path: string): Aside {
  let worker: Worker | null = null;
  let ready = false;
  let waiting: {
    readonly resolve: (result: GroupResult) => void;
    readonly reject: (error: Error) => void;
  } | null = null;

  function take(reply: Reply): void {
    if ('ready' in reply) {
      ready = true;
      return;
    }
    const asked = waiting;
    waiting = null;
    if ('result' in reply) asked?.resolve(reply.result);
    else if (reply.failure === 'head') asked?.reject(new HeadInvalid());
    else asked?.reject(new StoreFailure(reply.failure, reply.message));
  }

  /** The thread is gone: whether its transaction is durable is not known. What comes later is written here. */
  function lose(): void {
    ready = false;
    take({ failure: 'io', message: 'the writing thread ended: nothing more can be acknowledged' });
  }

  function started(rowsKey: Secret): Worker {
    const start: Start = { path, rowsKey: Uint8Array.from(rowsKey.revealKeyBytes()) };
    const script = new URL(import.meta.url.replace(/sqlite-aside(\.[jt]s)$/, 'sqlite-worker$1'));
    // From source, the thread needs the loader that the process has.
    const execArgv = script.pathname.endsWith('.ts') ? ['--import', 'tsx'] : [];
    const thread = new Worker(script, { workerData: start, execArgv, resourceLimits: LIMITS });
    // The thread has a copy of its own by now.
    start.rowsKey.fill(0);
    thread.on('message', take);
    thread.on('error', lose);
    thread.on('exit', lose);
    thread.unref();
    return thread;
  }

  return {
    isReady: (rowsKey) => {
      worker ??= started(rowsKey);
      return ready;
    },
    commit: (group, now) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        const order: Order = { group, now };
        worker?.postMessage(order);
      }),
    close: async () => {
      await worker?.terminate();
    },
  };
}
