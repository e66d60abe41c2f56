import { equalBytes } from '../../crypto/encoding.ts';
import { append, decodeFrontier, encodeFrontier, leafHash } from '../../log/tree.ts';
import type { HeadRow, Rows, Table } from '../rows.ts';
import type { Told, Transaction } from '../statement.ts';
import { type Commit, type GroupResult, raisesEpoch } from './commit.ts';
import { movedDigests } from './digest.ts';
import { StoreFailure } from '../store.ts';
import { settle } from './event.ts';
import type { HeadSeal } from './head.ts';
import { byKey } from './order.ts';
import { mustNotBeAhead } from './clock.ts';
import { closedBecause } from './standing.ts';

/** The order of tables in every transaction: engines that lock rows never wait in a circle. */
const ORDER = [
  'claims',
  'fingerprints',
  'lookups',
  'issued',
  'values',
  'subjects',
  'clients',
  'grants',
  'policies',
  'collections',
  'keys',
  'restrictions',
  'uses',
  'followers',
  'tiles',
  'checkpoints',
] as const satisfies readonly Table[];

type Owned<T> = { readonly item: T; readonly owner: number };

/**
 * The transaction of a group, for every engine: cold rows in table and key order, then the head under lock, then
 * preconditions, then events and the head. Anything that proves untrue rolls it all back and names its commits.
 * @param now milliseconds
 */
export function* groupTransaction(
  group: readonly Commit[],
  now: () => number,
  seal: HeadSeal,
): Transaction<GroupResult> {
  const failed = new Set<number>();
  const note = (items: readonly Owned<unknown>[], told: Told): void => {
    for (const position of told.failed) failed.add(items[position]?.owner ?? -1);
  };

  const forget = group.find(({ forgetClaims }) => forgetClaims !== null)?.forgetClaims ?? null;
  if (forget !== null) yield { do: 'forgetClaims', before: forget };
  const endings = owned(group, (commit) => commit.endings);
  if (endings.length > 0) note(endings, yield { do: 'end', endings: endings.map(({ item }) => item) });
  const replaced = owned(group, (commit) => commit.replacements);
  if (replaced.length > 0)
    note(replaced, yield { do: 'replace', replacements: replaced.map(({ item }) => item) });
  const outlived = owned(group, (commit) => commit.outlived);
  if (outlived.length > 0)
    note(outlived, yield { do: 'forgetEarlier', versions: outlived.map(({ item }) => item) });
  const leases = owned(group, (commit) => commit.leases);
  if (leases.length > 0) note(leases, yield { do: 'lease', leases: leases.map(({ item }) => item) });
  const followers = owned(group, (commit) => commit.followers);
  if (followers.length > 0)
    note(followers, yield { do: 'follow', followers: followers.map(({ item }) => item) });
  for (const [table, rows] of sets(group)) {
    note(rows, yield { do: 'insert', table, rows: rows.map(({ item }) => item) });
  }
  const updates = owned(group, (commit) => commit.updates);
  if (updates.length > 0) note(updates, yield { do: 'update', updates: updates.map(({ item }) => item) });
  const uses = group.flatMap((commit) => commit.uses).toSorted((a, b) => byKey('uses', a, b));
  if (uses.length > 0) yield { do: 'noteUses', uses };
  const checkpoints = group.flatMap((commit) => commit.checkpoints);
  if (checkpoints.length > 0) yield { do: 'noteCheckpoints', checkpoints };
  if (failed.size > 0) return { keep: false, result: { kept: false, failed, head: null } };

  const { head, clock } = yield { do: 'lockHead' };
  if (head === null || !seal.verify(head)) throw new HeadInvalid();
  mustStand(head, group);
  const at = Math.max(mustNotBeAhead(now(), clock), head.lastAt);
  for (const owner of untrue(group, head, at)) failed.add(owner);
  const relied = owned(group, (commit) => (commit.changes === head.changes ? [] : commit.relied));
  if (relied.length > 0) note(relied, yield { do: 'checkLive', relied: relied.map(({ item }) => item) });
  const empty = owned(group, (commit) => commit.mustBeEmpty);
  if (empty.length > 0) note(empty, yield { do: 'checkEmpty', collections: empty.map(({ item }) => item) });
  if (failed.size > 0) return { keep: false, result: { kept: false, failed, head } };

  const firsts: number[] = [];
  const events: Uint8Array[] = [];
  for (const commit of group) {
    firsts.push(head.size + events.length);
    for (const draft of commit.drafts) events.push(settle(draft, at));
  }
  if (events.length > 0) {
    const { failed: taken } = yield { do: 'append', first: head.size, events };
    if (taken.length > 0)
      throw new StoreFailure('other', 'the log holds events that the vault did not write');
  }
  const next = seal.sign(advanced(head, group, events, at, endings.length + replaced.length));
  yield { do: 'writeHead', head: next };
  return { keep: true, result: { kept: true, head: next, at, firsts } };
}

