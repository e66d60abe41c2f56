import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tamper } from '../attack/tamper.ts';
import { newVault, openVaultDir, tempDir, type TestVault } from '../harness.ts';
import { serveProcess } from '../process.ts';
import { type Finished, strongroom } from '../served.ts';
import { noteOf, witnessOf } from '../verifier/made-log.ts';

/** What an auditor types, who has no vault, no settings and no master key. */

interface Auditor {
  readonly open: TestVault;
  /** In a folder where there is nothing else. */
  readonly at: (name: string) => string;
  readonly run: (...argv: readonly string[]) => Promise<Finished>;
  /** A command on the host. */
  readonly onHost: (...argv: readonly string[]) => Promise<Finished>;
  readonly store: string;
}

/** A vault that was served for a moment; the auditor has its key and an earlier checkpoint. */
async function audited(): Promise<Auditor> {
  const open = await newVault();
  const dir = tempDir();
  const at = (name: string): string => join(dir, name);
  await open.vault.follow();
  writeFileSync(at('log.key'), `${(await open.host.audit.key()).key}\n`);
  writeFileSync(at('kept'), (await open.host.audit.checkpoint()).checkpoint);
  await open.vault.follow();
  await open.close();
  return {
    open,
    at,
    store: `sqlite:${open.storePath}`,
    run: (...argv) => strongroom(['audit', 'verify', '--key', at('log.key'), ...argv]),
    onHost: (...argv) => strongroom([...argv, '--config', open.configPath]),
  };
}

it('verifies a store, a bundle and a folder, and says how far something outside shows them: 3, or 1', async () => {
  const { onHost, at, run, store } = await audited();
  for (const to of [at('log.tar'), at('log/')])
    expect(await onHost('audit', 'bundle', '--to', to)).toMatchObject({
      code: 0,
      stderr: 'Copying the log\n',
    });
  expect(await onHost('audit', 'bundle', '--to', at('log.tar'))).toMatchObject({ code: 1, stdout: '' });
  const key = readFileSync(at('log.key'), 'utf8').trim();
  for (const place of [
    ['--bundle', at('log.tar')],
    ['--tiles', at('log')],
    ['--store', store],
  ]) {
    const alone = await run(...place);
    expect(alone).toMatchObject({ code: 3, stderr: 'Reading the log\n' });
    expect(alone.stdout).toContain(`\nsigned by ${key}\n`);
    expect(alone.stdout).toMatch(/^\d+ events, root [\w+/]{43}=\n/);
    expect(alone.stdout).toMatch(/\nconsistent, unanchored from index 0\n$/);
    const held = await run(...place, '--against', at('kept'), '--json');
    expect(held.code).toBe(3);
    const report = JSON.parse(held.stdout);
    expect(report).toMatchObject({ ok: true, findings: [], key, cosigned: [] });
    expect(report.anchored).toBe(Number(readFileSync(at('kept'), 'utf8').split('\n')[1]));
  }
  writeFileSync(at('other'), noteOf([Buffer.from('{"v":1}')]));
  const other = await run('--tiles', at('log'), '--against', at('other'));
  expect(other.code).toBe(1);
  expect(other.stdout).toContain(`${at('other')} is of another log`);
});

it('is anchored, and 0, where the newest checkpoint was kept or cosigned', async () => {
  const { onHost, at, run } = await audited();
  await onHost('audit', 'bundle', '--to', at('log/'));
  const newest = readFileSync(at('log/checkpoint'), 'utf8');
  const kept = await run('--tiles', at('log'), '--against', at('log/checkpoint'));
  expect(kept).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/\nThe log is whole and anchored\.\n$/),
  });
  const [one, two] = [witnessOf(21), witnessOf(22)];
  writeFileSync(at('log/checkpoint'), one.cosign(newest));
  const witnessed = (...more: string[]) =>
    run('--tiles', at('log'), '--witness', one.verifier.text, '--witness', two.verifier.text, ...more);
  expect(await witnessed()).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('cosigned by witness.example/21\n'),
  });
  expect(await witnessed('--witnesses', '1')).toMatchObject({ code: 0 });
  expect(await witnessed('--witnesses', '3')).toMatchObject({ code: 2, stdout: '' });
});

it('names an event that was changed, in a folder and on the host', async () => {
  const { open, onHost, at, run, store } = await audited();
  await onHost('audit', 'bundle', '--to', at('log/'));
  const width = readFileSync(at('log/checkpoint'), 'utf8').split('\n')[1] ?? '';
  const path = at(`log/tile/entries/000.p/${width}`);
  const bytes = readFileSync(path, 'latin1');
  writeFileSync(path, bytes.replace('policy.apply', 'policy.applz'), 'latin1');
  const found = await run('--tiles', at('log'));
  expect(found.code).toBe(1);
  expect(found.stdout).toMatch(
    /\nABOUT +EVENT +FINDING\nevents +\d+ +this event is not the one that was signed\n$/,
  );

  const whole = await onHost('audit', 'verify', '--against', at('kept'));
  expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining('every row agrees with it') });
  tamper(open.storePath, (db) => void db.exec('delete from events where "index" >= 1'));
  const cut = await run('--store', store, '--against', at('kept'));
  expect(cut).toMatchObject({ code: 1, stdout: expect.stringMatching(/events +1 +this event is missing/) });
});

