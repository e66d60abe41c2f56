import { expect, it } from 'vitest';
import { newVault, openVaultDir } from '../harness.ts';
import { eventsOf, tamper } from './tamper.ts';

/** Somebody who writes the database makes rows that do not authenticate, to be heard of no more. */

const insert = 'insert into grants (client, "grant", revision, mac) values (?, ?, 1, ?)';
const mac = Buffer.alloc(33, 1);
const isFinding = ({ action }: Record<string, unknown>): boolean => action === 'integrity';

it('a row is named by what the vault made of it: its own text, however long, is in no event and no notice', async () => {
  const open = await newVault();
  const client = await open.add(['tokenise:cards']);
  const pan = '4111111111111111';
  tamper(open.storePath, (db) => {
    db.prepare(insert).run(client.id, `detokenise:cards@${pan} `.repeat(2000), mac);
    db.prepare(insert).run(pan, 'audit:*', mac);
  });
  open.vault.refused('unauthenticated', null);
  await open.vault.recheck();
  await open.vault.maintain();
  const events = eventsOf(open.storePath);
  expect(events.filter(isFinding)).toHaveLength(2);
  expect(events.at(-1)).toMatchObject({ action: 'refusals', detail: { unauthenticated: 1 } });
  expect(events.filter(isFinding)).toContainEqual(
    expect.objectContaining({
      detail: expect.objectContaining({
        record: expect.stringContaining(`${client.id} #`) as unknown,
      }) as unknown,
    }),
  );
  expect(JSON.stringify([events, open.notices])).not.toContain(pan);
  // Somebody's row is no reason not to serve.
  await open.close();
  await (await openVaultDir(open.dir)).vault.recheck();
});

it('past a thousand findings, a table that has more says so', async () => {
  const open = await newVault();
  tamper(open.storePath, (db) => {
    const statement = db.prepare(insert);
    db.transaction(() => {
      for (let i = 0; i < 1100; i++) statement.run(`nobody ${i}`, 'tokenise:*', mac);
    })();
  });
  await open.vault.recheck();
  const found = eventsOf(open.storePath).filter(isFinding);
  expect(found).toHaveLength(1001);
  expect(found.at(-1)).toMatchObject({
    detail: { table: 'grants', record: '*', problem: 'more records than are named' },
  });
  await open.vault.recheck();
  expect(eventsOf(open.storePath).filter(isFinding)).toHaveLength(1001);
});
