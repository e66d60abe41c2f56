import type { Told } from '../vault/statement.ts';
import type { Prepared, Session } from './postgres-session.ts';
import { arrayOf } from './postgres-wire.ts';
import type { Cells, Given } from './postgres-sql.ts';

/** A statement over a set of rows, which it is given as one array a column. */
export interface SetStatement<Item> extends Prepared {
  readonly given: Given;
  readonly cells: (item: Item) => Cells;
  /** Which of the cells say which row is meant. */
  readonly key: readonly number[];
  /** What it answers: for each row that it did something to its position, or its key, or the positions of those that failed. */
  readonly answers: 'done' | 'keys' | 'failed';
}

export const NOTHING_FAILED: Told = { failed: [], head: null, clock: null };

/** Runs a statement over a set, and tells which of its positions failed, in order. */
export async function perform<Item>(
  session: Session,
  statement: SetStatement<Item>,
  items: readonly Item[],
): Promise<Told> {
  const all = items.map(statement.cells);
  const failed: number[] = [];
  for (const wave of statement.answers === 'failed' ? [[...all.keys()]] : waves(all, statement.key)) {
    const rows = wave.map((position) => all[position] ?? []);
    const answered = await session.run(statement, arraysOf(statement.given, rows));
    if (answered.count === (statement.answers === 'failed' ? 0 : wave.length)) continue;
    const told = new Set(answered.rows.map(textOf));
    const isTold = (i: number): boolean =>
      told.has(statement.answers === 'keys' ? keyOf(rows[i] ?? [], statement.key) : textOf([i + 1]));
    failed.push(...wave.filter((_, i) => isTold(i) === (statement.answers === 'failed')));
  }
  return failed.length === 0
    ? NOTHING_FAILED
    : { failed: failed.toSorted((a, b) => a - b), head: null, clock: null };
}

const arraysOf = (given: Given, rows: readonly Cells[]): readonly Buffer[] =>
  given.map(([, type], i) =>
    arrayOf(
      type,
      rows.map((row) => row[i] ?? null),
    ),
  );

/**
 * Positions in sets in which no key comes twice: one statement changes a row once, and what comes after that must see it done.
 * There is one such set, but for a group that asks for a row again.
 */
function waves(rows: readonly Cells[], key: readonly number[]): readonly (readonly number[])[] {
  const made: number[][] = [];
  const seen = new Map<string, number>();
  for (const [position, cells] of rows.entries()) {
    const text = keyOf(cells, key);
    const turn = seen.get(text) ?? 0;
    seen.set(text, turn + 1);
    (made[turn] ??= []).push(position);
  }
  return made;
}

const keyOf = (cells: Cells, key: readonly number[]): string => textOf(key.map((i) => cells[i]));

/** Cells as one text: no two lists of them give the same. */
const textOf = (cells: Cells): string =>
  cells
    .map((cell) =>
      cell instanceof Uint8Array
        ? Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString('latin1')
        : String(cell),
    )
    .map((text) => `${text.length}:${text}`)
    .join('');
