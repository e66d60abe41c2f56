import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileMasterKey } from '../../../src/masterkey/file.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { digestRows } from '../../../src/vault/commit/digest.ts';
import { openRowsKey } from '../../../src/vault/open.ts';
import { AUTHORITY } from '../../../src/vault/rows.ts';
import { tamper } from '../../attack/tamper.ts';

/** Makes a vault what it would be had it been founded before logs had a key: by whoever holds the master key. */
export async function withoutLogKey(dir: string): Promise<void> {
  const path = join(dir, 'data', 'vault.db');
  tamper(path, (db) => db.exec(`delete from keys where "use" = 'checkpoints'`));
  await reseal(dir);
}

/** Writes the digests of the keys that are stored into the head, and signs it. */
export async function reseal(dir: string): Promise<void> {
  const store = openSqlite(join(dir, 'data', 'vault.db'));
  const masterKey = fileMasterKey(join(dir, 'keys'), { groups: [process.getegid?.() ?? -1] }, randomBytes);
  const { seal } = await openRowsKey(store, masterKey, 'test');
  const { keys } = await store.authority();
  await store.transact(function* () {
    const { head } = yield { do: 'lockHead' };
    if (head === null) throw new Error('there is no head');
    const digests = Buffer.from(head.digests);
    digests.set(digestRows(keys), AUTHORITY.indexOf('keys') * 32);
    yield { do: 'writeHead', head: seal.sign({ ...head, digests, epoch: head.epoch + 1 }) };
    return { keep: true, result: null };
  });
  await store.close();
}
