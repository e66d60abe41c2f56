import { PRIMARY_KEY, type Rows, type Table } from '../rows.ts';

/** Compares two rows of a table by their primary key, so that every writer touches rows in one order. */
export function byKey<T extends Table>(table: T, a: Rows[T], b: Rows[T]): number {
  const columns: readonly string[] = PRIMARY_KEY[table];
  for (const column of columns) {
    const order = compare(Reflect.get(a, column), Reflect.get(b, column));
    if (order !== 0) return order;
  }
  return 0;
}

function compare(a: unknown, b: unknown): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [String(a), String(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
