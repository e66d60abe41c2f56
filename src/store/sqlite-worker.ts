import Database from 'better-sqlite3';
import { parentPort, workerData } from 'node:worker_threads';
import { Secret } from '../crypto/key.ts';
import { headSeal } from '../vault/commit/head.ts';
import { groupTransaction, HeadInvalid } from '../vault/commit/transaction.ts';
import { type FailureKind, StoreFailure } from '../vault/store.ts';
import type { Commit, GroupResult } from '../vault/commit/commit.ts';
import { atTheDoor } from './sqlite-door.ts';
import { configure, drive, mustBeDurable } from './sqlite-connection.ts';
import { sqliteWriter } from './sqlite-writer.ts';

/** A group to commit; `now` in milliseconds. */
export interface Order {
  readonly group: readonly Commit[];
  readonly now: number;
}

/** What became of it. An error crosses threads as its kind and our own sentence. */
export type Reply =
  | { readonly ready: true }
  | { readonly result: GroupResult }
  | { readonly failure: FailureKind | 'head'; readonly message: string };

/** How the thread starts: the file, and the row MAC key, which signs the head. */
export interface Start {
  readonly path: string;
  readonly rowsKey: Uint8Array;
}

// The thread is started by sqlite-aside.ts alone, with this data.
const { path, rowsKey } = workerData as Start;
const db = new Database(path);
configure(db);
mustBeDurable(db);
db.pragma('busy_timeout = 0');
// Each thread's commit empties the other's cache: a large one here costs memory and saves nothing (measured: 30 MiB).
db.pragma('cache_size = -8192');
const writer = sqliteWriter(db);
const seal = headSeal(new Secret(rowsKey));
rowsKey.fill(0);

parentPort?.on('message', (order: Order) => {
  parentPort?.postMessage(perform(order));
});

const ready: Reply = { ready: true };
parentPort?.postMessage(ready);

function perform({ group, now }: Order): Reply {
  try {
    return {
      result: atTheDoor(() =>
        drive(
          db,
          writer,
          groupTransaction(group, () => now, seal),
        ),
      ),
    };
  } catch (error) {
    if (error instanceof HeadInvalid) return { failure: 'head', message: error.message };
    if (error instanceof StoreFailure) return { failure: error.kind, message: error.message };
    return { failure: 'other', message: 'a commit failed' };
  }
}
