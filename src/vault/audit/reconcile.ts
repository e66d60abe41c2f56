import { equalBytes } from '../../crypto/encoding.ts';
import { isAuthentic } from '../custody/authentic.ts';
import { ROW_ID, rowTime } from '../id.ts';
import type { EarlierRow, FingerprintRow, IssuedRow, ValueRow } from '../rows.ts';
import type { StoreSnapshot } from '../store.ts';
import { Cursor } from './cursor.ts';
import type { History } from './history.ts';
import { RequestRows } from './request-rows.ts';
import type { Find, VerifyDeps } from './against.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Walks issued tokens, values and what hangs off them side by side, in the order of row ids, and holds them against the log
 * and against one another.
 * @returns how many issued tokens were seen
 */
export async function reconcile(
  snapshot: StoreSnapshot,
  history: History,
  deps: VerifyDeps,
  find: Find,
): Promise<number> {
  const subjects = await checkSubjects(snapshot, deps, find);
  const head = snapshot.authority.head?.lastAt ?? 0;
  const values = new Cursor(snapshot.scan('values'));
  const hanging = {
    fingerprints: new Cursor(snapshot.scan('fingerprints')),
    lookups: new Cursor(snapshot.scan('lookups')),
    earlier: new Cursor(snapshot.scan('earlier')),
  };
  const request = new RequestRows(history, find);
  let count = 0;
  let last: Uint8Array | null = null;
  const tellStray = (table: string, { row }: { readonly row: Uint8Array }): void =>
    find(
      table,
      `points at ${hex(row)}, ${last !== null && equalBytes(row, last) ? 'as another does' : 'which was never issued'}`,
    );
  for await (const issued of snapshot.scan('issued')) {
    if (issued.row.length !== ROW_ID) {
      find('issued', `row ${hex(issued.row)} is not a row id`);
      continue;
    }
    const value = await values.reach(issued.row);
    const hung = {
      fingerprints: await hanging.fingerprints.reach(issued.row),
      lookups: await hanging.lookups.reach(issued.row),
      earlier: await hanging.earlier.reach(issued.row),
    };
    for (const stray of value.before) find('values', `${hex(stray.row)} was never issued`);
    for (const [table, { before }] of Object.entries(hung))
      for (const stray of before) tellStray(table, stray);
    last = issued.row;
    request.add(issued);
    const stored: Stored = {
      value: value.there,
      fingerprints: hung.fingerprints.there,
      lookups: hung.lookups.there,
      earlier: hung.earlier.there,
    };
    checkToken(issued, stored, { history, deps, find, subjects, at: head });
    if (++count % 256 === 0) await deps.breathe();
  }
  request.close();
  for await (const stray of values.rest()) find('values', `${hex(stray.row)} was never issued`);
  for (const [table, cursor] of Object.entries(hanging))
    for await (const stray of cursor.rest()) tellStray(table, stray);
  for (const index of history.left()) find('issued', 'rows that this event made are gone', index);
  await each(snapshot.scan('claims'), deps, (claim) => {
    if (!isAuthentic(deps.rowsKey, 'claims', claim))
      find('claims', `a claim of ${claim.owner} is not as the vault wrote it`);
  });
  await each(snapshot.scan('uses'), deps, (use) => {
    if (!isAuthentic(deps.rowsKey, 'uses', use))
      find('uses', `the last use of ${use.keyId} is not as the vault wrote it`);
  });
  return count;
}

/** Looks at rows of which a vault may have millions: whoever is served meanwhile has turns. */
async function each<T>(
  rows: AsyncIterable<T>,
  { breathe }: VerifyDeps,
  look: (row: T) => void,
): Promise<void> {
  let count = 0;
  for await (const row of rows) {
    look(row);
    if (++count % 256 === 0) await breathe();
  }
}

interface Against {
  readonly history: History;
  readonly deps: VerifyDeps;
  readonly find: Find;
  readonly subjects: ReadonlySet<string>;
  /** The time of the newest event, in milliseconds. */
  readonly at: number;
}

