import { chmodSync, copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readWitness } from '../../src/witness-files.ts';
import { strongroom } from '../served.ts';
import { madeWitness, servedWitness, submit, testLog } from './witnessed.ts';

/** What an auditor types. */

const log = testLog('strongroom/vault_1');
const refused = (stderr: RegExp) => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(stderr) as string,
});

it('makes a key that nobody else reads, and refuses one that others may', async () => {
  const { dir, key } = await madeWitness();
  expect(key).toMatch(/^auditor\.example\/w1\+[0-9a-f]{8}\+B/);
  for (const name of ['witness.key', 'witness.db', 'witness.yaml'])
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  const again = ['witness', 'init', '--dir', dir, '--name', 'auditor.example/w2'];
  expect(await strongroom(again)).toMatchObject(refused(/is there already: nothing was changed/));
  const file = join(dir, 'witness.key');
  const line = readFileSync(file, 'utf8');
  chmodSync(file, 0o640);
  expect(await strongroom(['witness', 'show', '--dir', dir])).toMatchObject(refused(/chmod 600/));
  chmodSync(file, 0o600);
  // One letter of the seed is another: the id is no longer that of the key.
  const at = line.length - 10;
  writeFileSync(file, line.slice(0, at) + (line[at] === 'A' ? 'B' : 'A') + line.slice(at + 1));
  expect(await strongroom(['witness', 'serve', '--dir', dir])).toMatchObject(refused(/mistyped/));
  const noName = ['witness', 'init', '--dir', join(dir, 'b'), '--name', 'two words'];
  expect(await strongroom(noName)).toMatchObject(refused(/no spaces/));
});

it('is not served without what it saw, nor with what another witness saw', async () => {
  const [one, other] = [await madeWitness(log.key), await madeWitness(log.key)];
  const state = join(one.dir, 'witness.db');
  copyFileSync(join(other.dir, 'witness.db'), state);
  const serve = ['witness', 'serve', '--dir', one.dir];
  expect(await strongroom(serve)).toMatchObject(refused(/that of another key/));
  writeFileSync(state, Buffer.alloc(20_000, 7));
  expect(await strongroom(serve)).toMatchObject(refused(/damaged/));
  rmSync(state);
  expect(await strongroom(serve)).toMatchObject(refused(/is not there: a witness that lost what it saw/));
});

it('ends when its disk gives back something else than it wrote', async () => {
  const witness = await madeWitness(log.key);
  const { url, ended } = await servedWitness(witness);
  expect((await submit(url, log.request(0, 5))).status).toBe(200);
  writeFileSync(join(witness.dir, 'witness.db'), Buffer.alloc(20_480, 7));
  expect((await submit(url, log.request(5, 9))).status).toBe(500);
  expect(await ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('does not read or write') as string,
  });
});

it('is told of logs while it serves, and of the next key of one', async () => {
  const witness = await madeWitness();
  const { url } = await servedWitness(witness);
  const trust = (key: string) => strongroom(['witness', 'trust', key, '--dir', witness.dir]);
  expect((await submit(url, log.request(0, 5))).status).toBe(404);
  expect(await trust(log.key)).toMatchObject({ code: 0, stdout: `${log.origin} is witnessed.\n` });
  expect((await submit(url, log.request(0, 5))).status).toBe(200);
  expect(await trust(log.key)).toMatchObject(refused(/trusted already/));
  expect(await trust(witness.key)).toMatchObject(refused(/that of a witness/));
  expect(await trust(`${log.key.slice(0, -4)}AAAA`)).toMatchObject(refused(/verifier key/));
  // The same log, signed with its next key.
  const rotated = testLog(log.origin, 2);
  expect((await submit(url, rotated.request(5, 9))).status).toBe(403);
  expect(await trust(rotated.key)).toMatchObject({ stdout: `${log.origin} is witnessed under 2 keys.\n` });
  expect((await submit(url, rotated.request(5, 9))).status).toBe(200);
  expect(readWitness(witness.dir).logs.map(({ text }) => text)).toEqual([log.key, rotated.key]);
  // What an editor left half written is refused, and taken again once it reads.
  const file = join(witness.dir, 'witness.yaml');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain('# A witness of transparency logs');
  writeFileSync(file, `${text}  - half a ke`);
  expect((await submit(url, rotated.request(9, 12))).status).toBe(500);
  writeFileSync(file, text);
  expect((await submit(url, rotated.request(9, 12))).status).toBe(200);
});

it('shows what it saw, and forgets it only with a reason, which it keeps', async () => {
  const witness = await madeWitness(log.key);
  const { url } = await servedWitness(witness);
  const run = (...argv: readonly string[]) => strongroom(['witness', ...argv, '--dir', witness.dir]);
  expect((await run('show')).stdout).toContain('nothing yet');
  await submit(url, log.request(0, 60));
  const shown = await run('show');
  expect(shown).toMatchObject({ code: 0 });
  expect(shown.stdout).toContain(Buffer.from(log.rootOf(60)).toString('base64'));
  const told = JSON.parse((await run('show', '--json')).stdout) as { readonly logs: unknown };
  expect(told.logs).toMatchObject([
    { origin: log.origin, keys: 1, newest: { size: 60, checkpoint: log.checkpoint(60) } },
  ]);

  // An older backup was restored: until its operator has asked, its log is refused.
  expect((await submit(url, log.request(40, 50, 'forked'))).status).toBe(409);
  expect(await run('forget', log.origin)).toMatchObject({ code: 2 });
  expect(await run('forget', 'strongroom/other', '--reason', 'x')).toMatchObject(refused(/seen nothing/));
  expect(await run('forget', log.origin, '--reason', 'restored from the backup of 3 May')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('at size 60') as string,
  });
  expect((await submit(url, log.request(0, 50, 'forked'))).status).toBe(200);
  const after = await run('show');
  expect(after.stdout).toMatch(/forgotten +strongroom\/vault_1 +60 .*restored from the backup of 3 May/);
  expect(after.code).toBe(0);

  // Two states of one size, both signed: that is kept, once, and told by the exit code.
  await submit(url, log.request(50, 50));
  await submit(url, log.request(50, 50));
  const contradicted = await run('show');
  expect(contradicted.code).toBe(1);
  expect(contradicted.stdout.match(/contradiction/g)).toHaveLength(1);
});
