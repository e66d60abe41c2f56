import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ed25519 } from '../../src/crypto/ed25519.ts';
import { Secret } from '../../src/crypto/key.ts';
import { openCheckpoint, signCheckpoint } from '../../src/log/checkpoint.ts';
import type { Signer } from '../../src/log/note.ts';
import { parseVerifier, verifierOf } from '../../src/log/verifier.ts';
import { fileMasterKey } from '../../src/masterkey/file.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import { signRow } from '../../src/vault/custody/authentic.ts';
import { openKey } from '../../src/vault/custody/keyring.ts';
import { newKey } from '../../src/vault/custody/new-key.ts';
import { openRowsKey } from '../../src/vault/open.ts';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';
import { reseal } from '../vault/audit/keyless.ts';
import { tamper } from './tamper.ts';

/** Somebody who writes the database and would have the log signed by a key of his. */

const random = (bytes: number): Uint8Array => randomBytes(bytes);

const findingsOf = async ({ host }: TestVault) =>
  (await host.audit.verify()).findings.map(({ table, problem }) => `${table}: ${problem}`);

/** A key of the log's name that is nobody's. */
function own(origin: string): Signer {
  const { publicKey, sign } = ed25519(new Secret(random(32)));
  return { verifier: verifierOf(origin, publicKey), sign };
}

const INSERT_KEY = `insert into keys select 'key_x', collection, "use", version + 1, 'active', master_key, wrapped, commitment, created_at, 1, mac
  from keys where "use" = 'checkpoints'`;

const WRITTEN = [
  ['a row of a new key', INSERT_KEY],
  [
    'a row of a new key in the place of the old one',
    `${INSERT_KEY}; update keys set state = 'deactivated' where "use" = 'checkpoints' and id <> 'key_x'`,
  ],
  ['another version of the key', `update keys set version = 2 where "use" = 'checkpoints'`],
  [
    'an end of the key',
    `update keys set state = 'destroyed', wrapped = x'', revision = 2 where "use" = 'checkpoints'`,
  ],
] as const;

it.each(WRITTEN)('a key of the log that somebody wrote signs nothing, and is found: %s', async (_, sql) => {
  const open = await newVault();
  await open.vault.follow();
  const { key } = await open.host.audit.key();
  await open.close();
  tamper(open.storePath, (db) => db.exec(sql));
  // A vault that has closed over it is not applied a policy.
  const again = await openVaultDir(open.dir).catch((error: unknown) => {
    expect(error).toMatchObject({ code: 'integrity' });
    return null;
  });
  if (again !== null) {
    await again.host.audit.key();
    await again.vault.follow();
    const { checkpoint, size } = await again.host.audit.checkpoint();
    expect(openCheckpoint(Buffer.from(checkpoint), parseVerifier(key)).size).toBe(size);
    expect(await findingsOf(again)).toContainEqual(expect.stringMatching(/^keys: /));
  }
  tamper(open.storePath, (db) => {
    const notes = db.prepare<[], string>('select note from checkpoints').pluck().all();
    for (const note of notes) openCheckpoint(Buffer.from(note), parseVerifier(key));
  });
});

it('a checkpoint of the right log under a key of his is found, and given out by nobody', async () => {
  const open = await newVault();
  await open.vault.follow();
  const { checkpoint } = await open.host.audit.checkpoint();
  const { key } = await open.host.audit.key();
  const signed = openCheckpoint(Buffer.from(checkpoint), parseVerifier(key));
  const forged = signCheckpoint(signed, own(signed.origin));
  tamper(open.storePath, (db) => db.prepare('update checkpoints set note = ?').run(forged));
  expect(await findingsOf(open)).toEqual(['checkpoints: a checkpoint is not as the vault signed it']);
  expect((await open.host.audit.checkpoint()).checkpoint).toBe(checkpoint);
});

it('a checkpoint of the old key that covers the change is found', async () => {
  // Whoever kept the old key's private part, as a backup does, signs on with it.
  const open = await newVault();
  const old = await secretOf(open);
  const { from, key } = await open.host.audit.rotateKey();
  await open.vault.follow();
  const now = openCheckpoint(
    Buffer.from((await open.host.audit.checkpoint()).checkpoint),
    parseVerifier(key),
  );
  expect(now.size).toBeGreaterThanOrEqual(from);
  const { publicKey, sign } = ed25519(old);
  const forged = signCheckpoint(now, { verifier: verifierOf(now.origin, publicKey), sign });
  tamper(open.storePath, (db) => db.prepare('update checkpoints set note = ?').run(forged));
  expect(await findingsOf(open)).toEqual(['checkpoints: a checkpoint is not as the vault signed it']);
});

it('a key that authenticates, and that no event names, signs nothing', async () => {
  // Not even whoever holds the master key changes the log's key without the log.
  const open = await newVault();
  await open.vault.follow();
  const { checkpoint } = await open.host.audit.checkpoint();
  await open.close();
  const store = openSqlite(open.storePath);
  const masterKey = fileMasterKey(join(open.dir, 'keys'), { groups: [process.getegid?.() ?? -1] }, random);
  const { key, head } = await openRowsKey(store, masterKey, 'test');
  const making = { masterKey, vaultId: head.vault, random, now: () => Date.now() };
  const { row } = await newKey(making, 'checkpoints', null, 2);
  const { mac, wrapped, commitment, ...rest } = signRow(key.secret, 'keys', row);
  await store.close();
  tamper(open.storePath, (db) => {
    db.exec(`delete from keys where "use" = 'checkpoints'`);
    db.prepare(
      'insert into keys values (@id, @collection, @use, @version, @state, @masterKey, @wrapped, @commitment, @createdAt, @revision, @mac)',
    ).run({
      ...rest,
      wrapped: Buffer.from(wrapped),
      commitment: Buffer.from(commitment),
      mac: Buffer.from(mac),
    });
  });
  await reseal(open.dir);
  const again = await openVaultDir(open.dir);
  await again.host.audit.key();
  again.clock.offset += 6000;
  await again.vault.follow();
  await again.vault.maintain();
  expect(again.notices).toContainEqual(expect.objectContaining({ kind: 'integrity', table: 'keys' }));
  expect((await again.host.audit.checkpoint()).checkpoint).toBe(checkpoint);
  expect(await findingsOf(again)).toContain('keys: the key of the log is not the one that the log names');
});

/** The private part of the log's key, as whoever holds the master key has it. */
async function secretOf({ dir, storePath }: TestVault): Promise<Secret> {
  const store = openSqlite(storePath);
  const masterKey = fileMasterKey(join(dir, 'keys'), { groups: [process.getegid?.() ?? -1] }, random);
  const { keys, head } = await store.authority();
  const row = keys.find(({ use }) => use === 'checkpoints');
  await store.close();
  if (row === undefined || head === null) throw new Error('there is no key of the log');
  const opened = await openKey(row, masterKey, head.vault);
  if ('why' in opened) throw new Error(opened.why);
  return opened.secret;
}
