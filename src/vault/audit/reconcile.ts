import { equalBytes } from '../../crypto/encoding.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { ROW_ID, ROW_STEM, rowTime } from '../id.ts';
import type { FingerprintRow, IssuedRow, StoreSnapshot, ValueRow } from '../store.ts';
import type { History } from './history.ts';
import { sumRows } from './row-set.ts';
import type { Find, VerifyDeps } from './verify.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Walks issued tokens, values and fingerprints side by side, in the order of row ids, and holds them against the log
 * and against one another.
 * @returns how many issued tokens were seen
 */
export async function reconcile(
  snapshot: StoreSnapshot,
  history: History,
  deps: VerifyDeps,
  find: Find,
): Promise<number> {
  const subjects = checkSubjects(snapshot, deps, find);
  const values = new Cursor(snapshot.scan('values'));
  const prints = new Cursor(snapshot.scan('fingerprints'));
  const request = new RequestRows(history, find);
  let count = 0;
  for (const issued of snapshot.scan('issued')) {
    if (issued.row.length !== ROW_ID) {
      find('issued', `row ${hex(issued.row)} is not a row id`);
      continue;
    }
    for (const stray of values.before(issued.row)) find('values', `${hex(stray.row)} was never issued`);
    for (const stray of prints.before(issued.row))
      find('fingerprints', `points at ${hex(stray.row)}, which was never issued`);
    request.add(issued);
    checkToken(issued, values.take(issued.row), prints.take(issued.row), { history, deps, find, subjects });
    if (++count % 256 === 0) await deps.breathe();
  }
  request.close();
  for (const stray of values.rest()) find('values', `${hex(stray.row)} was never issued`);
  for (const stray of prints.rest())
    find('fingerprints', `points at ${hex(stray.row)}, which was never issued`);
  for (const index of history.left()) find('issued', 'rows that this event made are gone', index);
  for (const claim of snapshot.scan('claims')) {
    if (!isAuthentic(deps.rowsKey, 'claims', claim))
      find('claims', `a claim of ${claim.owner} is not as the vault wrote it`);
  }
  for (const use of snapshot.scan('uses')) {
    if (!isAuthentic(deps.rowsKey, 'uses', use))
      find('uses', `the last use of ${use.keyId} is not as the vault wrote it`);
  }
  return count;
}

interface Against {
  readonly history: History;
  readonly deps: VerifyDeps;
  readonly find: Find;
  readonly subjects: ReadonlySet<string>;
}

function checkToken(
  issued: IssuedRow,
  value: ValueRow | null,
  print: FingerprintRow | null,
  against: Against,
): void {
  const { history, deps, find, subjects } = against;
  const row = hex(issued.row);
  if (issued.at !== rowTime(issued.row)) find('issued', `${row} has another time than its id`);
  const ended = history.endedAt(row);
  if (ended !== issued.ended) find('issued', `${row} ${endings(ended, issued.ended)}`);
  if (ended !== null) {
    if (value !== null) find('values', `${row} is kept, though the log ended it`);
    if (print !== null) find('fingerprints', `points at ${row}, which the log ended`);
    return;
  }
  if (value === null) return find('values', `${row} is gone`);
  if (value.collection !== issued.collection || !equalBytes(deps.hashOf(value), issued.hash))
    find('issued', `${row} was not issued with this token`);
  const normal = deps.open(value);
  if (normal === null) return find('values', `${row} does not open: a column is not as it was sealed`);
  if (value.subject !== null && !subjects.has(value.subject))
    find('subjects', `the subject of ${row} is gone`);
  checkPrint(value, normal, print, deps, find);
}

function endings(said: number | null, stored: number | null): string {
  if (said === null) return 'is ended, which the log does not know';
  return stored === null ? 'is live, though the log ended it' : 'did not end when the log says';
}

function checkPrint(
  value: ValueRow,
  normal: string,
  print: FingerprintRow | null,
  deps: VerifyDeps,
  find: Find,
): void {
  const row = hex(value.row);
  if (print === null) {
    if (deps.isDeterministic(value.collection)) find('fingerprints', `the fingerprint of ${row} is gone`);
    return;
  }
  const expected = deps.printOf(value, normal, print.keyId);
  const right =
    print.collection === value.collection && expected !== null && equalBytes(expected, print.fingerprint);
  if (!right || !isAuthentic(deps.rowsKey, 'fingerprints', print))
    find('fingerprints', `the fingerprint of ${row} is not its value's`);
}

function checkSubjects(snapshot: StoreSnapshot, deps: VerifyDeps, find: Find): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const row of snapshot.scan('subjects')) {
    if (!isAuthentic(deps.rowsKey, 'subjects', row))
      find('subjects', `${row.id} is not as the vault wrote it`);
    ids.add(row.id);
  }
  return ids;
}

/** The rows of one request at a time, summed by collection as its tokenise events were. */
class RequestRows {
  readonly #history: History;
  readonly #find: Find;
  #stem = '';
  #rows = new Map<string, IssuedRow[]>();

  constructor(history: History, find: Find) {
    this.#history = history;
    this.#find = find;
  }

  add(issued: IssuedRow): void {
    const stem = hex(issued.row.subarray(0, ROW_STEM));
    if (stem !== this.#stem) this.close();
    this.#stem = stem;
    const rows = this.#rows.get(issued.collection);
    if (rows === undefined) this.#rows.set(issued.collection, [issued]);
    else rows.push(issued);
  }

  close(): void {
    for (const [collection, rows] of this.#rows) {
      const said = this.#history.takeMade(this.#stem, collection);
      const are = sumRows(rows);
      if (said === null) this.#find('issued', `${hex(rows[0]?.row ?? new Uint8Array())}: no event made it`);
      else if (said.count !== are.count || said.hash !== are.hash)
        this.#find('issued', `the rows of request ${this.#stem} are not those that its event made`);
    }
    this.#rows = new Map();
  }
}

/** Reads rows in the order of their ids, alongside another table. */
class Cursor<T extends { readonly row: Uint8Array }> {
  readonly #rows: Iterator<T>;
  #next: T | null;

  constructor(rows: Iterator<T>) {
    this.#rows = rows;
    this.#next = this.#read();
  }

  /** Rows whose ids come before this one. */
  *before(row: Uint8Array): Generator<T> {
    while (this.#next !== null && Buffer.compare(this.#next.row, row) < 0) yield this.#advance(this.#next);
  }

  take(row: Uint8Array): T | null {
    return this.#next !== null && equalBytes(this.#next.row, row) ? this.#advance(this.#next) : null;
  }

  *rest(): Generator<T> {
    while (this.#next !== null) yield this.#advance(this.#next);
  }

  #advance(current: T): T {
    this.#next = this.#read();
    return current;
  }

  #read(): T | null {
    const { done, value } = this.#rows.next();
    return done === true ? null : value;
  }
}
