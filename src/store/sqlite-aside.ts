import { Worker } from 'node:worker_threads';
import type { Secret } from '../crypto/key.ts';
import type { Commit } from '../vault/commit/commit.ts';
import { type GroupResult, HeadInvalid } from '../vault/commit/transaction.ts';
import { StoreFailure } from '../vault/store.ts';
import type { Order, Reply, Start } from './sqlite-worker.ts';

/** A second writer, in a thread of its own: large groups are written and synced there while requests go on here. */
export interface Aside {
  commit(group: readonly Commit[], now: number, rowsKey: Secret): Promise<GroupResult>;
  close(): Promise<void>;
}

/** The thread starts with the first large group; a store that never has one never pays for it. */
export function sqliteAside(path: string): Aside {
  let worker: Worker | null = null;
  let waiting: {
    readonly resolve: (result: GroupResult) => void;
    readonly reject: (error: Error) => void;
  } | null = null;

  function take(reply: Reply): void {
    const asked = waiting;
    waiting = null;
    if ('result' in reply) asked?.resolve(reply.result);
    else if (reply.failure === 'head') asked?.reject(new HeadInvalid());
    else asked?.reject(new StoreFailure(reply.failure, reply.message));
  }

  /** The thread is gone: whether its transaction is durable is not known. */
  const lose = (): void =>
    take({ failure: 'io', message: 'the writing thread ended: nothing more can be acknowledged' });

  function started(rowsKey: Secret): Worker {
    const start: Start = { path, rowsKey: Uint8Array.from(rowsKey.revealKeyBytes()) };
    const script = new URL(import.meta.url.replace(/sqlite-aside(\.[jt]s)$/, 'sqlite-worker$1'));
    // From source, the thread needs the loader that the process has.
    const execArgv = script.pathname.endsWith('.ts') ? ['--import', 'tsx'] : [];
    const thread = new Worker(script, { workerData: start, execArgv });
    thread.on('message', take);
    thread.on('error', lose);
    thread.on('exit', lose);
    thread.unref();
    return thread;
  }

  return {
    commit: (group, now, rowsKey) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        worker ??= started(rowsKey);
        const order: Order = { group, now };
        worker.postMessage(order);
      }),
    close: async () => {
      await worker?.terminate();
    },
  };
}
