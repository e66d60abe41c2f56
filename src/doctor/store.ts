import { type Finding, finding } from './finding.ts';

/** What SQLite and the file system say of a store. */
export interface StoreFacts {
  readonly path: string;
  readonly journalMode: string;
  /** What a connection that asks for FULL (2) gets. */
  readonly synchronous: number;
  /** Null where it was not looked at. */
  readonly isSound: boolean | null;
  readonly otherTables: readonly string[];
}

const MIB = 1024 ** 2;
/** Twice what a checkpoint leaves: something keeps it from being emptied. */
const MOST_WAL = 128 * MIB;
const LEAST_FREE = 1024 * MIB;

export function* storeFindings(facts: StoreFacts): Generator<Finding> {
  const { path, journalMode, synchronous, isSound, otherTables } = facts;
  if (journalMode !== 'wal' || synchronous !== 2)
    yield finding(
      'store-not-durable',
      `${path} reads back journal_mode ${journalMode} and synchronous ${synchronous}, not wal and 2 (FULL): ` +
        'something else set it, or it is not on a local disk. serve sets it again, or refuses to start.',
    );
  if (otherTables.length > 0)
    yield finding(
      'store-schema',
      `the tables of ${path} are not those of this release (${otherTables.join(', ')}): serve migrates an older store; a newer one needs its own release; else restore a backup.`,
    );
  if (isSound === false)
    yield finding('store-damaged', `${path} fails SQLite's quick_check: restore a backup.`);
}

/** @param bytes of the write-ahead log, and free to this user on the store's disk */
export function* roomFindings(
  path: string,
  bytes: { readonly wal: number; readonly free: number },
): Generator<Finding> {
  if (bytes.wal > MOST_WAL)
    yield finding(
      'store-wal-large',
      `${path}-wal has ${mib(bytes.wal)}: a reader that does not end (a backup, a shell) keeps it from being emptied.`,
    );
  if (bytes.free < LEAST_FREE)
    yield finding(
      'store-disk-low',
      `the disk of ${path} has ${mib(bytes.free)} free: when it is full, nothing can be kept or revealed. Make space.`,
    );
}

const mib = (bytes: number): string => `${Math.floor(bytes / MIB)} MiB`;