it('on the host, is held against what was kept: 1 for a store that was put back', async () => {
  const { open, onHost, at } = await audited();
  await onHost('audit', 'bundle', '--to', at('log/'));
  const later = at('log/checkpoint');
  expect(await onHost('audit', 'verify', '--against', later)).toMatchObject({ code: 0 });
  // The newest checkpoint of an earlier day is all that a restored store has.
  tamper(open.storePath, (db) =>
    db.prepare('update checkpoints set note = ?').run(readFileSync(at('kept'), 'utf8')),
  );
  const found = await onHost('audit', 'verify', '--against', later);
  expect(found.code).toBe(1);
  expect(found.stdout).toContain(`the newest checkpoint ends here, and ${later} is of`);
  const witness = witnessOf(5).verifier.text;
  const unanchored = await onHost('audit', 'verify', '--witness', witness, '--json');
  expect(JSON.parse(unanchored.stdout)).toMatchObject({ anchored: 0, cosigned: [] });
});

it('checks the proof of one event, and prints it', async () => {
  const { onHost, at, run } = await audited();
  const { stdout } = await onHost('audit', 'prove', '1');
  writeFileSync(at('proof'), stdout);
  const held = await run('--proof', at('proof'));
  expect(held).toMatchObject({ code: 0, stderr: '' });
  const [event = '', sentence] = held.stdout.split('\n');
  expect(JSON.parse(event)).toMatchObject({ v: 1, outcome: 'done' });
  expect(sentence).toMatch(/^event 1 of a log of \d+ events, which the key signed$/);
  expect(await run('--proof', at('proof'), '--witness', witnessOf(5).verifier.text)).toMatchObject({
    code: 3,
  });
  const [, own = ''] = /^extra (.+)$/m.exec(stdout) ?? [];
  const other = Buffer.from(Buffer.from(own, 'base64').toString().replace('"done"', '"dona"'));
  for (const forged of [
    stdout.replace(own, other.toString('base64')),
    stdout.replace('index 1', 'index 2'),
    stdout.replace(/^strongroom\/(.+)$/m, 'strongroom/x$1'),
    'nothing',
  ]) {
    writeFileSync(at('proof'), forged);
    const refused = await run('--proof', at('proof'));
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('does not hold: ');
  }
});

it('reads the log of a running vault with an auditor’s API key', async () => {
  const { open, at, run } = await audited();
  const again = await openVaultDir(open.dir);
  writeFileSync(at('otto'), (await again.add(['audit:*'], { kind: 'auditor' })).key);
  writeFileSync(at('pay'), (await again.add(['tokenise:cards'])).key);
  await again.close();
  const served = await serveProcess(open.configPath);
  const there = ['--url', served.url, '--key-file'];
  expect(await run(...there, at('otto'), '--against', at('kept'))).toMatchObject({ code: 3 });
  expect(await run(...there, at('pay'))).toMatchObject({ code: 1, stdout: '' });
  const copied = await strongroom(['audit', 'bundle', '--to', at('far.tar'), ...there, at('otto')]);
  expect(copied).toMatchObject({ code: 0 });
  await served.stop();
  expect(await run('--bundle', at('far.tar'), '--against', at('kept'))).toMatchObject({ code: 3 });
});

it.each([
  ['no source', []],
  ['two sources', ['--tiles', '.', '--bundle', 'x']],
  ['a password for a folder', ['--tiles', '.', '--password-file', 'x']],
  ['a URL without an API key', ['--url', 'https://vault.example']],
  ['a proof beside a log', ['--proof', 'x', '--tiles', '.']],
  ['no number of witnesses', ['--tiles', '.', '--witnesses', 'two']],
])('with %s it is used wrongly: 2', async (_, argv) => {
  const key = witnessOf(1).verifier.text;
  expect(await strongroom(['audit', 'verify', '--key', key, ...argv])).toMatchObject({ code: 2, stdout: '' });
});

it.each([
  ['a folder without a log', ['--tiles', '.'], 'there is no checkpoint'],
  ['a file that is not there', ['--bundle', 'none.tar'], 'ENOENT'],
  ['a store that is none', ['--store', 'sqlite:package.json'], 'does not read as a vault’s store'],
  ['a store off loopback in a form of its own', ['--store', 'mysql://x'], '--store must be sqlite:PATH'],
  ['a checkpoint that is not there', ['--tiles', '.', '--against', 'none'], '--against none cannot be read'],
])('of %s it says so: 1', async (_, argv, sentence) => {
  const key = 'strongroom/bench+8ee3faa9+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs';
  const finished = await strongroom(['audit', 'verify', '--key', key, ...argv]);
  expect(finished).toMatchObject({ code: 1, stdout: '' });
  expect(finished.stderr).toContain(sentence.replace('’', "'"));
  expect(existsSync('none.tar')).toBe(false);
});