/** What hangs off one row id. */
interface Stored {
  readonly value: ValueRow | null;
  readonly fingerprints: FingerprintRow | null;
  readonly lookups: FingerprintRow | null;
  readonly earlier: EarlierRow | null;
}

function checkToken(issued: IssuedRow, stored: Stored, against: Against): void {
  const { history, find } = against;
  const row = hex(issued.row);
  if (issued.at !== rowTime(issued.row)) find('issued', `${row} has another time than its id`);
  const ended = history.endedAt(row);
  if (ended !== issued.ended) find('issued', `${row} ${endings(ended, issued.ended)}`);
  const named = history.namedAs(row);
  if (named !== null && named !== Buffer.from(issued.hash).toString('base64url'))
    find('issued', `${row} was ended, damaged, by a token that it was not issued with`);
  if (ended === null) return checkLive(issued, stored, against);
  const { value, ...hanging } = stored;
  if (value !== null) find('values', `${row} is kept, though the log ended it`);
  for (const [table, one] of Object.entries(hanging))
    if (one !== null) find(table, `points at ${row}, which the log ended`);
}

function checkLive(issued: IssuedRow, stored: Stored, against: Against): void {
  const { history, deps, find, subjects } = against;
  const { value } = stored;
  const row = hex(issued.row);
  if (value === null) return find('values', `${row} is gone`);
  const hash = deps.hashOf(value);
  if (value.collection !== issued.collection || hash === null || !equalBytes(hash, issued.hash))
    find('issued', `${row} was not issued with this token`);
  const normal = deps.open(value);
  if (normal === null) return find('values', `${row} does not open: a column is not as it was sealed`);
  if (value.subject !== null && !subjects.has(value.subject))
    find('subjects', `the subject of ${row} is gone`);
  const { version } = history.replacedBy(row);
  if (value.version !== version)
    find('values', `${row} is version ${value.version}, where the log says ${version}`);
  checkEarlier(value, stored.earlier, against);
  checkPrints(value, normal, stored, against);
}

/** What is kept of a version before: there while the log says so, and not a moment longer than anyone could know. */
function checkEarlier(value: ValueRow, earlier: EarlierRow | null, against: Against): void {
  const { history, deps, find, at } = against;
  const row = hex(value.row);
  const { until } = history.replacedBy(row);
  if (earlier === null) {
    if (until !== null && until > at) find('earlier', `the version before ${row} is gone`);
  } else if (until === null) find('earlier', `a version before ${row} is kept, though the log ended it`);
  else if (
    earlier.version !== value.version - 1 ||
    earlier.until !== until ||
    !deps.openEarlier(value, earlier)
  )
    find('earlier', `the version before ${row} is not as it was sealed`);
}

function endings(said: number | null, stored: number | null): string {
  if (said === null) return 'is ended, which the log does not know';
  return stored === null ? 'is live, though the log ended it' : 'did not end when the log says';
}

function checkPrints(value: ValueRow, normal: string, stored: Stored, { deps, find }: Against): void {
  const row = hex(value.row);
  const kept = deps.printsOf(value.collection);
  for (const table of ['fingerprints', 'lookups'] as const) {
    const print = stored[table];
    if (print === null) {
      if (kept === table) find(table, `the fingerprint of ${row} is gone`);
      continue;
    }
    const expected = deps.printOf(value, normal, print.keyId);
    const right =
      print.collection === value.collection && expected !== null && equalBytes(expected, print.fingerprint);
    if (!right || !isAuthentic(deps.rowsKey, table, print))
      find(table, `the fingerprint of ${row} is not its value's`);
  }
}

async function checkSubjects(
  snapshot: StoreSnapshot,
  deps: VerifyDeps,
  find: Find,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  await each(snapshot.scan('subjects'), deps, (row) => {
    if (!isAuthentic(deps.rowsKey, 'subjects', row))
      find('subjects', `${row.id} is not as the vault wrote it`);
    ids.add(row.id);
  });
  return ids;
}
