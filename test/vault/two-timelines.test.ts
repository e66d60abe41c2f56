import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { openSqlite } from '../../src/store/sqlite.ts';
import { hostCaller } from '../../src/vault/access/host-caller.ts';
import type { Store } from '../../src/vault/store.ts';
import { newVault } from '../harness.ts';
import { openAround } from './wrapped.ts';

/**
 * A standby that had not heard of the last commits is promoted: the vault goes on from an earlier moment, and what is counted
 * there counts to the same numbers for other things. A process that goes over to it knows the numbers of before.
 */

it('a client that is revoked after a failover is nobody, though a process knows that epoch by its number', async () => {
  const open = await newVault();
  const victim = await open.add(['tokenise:cards', 'detokenise:cards@settlement']);
  const { items } = await victim.vault.tokenise({
    items: [{ collection: 'cards', value: '4111111111111111' }],
  });
  const token = items[0] !== undefined && 'token' in items[0] ? items[0].token : '';
  const asked = { purpose: 'settlement', items: [{ collection: 'cards', token }] };

  const path = join(open.dir, 'standby.db');
  new Database(open.storePath).exec(`vacuum into '${path}'`).close();
  const standby = openSqlite(path);
  onTestFinished(() => standby.close());

  let primary: Store | null = null;
  const replica = await openAround(open, (store) => {
    primary = store;
    return new Proxy(store, { get: (_, name): unknown => Reflect.get(primary ?? store, name) });
  });
  // Its epoch has one change that the standby has not heard of.
  const lost = await open.add(['tokenise:cards']);
  await replica.as(lost.key);
  const bound = await replica.as(victim.key);
  expect((await bound.detokenise(asked)).items).toMatchObject([{ value: '4111111111111111' }]);

  primary = standby;
  const { settings, clock, notices, fatal } = open;
  const other = await openAround(
    {
      settings: { ...settings, store: { ...settings.store, path } as typeof settings.store },
      clock,
      notices,
      fatal,
    },
    (store) => store,
  );
  await other.vault.bind(hostCaller('tester', 'cli_test')).clients.revoke({ client: victim.name });
  await expect(bound.detokenise(asked)).rejects.toMatchObject({ code: 'unauthenticated' });
  await expect(replica.as(lost.key)).rejects.toMatchObject({ code: 'unauthenticated' });
});
