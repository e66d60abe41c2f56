import { expect, it } from 'vitest';
import { z } from 'zod';
import { openCheckpoint } from '../../../src/log/checkpoint.ts';
import { openKeyChange } from '../../../src/log/key-change.ts';
import { parseVerifier } from '../../../src/log/verifier.ts';
import { logOf, tamper } from '../../attack/tamper.ts';
import { makeVaultDir, newVault, openVaultDir, type TestVault } from '../../harness.ts';
import { withoutLogKey } from './keyless.ts';

const signedBy = (checkpoint: string, key: string): number =>
  openCheckpoint(Buffer.from(checkpoint), parseVerifier(key)).size;

const findingsOf = async ({ host }: TestVault) => (await host.audit.verify()).findings;

it('the key before names the next, as an event, and what covers it is signed by the next', async () => {
  const open = await newVault();
  const { key: first } = await open.host.audit.key();
  await open.vault.follow();
  const { checkpoint: old } = await open.host.audit.checkpoint();
  const { key, before, from } = await open.host.audit.rotateKey();
  expect(before).toBe(first);
  expect(key).not.toBe(first);
  const event = (await logOf(open))[from - 1];
  expect(event).toMatchObject({ action: 'audit.rotate-key', outcome: 'done', detail: { key: first } });
  const { note } = z.object({ note: z.string() }).parse(event?.['detail']);
  expect(openKeyChange(Buffer.from(note), parseVerifier(first)).text).toBe(key);
  // Until somebody has followed the log, the newest checkpoint is the old key's.
  expect(signedBy((await open.host.audit.checkpoint()).checkpoint, first)).toBe(signedBy(old, first));
  await open.vault.follow();
  const { checkpoint, size } = await open.host.audit.checkpoint();
  expect(signedBy(checkpoint, key)).toBe(size);
  expect(() => signedBy(checkpoint, first)).toThrow('no signature of a known key');
  expect(await open.host.audit.key()).toMatchObject({
    key,
    keys: [
      { from: 0, key: first },
      { from, key },
    ],
  });
  expect(await findingsOf(open)).toEqual([]);
  const { proof } = await open.host.audit.prove({ index: 0 });
  expect(proof).toContain(checkpoint.split('\n')[0]);
});

it('the private part of the key before is gone from the store, and the vault opens without it', async () => {
  const open = await newVault();
  await open.host.audit.rotateKey();
  await open.vault.follow();
  await open.close();
  const rows: unknown[] = [];
  tamper(open.storePath, (db) =>
    rows.push(
      ...db
        .prepare(
          `select state, version, length(wrapped) as held from keys where "use" = 'checkpoints' order by version`,
        )
        .all(),
    ),
  );
  expect(rows).toEqual([
    { state: 'destroyed', version: 1, held: 0 },
    { state: 'active', version: 2, held: expect.any(Number) as number },
  ]);
  const again = await openVaultDir(open.dir);
  expect(again.notices).toEqual([]);
  await again.host.audit.rotateKey();
  await again.vault.follow();
  expect(await findingsOf(again)).toEqual([]);
  expect((await again.host.audit.key()).keys).toHaveLength(3);
});

it('is a custodian of keys, and nobody else', async () => {
  const open = await newVault();
  const keeper = await open.add(['keys:*'], { kind: 'custodian' });
  const { from } = await keeper.vault.audit.rotateKey();
  expect((await logOf(open))[from - 1]).toMatchObject({ actor: { id: keeper.id } });
  const others = [
    await open.add(['audit:*'], { kind: 'auditor' }),
    await open.add(['clients:*', 'policy:*'], { kind: 'custodian' }),
    await open.add(['tokenise:cards']),
  ];
  for (const { vault, id } of others) {
    await expect(vault.audit.rotateKey()).rejects.toMatchObject({ code: 'insufficient_grant' });
    expect((await logOf(open)).at(-1)).toMatchObject({
      action: 'audit.rotate-key',
      outcome: 'denied',
      actor: { id },
    });
  }
  await expect(keeper.vault.audit.key()).rejects.toMatchObject({ code: 'insufficient_grant' });
});

it('a follower that lags, and one that begins anew, come to the same keys', async () => {
  const open = await newVault();
  for (let i = 0; i < 3; i++) await open.host.audit.rotateKey();
  await open.vault.follow();
  const { keys } = await open.host.audit.key();
  expect(keys).toHaveLength(4);
  expect(keys[0]?.from).toBe(0);
  await open.host.audit.rotateKey();
  tamper(open.storePath, (db) => db.exec('delete from followers'));
  open.clock.offset += 6000;
  await open.vault.follow();
  expect((await open.host.audit.key()).keys.slice(0, 4)).toEqual(keys);
  expect(await findingsOf(open)).toEqual([]);
});

it('two processes: one rotates, and the other signs with the new key from its next checkpoint on', async () => {
  const one = await newVault();
  const other = await openVaultDir(one.dir, one.clock);
  await one.vault.follow();
  // It has the old key opened, and learns of the new one by the event that it reads.
  const { key } = await other.host.audit.rotateKey();
  await one.vault.follow();
  const { checkpoint, size } = await one.host.audit.checkpoint();
  expect(signedBy(checkpoint, key)).toBe(size);
  expect(await findingsOf(one)).toEqual([]);
});

it('a store that has no key is given its first, and the event says that nobody signed for it', async () => {
  const dir = await makeVaultDir();
  await withoutLogKey(dir);
  const open = await openVaultDir(dir);
  await expect(open.vault.follow()).rejects.toThrow();
  const { key, before, from } = await open.host.audit.rotateKey();
  expect(before).toBeNull();
  expect((await logOf(open))[from - 1]).toMatchObject({ action: 'log.found-key', detail: { key } });
  await open.vault.follow();
  expect(await findingsOf(open)).toEqual([]);
  const second = await open.host.audit.rotateKey();
  await open.vault.follow();
  const { keys } = await open.host.audit.key();
  expect(keys).toEqual([
    { from, key },
    { from: second.from, key: second.key },
  ]);
  expect(await findingsOf(open)).toEqual([]);
});
