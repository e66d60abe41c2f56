import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { tamper } from '../attack/tamper.ts';
import { listening } from './listening.ts';

it('is live and not ready while the store does not commit, and ready again after', async () => {
  const { ask, open, lines } = await listening();
  const db = new Database(open.storePath);
  db.exec('begin immediate');
  // Asked by many at once, one try is made for all.
  const answers = await Promise.all([ask('/readyz'), ask('/readyz'), ask('/readyz')]);
  for (const answer of answers) {
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1', 'content-type': 'application/problem+json' },
      json: { code: 'unavailable' },
    });
  }
  expect(lines.at(-1)).toMatchObject({ route: '/readyz', status: 503, code: 'unavailable' });
  expect(await ask('/livez')).toMatchObject({ status: 200 });
  db.close();
  expect(await ask('/readyz')).toMatchObject({ status: 200, json: { status: 'ready' } });
});

it('is not ready once the vault has closed over a changed row', async () => {
  const { ask, open } = await listening();
  await open.add(['tokenise:cards']);
  expect(await ask('/readyz')).toMatchObject({ status: 200 });
  tamper(open.storePath, (db) => db.exec('delete from grants'));
  await open.vault.recheck();
  expect(await ask('/readyz')).toMatchObject({ status: 503 });
  expect(await ask('/livez')).toMatchObject({ status: 200 });
});

it('asks no key, and says nothing of the vault', async () => {
  const { ask } = await listening();
  expect((await ask('/livez')).text).toBe('{"status":"live"}');
  expect((await ask('/readyz')).text).toBe('{"status":"ready"}');
});
