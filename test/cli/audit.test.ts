import { expect, it } from 'vitest';
import { strongroom } from '../served.ts';
import { serveProcess } from '../process.ts';
import { tamper } from '../attack/tamper.ts';
import { newVault } from '../harness.ts';
import { made } from './made.ts';

it('verifies on the host and, for an auditor, a running vault; 1 where something is wrong', async () => {
  const vault = await made();
  const auditor = await vault.add('auditor', '--kind', 'auditor', '--grant', 'audit:*');
  const service = await vault.add('service', '--grant', 'tokenise:customer-pan');
  const store = vault.at('data/strongroom.db');
  const host = await vault.run('audit', 'verify');
  expect(host).toMatchObject({ code: 0, stderr: '' });
  expect(host.stdout).toMatch(/^\d+ events, 0 tokens, root [\w+/]{43}=\nThe log is whole, .*\n$/);

  const served = await serveProcess(vault.config);
  const remote = (keyFile: string) =>
    strongroom(['audit', 'verify', '--json', '--url', served.url, '--key-file', keyFile]);
  const clean = await remote(auditor.keyFile);
  expect(clean).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(clean.stdout)).toMatchObject({ ok: true, findings: [] });
  expect(await remote(service.keyFile)).toMatchObject({ code: 1, stdout: '' });

  tamper(store, (db) =>
    db.exec(`update events set bytes = cast(replace(bytes, 'clients.add', 'clients.adb') as blob)`),
  );
  const wrong = await remote(auditor.keyFile);
  expect(wrong.code).toBe(1);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ ok: false });
  await served.stop();
  const inWords = await vault.run('audit', 'verify');
  expect(inWords).toMatchObject({ code: 1, stderr: '' });
  expect(inWords.stdout).toMatch(/\nTABLE +EVENT +FINDING\nevents +\d* +\w/);
  expect(inWords.stdout).not.toContain('The log is whole');
});

it('says of an event that no checkpoint covers how far the newest one goes', async () => {
  const vault = await made();
  const beyond = (covered: string) => ({
    code: 1,
    stdout: '',
    stderr: `strongroom: event 123456 is in no signed log yet: the newest checkpoint covers ${covered}, and serve signs the next one\n`,
  });
  expect(await vault.run('audit', 'prove', '123456')).toMatchObject(beyond('0 events'));
  const served = await serveProcess(vault.config);
  await expect.poll(() => vault.run('audit', 'checkpoint'), { timeout: 30_000 }).toMatchObject({ code: 0 });
  await served.stop();
  const { size } = JSON.parse((await vault.run('audit', 'checkpoint', '--json')).stdout) as { size: number };
  expect(size).toBeGreaterThan(0);
  expect(await vault.run('audit', 'prove', '123456')).toMatchObject(beyond(`${size} events`));
});

it('finds a column whose type was changed, and does not stumble over it', async () => {
  const open = await newVault();
  tamper(open.storePath, (db) => {
    // SQLite keeps what replace makes as text, where the vault wrote bytes.
    db.exec(`update events set bytes = replace(bytes, 'policy.apply', 'policy.applx')`);
  });
  const { ok, findings } = await open.host.audit.verify();
  expect(ok).toBe(false);
  expect(findings).toContainEqual(expect.objectContaining({ table: 'events' }));
});

it('says why there is no checkpoint', async () => {
  const vault = await made();
  const refused = (why: string) => ({ code: 1, stdout: '', stderr: `strongroom: ${why}\n` });
  expect(await vault.run('audit', 'checkpoint')).toMatchObject(
    refused(
      'no checkpoint of the log is signed yet: a vault that is served signs one within a second or two',
    ),
  );
  expect(await vault.run('audit', 'checkpoint', '--cosigned')).toMatchObject(
    refused('no witness has cosigned a checkpoint of the log yet'),
  );
});
