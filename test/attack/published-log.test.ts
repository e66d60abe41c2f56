import { expect, it } from 'vitest';
import { openCheckpoint } from '../../src/log/checkpoint.ts';
import { parseProof, verifyProof } from '../../src/log/proof-file.ts';
import { parseVerifier } from '../../src/log/verifier.ts';
import { newVault, openVaultDir, type TestVault } from '../harness.ts';
import { tamper } from './tamper.ts';

/** Somebody who writes the database, against what the vault publishes of its log: tiles, checkpoints, and where it stands. */

/** A vault whose log has a full tile, and its checkpoints. */
async function published(): Promise<TestVault> {
  const open = await newVault();
  await open.vault.follow();
  await grow(open, 300);
  await open.vault.follow();
  return open;
}

async function grow({ host }: TestVault, events: number): Promise<void> {
  await Promise.all(Array.from({ length: events }, () => host.audit.key()));
}

const findingsOf = async ({ host }: TestVault) =>
  (await host.audit.verify()).findings.map(({ table }) => table);

it('what is published of the log verifies, and a proof by itself', async () => {
  const open = await published();
  expect(await findingsOf(open)).toEqual([]);
  const verifier = parseVerifier((await open.host.audit.key()).key);
  const { checkpoint, size } = await open.host.audit.checkpoint();
  expect(openCheckpoint(Buffer.from(checkpoint), verifier).size).toBe(size);
  for (const index of [0, 255, 256, size - 1]) {
    const proof = parseProof((await open.host.audit.prove({ index })).proof);
    expect(verifyProof(proof, proof.extra, verifier)).toBe(size);
    expect(JSON.parse(Buffer.from(proof.extra).toString())).toMatchObject({ v: 1 });
  }
  await expect(open.host.audit.prove({ index: size })).rejects.toMatchObject({ code: 'not_found' });
});

const TAMPERED = [
  ['a hash of a tile', 'tiles', `update tiles set hashes = zeroblob(32) || substr(hashes, 33)`],
  ['the place of a tile', 'tiles', `update tiles set "index" = 7`],
  ['the level of a tile', 'tiles', 'update tiles set level = 1'],
  ['a tile that is gone', 'tiles', 'delete from tiles'],
  ['a tile of nobody', 'tiles', `insert into tiles values (3, 0, x'00')`],
  ['the size of a checkpoint', 'checkpoints', 'update checkpoints set size = size - 1'],
  [
    'the note of a checkpoint',
    'checkpoints',
    `update checkpoints set note = replace(note, 'strongroom/', 'strongrooM/')`,
  ],
  ['a checkpoint of nobody', 'checkpoints', `insert into checkpoints values (1, 1, 1, 'none')`],
  ['the cursor of a follower', 'followers', 'update followers set "cursor" = "cursor" - 1'],
  [
    'the frontier of a follower',
    'followers',
    `update followers set frontier = zeroblob(32) || substr(frontier, 33)`,
  ],
  ['the state of a follower', 'followers', `update followers set state = x'0000'`],
  ['the holder of a follower', 'followers', `update followers set holder = 'me'`],
  ['the lease of a follower', 'followers', `update followers set "until" = 1`],
  ['the revision of a follower', 'followers', 'update followers set revision = revision + 5'],
  ['the MAC of a follower', 'followers', `update followers set mac = x'01' || zeroblob(32)`],
] as const;

it.each(TAMPERED)('%s is found, and nothing false is signed on it', async (_, table, sql) => {
  const open = await published();
  await open.close();
  tamper(open.storePath, (db) => void db.exec(sql));
  const again = await openVaultDir(open.dir);
  expect(await findingsOf(again)).toContain(table);
  // The follower goes on, or stops: whatever it signs is the log.
  await grow(again, 3);
  for (let turn = 0; turn < 3; turn++) await again.vault.follow();
  const found = (await again.host.audit.verify()).findings.filter(({ problem }) =>
    /another log/.test(problem),
  );
  expect(found).toEqual([]);
});

it('a follower that was put back goes on, and one that was deleted begins anew: nothing is lost', async () => {
  const open = await published();
  const before: unknown[] = [];
  tamper(open.storePath, (db) => void before.push(...db.prepare('select * from followers').raw().all()));
  await grow(open, 300);
  await open.vault.follow();
  for (const change of ['put back', 'deleted']) {
    tamper(open.storePath, (db) => {
      db.exec('delete from followers');
      if (change === 'put back')
        for (const row of before) db.prepare('insert into followers values (?,?,?,?,?,?,?,?)').run(row);
    });
    await grow(open, 1);
    // Its own lease has been put back too.
    open.clock.offset += 6000;
    await open.vault.follow();
    expect(await findingsOf(open)).toEqual([]);
    const { size } = await open.host.audit.checkpoint();
    expect(size).toBeGreaterThan(600);
  }
  expect(open.notices.filter(({ kind }) => kind === 'integrity')).toEqual([]);
});

it('a log that was changed is signed no more, and the operator is told', async () => {
  const open = await published();
  const { checkpoint } = await open.host.audit.checkpoint();
  await grow(open, 5);
  tamper(
    open.storePath,
    (db) =>
      void db.exec(
        `update events set bytes = replace(bytes, 'audit', 'other') where "index" = (select max("index") - 1 from events)`,
      ),
  );
  open.clock.offset += 6000;
  await open.vault.follow();
  await open.vault.maintain();
  expect(open.notices).toContainEqual(expect.objectContaining({ kind: 'integrity', table: 'events' }));
  for (let turn = 0; turn < 3; turn++) await open.vault.follow();
  expect((await open.host.audit.checkpoint()).checkpoint).toBe(checkpoint);
});

it('what the store no longer proves is not given out under the name of the log', async () => {
  const open = await published();
  tamper(open.storePath, (db) => {
    db.exec(`update events set bytes = bytes || ' ' where "index" = 3`);
    db.exec(`update tiles set hashes = zeroblob(32) || substr(hashes, 33)`);
  });
  for (const index of [3, 5])
    await expect(open.host.audit.prove({ index })).rejects.toMatchObject({ code: 'integrity' });
});

it('the operator is told where nobody can sign', async () => {
  const open = await published();
  await grow(open, 1);
  open.clock.offset += 6000;
  tamper(open.storePath, (db) => void db.exec(`delete from keys where "use" = 'checkpoints'`));
  await open.vault.recheck();
  await expect(open.vault.follow()).rejects.toMatchObject({ code: 'integrity' });
  expect(open.notices).toContainEqual(expect.objectContaining({ kind: 'upkeep' }));
});
