import type { Statement, Told } from '../../src/vault/statement.ts';
import type { Store } from '../../src/vault/store.ts';

/** Statements in one transaction, which is kept, and what was told of each. */
export const told = (store: Store, ...statements: readonly Statement[]): Promise<readonly Told[]> =>
  store.transact(function* () {
    const all: Told[] = [];
    for (const statement of statements) all.push(yield statement);
    return { keep: true, result: all };
  });

/** The positions that failed of one statement in a transaction of its own. */
export const failedOf = async (store: Store, statement: Statement): Promise<readonly number[]> =>
  (await told(store, statement))[0]?.failed ?? [];

/** Of every row of a table, as a snapshot has them. */
export async function everyRow<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

export async function scanned(
  store: Store,
  table: Parameters<Awaited<ReturnType<Store['snapshot']>>['scan']>[0],
) {
  const snapshot = await store.snapshot();
  try {
    return await everyRow(snapshot.scan(table));
  } finally {
    await snapshot.close();
  }
}