/** The head did not authenticate: nothing can be committed on it. */
export class HeadInvalid extends Error {
  constructor() {
    super('the head of the log does not authenticate');
    this.name = 'HeadInvalid';
  }
}

/**
 * A store that is closed takes no commit but the one that opens it again, and none after the one that closes it.
 * @throws StoreFailure `closed`
 */
function mustStand(head: HeadRow, group: readonly Commit[]): void {
  let { standing } = head;
  for (const { turn } of group) {
    const closed = closedBecause(standing);
    if (turn === null ? closed !== null : turn.from !== standing)
      throw new StoreFailure('closed', closed ?? 'the store is open');
    standing = turn?.to ?? standing;
  }
}

/** Commits that the head shows to be decided on something old. A commit that raises the epoch stands last, and alone. */
function* untrue(group: readonly Commit[], head: HeadRow, at: number): Generator<number> {
  let raised = false;
  for (const [owner, commit] of group.entries()) {
    if (isStale(commit, head, raised) || (commit.validUntil !== null && at >= commit.validUntil)) yield owner;
    else raised ||= raisesEpoch(commit);
  }
}

function isStale({ epoch, authority }: Commit, head: HeadRow, raised: boolean): boolean {
  if (epoch === null) return false;
  return raised || epoch !== head.epoch || (authority !== null && !equalBytes(authority, head.digests));
}

function advanced(
  head: HeadRow,
  group: readonly Commit[],
  events: readonly Uint8Array[],
  at: number,
  changes: number,
): HeadRow {
  const before = decodeFrontier(head.size, head.frontier);
  if (before === null) throw new HeadInvalid();
  const frontier = append(before, events.map(leafHash));
  return {
    ...head,
    standing: group.at(-1)?.turn?.to ?? head.standing,
    size: frontier.size,
    frontier: encodeFrontier(frontier),
    epoch: head.epoch + (group.some(raisesEpoch) ? 1 : 0),
    changes: head.changes + changes,
    // Moved even by a commit of nothing: a head that did not change would not be written, and readiness would be a guess.
    lastAt: at,
    digests: movedDigests(head.digests, group),
  };
}

function owned<T>(group: readonly Commit[], of: (commit: Commit) => readonly T[]): Owned<T>[] {
  return group.flatMap((commit, owner) => of(commit).map((item) => ({ item, owner })));
}

/** Every insert of the group, by table in ORDER, each table in key order. */
function* sets(group: readonly Commit[]): Generator<[Table, Owned<Rows[Table]>[]]> {
  const byTable = new Map<Table, Owned<Rows[Table]>[]>();
  for (const [owner, commit] of group.entries()) {
    for (const insert of commit.inserts) {
      const rows = byTable.get(insert.table) ?? [];
      if (rows.length === 0) byTable.set(insert.table, rows);
      rows.push({ item: insert.row, owner });
    }
  }
  for (const table of ORDER) {
    const rows = byTable.get(table);
    if (rows !== undefined) yield [table, rows.toSorted((a, b) => byKey(table, a.item, b.item))];
  }
}
