import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { VaultError } from '../../src/vault/error.ts';
import { newVault, openVaultDir, toldKey } from '../harness.ts';

/**
 * Every byte of every column of a small vault, changed in turn: never is a wrong value answered, and each change is
 * found, on opening, on reading, or by audit verify.
 */
it('no changed byte gives a wrong value, and each is found', async () => {
  const open = await newVault();
  const client = await open.add(['tokenise:cards-known', 'detokenise:cards-known@settlement'], {
    from: ['127.0.0.0/8'],
  });
  const value = '4111111111111111';
  const item = {
    collection: 'cards-known',
    value,
    subject: 'cus_1',
    metadata: { a: 1 },
    expiresAt: '2100-01-01T00:00:00Z',
  };
  const { items } = await client.vault.tokenise({ items: [item] }, 'key-1');
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  const until = new Date(Date.now() + 86_400_000).toISOString();
  const key = toldKey((await open.host.clients.rotate({ client: client.id, priorKeyUntil: until })).key);
  await open.host.clients.restrict({ client: client.id, restriction: 'throttled', until, reason: 'CASE-7' });
  await open.close();
  const data = dirname(open.storePath);
  for (const file of readdirSync(data)) if (file !== 'vault.db') rmSync(join(data, file));
  const whole = join(open.dir, 'whole.db');
  copyFileSync(open.storePath, whole);

  const unfound: string[] = [];
  let tried = 0;
  for (const change of changes(whole)) {
    for (const file of readdirSync(data)) rmSync(join(data, file));
    copyFileSync(whole, open.storePath);
    const db = new Database(open.storePath);
    const changed = change.make(db);
    db.close();
    if (!changed) continue;
    tried++;
    const outcome = await tryIt(open.dir, key, token, value);
    if (outcome === 'unfound') unfound.push(change.name);
  }
  expect(unfound).toEqual([]);
  expect(tried).toBeGreaterThan(300);
}, 600_000);

/** What opening, revealing and verifying a changed store comes to. A wrong value fails the test at once. */
async function tryIt(dir: string, key: string, token: string, value: string): Promise<'found' | 'unfound'> {
  let found = false;
  try {
    const open = await openVaultDir(dir);
    try {
      const vault = await open.as(key);
      const { items } = await vault.detokenise({
        purpose: 'settlement',
        items: [{ collection: 'cards-known', token }],
      });
      const [shown] = items;
      if (shown !== undefined && 'value' in shown) expect(shown.value).toBe(value);
      else found = true;
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      found = true;
    }
    found ||= !(await open.host.audit.verify()).ok;
    await open.close();
  } catch (error) {
    if (error instanceof Error && error.name === 'AssertionError') throw error;
    // It did not open at all: that is found.
    found = true;
  }
  return found ? 'found' : 'unfound';
}

interface Change {
  readonly name: string;
  readonly make: (db: Database.Database) => boolean;
}

/** One change for every so many bytes of each column of each row; all bytes of what is short, and some of what is long. */
function* changes(path: string): Generator<Change> {
  const db = new Database(path, { readonly: true });
  const tables = db
    .prepare<[], { name: string }>(
      `select name from sqlite_master where type = 'table' and name not like '%drizzle%' and name not like 'sqlite%'`,
    )
    .all();
  for (const { name: table } of tables) {
    const columns = db.prepare<[], { name: string }>(`select name from pragma_table_info('${table}')`).all();
    const rows = db.prepare<[], Record<string, unknown>>(`select * from "${table}"`).all();
    for (const [n, row] of rows.entries()) {
      for (const { name: column } of columns) {
        for (const [at, next] of variants(row[column])) {
          yield {
            name: `${table}[${n}].${column}@${at}`,
            make: (to) => update(to, table, row, column, next),
          };
        }
      }
    }
  }
  db.close();
}

function* variants(stored: unknown): Generator<[number, unknown]> {
  if (stored === null) yield [0, 1];
  else if (typeof stored === 'number')
    yield* [
      [0, stored + 1],
      [1, 'text'],
    ] as [number, unknown][];
  else if (typeof stored === 'string')
    for (const at of places(stored.length))
      yield [at, stored.slice(0, at) + (stored[at] === 'x' ? 'y' : 'x') + stored.slice(at + 1)];
  else if (Buffer.isBuffer(stored)) {
    // Another type is a change too.
    yield [-1, 'text'];
    yield [-2, null];
    for (const at of places(stored.length)) {
      const flipped = Buffer.from(stored);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      yield [at, flipped];
    }
  }
}

/** Every place of what is short; the first, the last and one in seven of what is long. */
const places = (length: number): number[] =>
  Array.from({ length }, (_, i) => i).filter((i) => EVERY || i === 0 || i === length - 1 || i % 7 === 3);

/** `STRONGROOM_FLIP_ALL=1` tries every byte, in some minutes. */
const EVERY = process.env['STRONGROOM_FLIP_ALL'] === '1';

function update(
  db: Database.Database,
  table: string,
  row: Record<string, unknown>,
  column: string,
  next: unknown,
): boolean {
  const where = Object.keys(row)
    .map((name) => `"${name}" is ?`)
    .join(' and ');
  try {
    return (
      db.prepare(`update "${table}" set "${column}" = ? where ${where}`).run(next, ...Object.values(row))
        .changes === 1
    );
  } catch {
    // A change that the schema refuses is no change.
    return false;
  }
}
