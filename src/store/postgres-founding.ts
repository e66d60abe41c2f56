import type { HeadRow } from '../vault/rows.ts';
import type { Insert } from '../vault/statement.ts';
import { StoreFailure } from '../vault/store.ts';
import { HEAD } from './columns.ts';
import type { Connections } from './postgres-pool.ts';
import { perform, type SetStatement } from './postgres-sets.ts';
import { cellsOf, givenOf, insertion } from './postgres-sql.ts';
import { POSTGRES_WRITER } from './postgres-writer.ts';

const INSERT_HEAD: SetStatement<object> = {
  name: 'insert_head',
  given: givenOf(HEAD),
  key: [0],
  cells: cellsOf(HEAD),
  answers: 'keys',
  text: `${insertion('head', HEAD)} on conflict do nothing returning "only"`,
};

/** Makes an empty store a vault; false if it is one. Two processes that try at once wait for one another at the head. */
export const foundOn = (
  connections: Connections,
  head: HeadRow,
  inserts: readonly Insert[],
): Promise<boolean> =>
  connections.use(async (session) => {
    await session.begin();
    const { failed } = await perform(session, INSERT_HEAD, [{ ...head, only: 1 }]);
    if (failed.length > 0) {
      await session.rollback();
      return false;
    }
    for (const { table, row } of inserts)
      await POSTGRES_WRITER.insert(session, { do: 'insert', table, rows: [row] });
    if (await session.commit()) return true;
    throw new StoreFailure(
      'unknown',
      'the connection was lost while the vault was made: look whether it is there',
    );
  });
