import type { Secret } from '../../crypto/key.ts';
import { decodeFrontier, EMPTY, root } from '../../log/tree.ts';
import { type LogEntry, type LogVerdict, verifyLog } from '../../log/verify.ts';
import { authenticate } from '../custody/authority.ts';
import { AUTHORITY, type AuthorityTable, PRIMARY_KEY, type Rows } from '../rows.ts';
import type { StoreSnapshot } from '../store.ts';
import type { Find, VerifyDeps } from './against.ts';
import { History } from './history.ts';
import { PublishedTree } from './published-tree.ts';
import { reconcile } from './reconcile.ts';

/** Something that is not as it was written. `index` is the event's, where there is one. */
export interface LogFinding {
  readonly index: number | null;
  readonly table: string;
  readonly problem: string;
}

export interface LogReport {
  readonly ok: boolean;
  readonly size: number;
  /** Base64 of the root in the head. */
  readonly root: string;
  /** Tokens that were reconciled with the log. */
  readonly rows: number;
  readonly findings: readonly LogFinding[];
}

/** Findings are cut off here: a store that is all wrong needs no longer list. */
const MOST_FINDINGS = 100;

/**
 * Recomputes the log from the stored bytes, checks it against the head, and reconciles every row with it: edits, gaps,
 * reordering, deleted and invented rows are found.
 */
export async function verifyStore(snapshot: StoreSnapshot, deps: VerifyDeps): Promise<LogReport> {
  const findings: LogFinding[] = [];
  const find: Find = (table, problem, index = null) => {
    if (findings.length < MOST_FINDINGS) findings.push({ index, table, problem });
  };
  const { authority } = snapshot;
  const { head } = authority;
  if (head === null || !deps.seal.verify(head)) find('head', 'the head is missing or does not authenticate');
  const frontier = head === null ? EMPTY : (decodeFrontier(head.size, head.frontier) ?? EMPTY);
  const expected = { size: frontier.size, root: root(frontier) };

  const history = new History();
  const published: LogFinding[] = [];
  const tree = await PublishedTree.read(snapshot, deps, (table, problem) => {
    if (published.length < MOST_FINDINGS) published.push({ index: null, table, problem });
  });
  const verdict = await verifyLog(read(snapshot, history, tree, deps.breathe), expected);
  if (verdict.verdict !== 'intact') find('events', SENTENCES[verdict.verdict], verdict.index);
  for (const table of AUTHORITY)
    checkAuthority(table, authority[table], head?.digests ?? null, deps.rowsKey, find);
  // What the log does not prove, rows cannot be held against.
  const whole = verdict.verdict === 'intact' || verdict.verdict === 'root';
  if (whole) tree.close();
  // After the log's own: an event that was changed shows in what was published of it, too.
  for (const { table, problem } of published) find(table, problem);
  if (whole) history.reconcileAuthority(authority, find);
  const rows = whole ? await reconcile(snapshot, history, deps, find) : 0;
  if (!whole) find('issued', 'no row was held against the log, since the log is not whole');
  return {
    ok: findings.length === 0,
    size: expected.size,
    root: Buffer.from(expected.root).toString('base64'),
    rows,
    findings,
  };
}

const SENTENCES = {
  gap: 'an event is missing here',
  order: 'an event stands twice or late here',
  surplus: 'there are more events than the head counts',
  malformed: 'these bytes are not an event',
  root: 'all events are there, but some byte of some event is not what was written',
} satisfies Record<Exclude<LogVerdict['verdict'], 'intact'>, string>;

async function* read(
  snapshot: StoreSnapshot,
  history: History,
  tree: PublishedTree,
  breathe: () => Promise<void>,
): AsyncGenerator<LogEntry> {
  for await (const entry of snapshot.events()) {
    history.read(entry.index, entry.bytes);
    tree.read(entry.bytes);
    yield entry;
    if (entry.index % 256 === 255) await breathe();
  }
}

function checkAuthority<T extends AuthorityTable>(
  table: T,
  rows: readonly Rows[T][],
  digests: Uint8Array | null,
  key: Secret,
  find: Find,
): void {
  const { foreign, isWhole } = authenticate(table, rows, digests, key);
  for (const row of foreign) {
    const record = PRIMARY_KEY[table].map((column) => String(Reflect.get(row, column))).join(' ');
    find(table, `${record} is not as the vault wrote it`);
  }
  if (!isWhole) find(table, 'rows were changed, deleted or put back');
}
