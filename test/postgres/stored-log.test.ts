import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkLog } from '../../src/verify-log.ts';
import { textOf } from '../docs/documents.ts';
import { onPostgres } from '../engine.ts';
import { newVault } from '../harness.ts';
import { clusterOfFile } from './lifetimes.ts';

const cluster = clusterOfFile();
onPostgres(() => cluster().database());
await import('../verifier/stored-log.test.ts');

it('a role that may read what the page says is enough, and reads nothing else', async () => {
  const open = await newVault();
  await open.vault.follow();
  const { store } = open.settings;
  if (store.engine !== 'postgres') expect.fail('this vault is on PostgreSQL');
  const { host, port, database } = store;
  const [, sql = ''] = /A reader for auditors[^`]*```sql\n([^`]*)```/s.exec(textOf('docs/postgres.md')) ?? [];
  expect(sql).toContain('grant select on');
  await cluster().query(sql.replace('on database vault', `on database "${database}"`), database);
  const passwordFile = join(open.dir, 'auditor.password');
  writeFileSync(passwordFile, 'a third\n', { mode: 0o600 });
  const place = { kind: 'store', passwordFile, ca: null } as const;
  const url = `postgres://strongroom_auditor@${host}:${port}/${database}`;
  const { key } = await open.host.audit.key();
  const pins = { key, witnesses: [], quorum: null, against: [] };
  expect(await checkLog(pins, { ...place, url }, () => undefined)).toMatchObject({ findings: [] });
  const asked = cluster().query(
    `set role strongroom_auditor; select count(*) from public."values"`,
    database,
  );
  await expect(asked).rejects.toThrow('permission denied');
});
