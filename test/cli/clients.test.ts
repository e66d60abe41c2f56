import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { ownPort } from '../port.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { eventsOf } from '../attack/tamper.ts';
import { type Made, made } from './made.ts';

const KEY = /^strongroom_development_[1-9A-HJ-NP-Za-km-z]{62}\n$/;

let vault: Made;
beforeEach(async () => {
  vault = await made();
  // Any free port.
});

describe('on the host', () => {
  it('adds a client and prints its key once, lists it and revokes it', async () => {
    const { run } = vault;
    const grants = ['tokenise:customer-pan', 'detokenise:customer-pan@settlement'];
    const asked = grants.flatMap((grant) => ['--grant', grant]);
    const added = await run('clients', 'add', 'billing', ...asked, '--expires', '90d');
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(KEY) });
    expect(added.stderr).toMatch(/^billing \(\w+\) was added\..*not shown again.*\n$/);

    const listed = await run('clients', 'list');
    expect(listed.stdout).not.toContain(added.stdout.trim());
    const lines = listed.stdout.trim().split('\n');
    const [titles, billing = []] = lines.map((line) => line.split(/ {2,}/));
    expect(titles).toEqual(['NAME', 'ID', 'KIND', 'STATE', 'EXPIRES', 'LAST USED', 'GRANTS']);
    const [name, , kind, state, expires = '', used, held = ''] = billing;
    expect([name, kind, state, used]).toEqual(['billing', 'service', 'active', 'never']);
    expect(Date.parse(expires) - Date.now()).toBeGreaterThan(89 * 86_400_000);
    expect(held.split(' ').toSorted()).toEqual(grants.toSorted());

    expect((await run('clients', 'revoke', 'billing')).stdout).toMatch(/^billing \(\w+\) is revoked\.\n$/);
    // The host's name is a claim of its system: the event says so.
    expect(eventsOf(vault.at('data/strongroom.db')).at(-1)).toMatchObject({
      action: 'clients.revoke',
      via: 'cli',
      actor: { id: expect.stringMatching(/^host:/), kind: 'host' },
    });
  });

  it('rotates, restricts and suspends a client, and shows what became of it', async () => {
    const { run, add } = vault;
    const grants = ['--grant', 'detokenise:customer-pan@settlement', '--expires', '9d'];
    const { key } = await add('billing', ...grants, '--from', '192.0.2.7', '--from', '10.0.0.0/8');
    const rotated = await run('clients', 'rotate', 'billing', '--overlap', '24h');
    expect(rotated).toMatchObject({ code: 0, stdout: expect.stringMatching(KEY) });
    expect(rotated.stdout.trim()).not.toBe(key);
    expect(rotated.stderr).toMatch(
      /^billing \(\w+\) has a new API key\. The one before is taken until \S+Z\. .*not shown again:\n$/,
    );
    const said = [
      await run('clients', 'restrict', 'billing', 'masked', '--for', '2h', '--reason', 'CASE-7 (mail)'),
      await run('clients', 'restrict', 'billing', 'throttled'),
      await run('clients', 'lift', 'billing', 'throttled'),
      await run('clients', 'suspend', 'billing'),
    ].map(({ stdout }) => stdout.replace(/cli_\w+/, 'ID').replace(/\d{4}-\S+Z/, 'TIME'));
    expect(said).toEqual([
      'billing (ID) is restricted: masked until TIME.\n',
      'billing (ID) is restricted: throttled.\n',
      'billing (ID) is not restricted any more: throttled.\n',
      'billing (ID) is suspended.\n',
    ]);

    const shown = (await run('clients', 'show', 'billing')).stdout;
    expect((await run('clients', 'retire', 'billing')).stdout).toMatch(/^billing \(\w+\) has one key: /);
    for (const secret of [key, rotated.stdout.trim()]) expect(shown).not.toContain(secret.slice(-50));
    const times = shown
      .replace(/cli_\w+/, 'ID')
      .replaceAll(/\d{4}-[\d:T.-]+Z/g, 'TIME')
      .replaceAll(/host:\S+/g, 'HOST')
      .replaceAll(/[1-9A-Za-z]{12}(?= {2}made)/g, 'KEY');
    expect(times.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' '))).toEqual([
      'billing (ID)',
      'kind service',
      'state suspended',
      'grants detokenise:customer-pan@settlement',
      'from 10.0.0.0/8',
      '192.0.2.7/32',
      'added TIME',
      'expires TIME: in 8 days',
      'keys KEY made TIME, not used yet',
      'KEY made TIME, not used yet, taken until TIME',
      'restrictions suspended until it is ended, by HOST at TIME',
      'masked until TIME, by HOST at TIME: CASE-7 (mail)',
      '',
    ]);
    expect((await run('clients', 'retire', 'billing')).code).toBe(1);
    expect((await run('clients', 'list')).stdout).toMatch(/ suspended,masked +\d{4}-\S+Z +never /);
    expect((await run('clients', 'resume', 'billing')).stdout).toMatch(/^billing \(\w+\) is active\.\n$/);
    await run('clients', 'expire', 'billing', '--never');
    await run('clients', 'admit', 'billing', '--anywhere');
    const now = JSON.parse((await run('clients', 'show', 'billing', '--json')).stdout) as object;
    expect(now).toMatchObject({ state: 'active', expiresAt: null, from: [] });
    expect(await run('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it('keeps no API key, in no form', async () => {
    const { key } = await vault.add('billing', '--grant', 'tokenise:customer-pan');
    const data = vault.at('data');
    const files = readdirSync(data).map((name) => readFileSync(join(data, name)));
    const secret = key.slice(key.lastIndexOf('_') + 13);
    expect(files.some((bytes) => bytes.includes('billing'))).toBe(true);
    const forms = [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64').slice(0, 40),
    ];
    for (const form of [...forms, Buffer.from(secret, 'utf16le')]) {
      expect(files.some((bytes) => bytes.includes(form))).toBe(false);
    }
  });
});

describe('of a running vault', () => {
  const grant = ['--grant', 'tokenise:customer-pan'];

  it('a custodian adds, lists and revokes with --url, and nobody else does', async () => {
    const officer = await vault.add('officer', '--kind', 'custodian', '--grant', 'clients:*');
    const service = await vault.add('service', ...grant);
    const { url } = await serveProcess(vault.config);
    const as =
      (keyFile: string) =>
      (...argv: string[]) =>
        strongroom([...argv, '--url', url, '--key-file', keyFile]);
    const remote = as(officer.keyFile);
    const added = await remote('clients', 'add', 'billing', ...grant);
    expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(KEY) });
    const apiKey = added.stdout.trim();
    await expect(connect({ url, apiKey }).whoami()).resolves.toMatchObject({ name: 'billing' });
    const list = JSON.parse((await remote('clients', 'list', '--json')).stdout) as { name: string }[];
    expect(list.map(({ name }) => name)).toEqual(['officer', 'service', 'billing']);
    expect(await remote('clients', 'revoke', 'billing')).toMatchObject({ code: 0 });
    await expect(connect({ url, apiKey }).whoami()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(
      eventsOf(vault.at('data/strongroom.db')).findLast(({ action }) => action === 'clients.revoke'),
    ).toMatchObject({ via: 'http', actor: { kind: 'custodian' } });

    const denied = await as(service.keyFile)('clients', 'list');
    expect(denied).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no grant') });
    expect(await as(vault.at('keys'))('clients', 'list')).toMatchObject({ code: 1, stdout: '' });
    expect(await strongroom(['clients', 'list', '--url', url])).toMatchObject({ code: 2, stdout: '' });
  });

  it('a key that is used, rotated out or used from elsewhere is so at once, and its last use is told', async () => {
    const served = await serveProcess(vault.config);
    const { url } = served;
    const { key } = await vault.add('billing', ...grant);
    const asks = async (apiKey: string): Promise<string> =>
      connect({ url, apiKey })
        .whoami()
        .then(
          ({ name }) => name,
          (error: { code: string }) => error.code,
        );
    expect(await asks(key)).toBe('billing');
    const { stdout } = await vault.run('clients', 'rotate', 'billing', '--json');
    const { key: next, priorKeyUntil } = JSON.parse(stdout) as { key: string; priorKeyUntil: null };
    expect(priorKeyUntil).toBeNull();
    expect([await asks(key), await asks(next)]).toEqual(['unauthenticated', 'billing']);
    await vault.run('clients', 'admit', 'billing', '--from', '192.0.2.0/24');
    expect(await asks(next)).toBe('unauthenticated');
    await vault.run('clients', 'admit', 'billing', '--from', '127.0.0.0/8');
    expect(await asks(next)).toBe('billing');
    // A stop writes what it knows: uses, and the true keys that were refused.
    await served.stop();
    expect((await vault.run('clients', 'show', 'billing')).stdout).toMatch(
      / last used \d{4}-\d\d-\d\dT\d\d:\d\dZ\n/,
    );
    const refused = eventsOf(vault.at('data/strongroom.db')).filter(({ action }) => action === 'key_refused');
    expect(refused).toMatchObject([
      { reason: 'key ended', detail: { from: ['127.0.0.1'], count: 1 } },
      { reason: 'address', detail: { from: ['127.0.0.1'], count: 1 } },
    ]);
  });

  it('a client that another process adds or revokes is so at once', async () => {
    const { url } = await serveProcess(vault.config);
    const { key: apiKey } = await vault.add('billing', ...grant);
    const client = connect({ url, apiKey });
    await expect(client.whoami()).resolves.toMatchObject({ name: 'billing' });
    expect((await vault.run('clients', 'revoke', 'billing')).code).toBe(0);
    await expect(client.whoami()).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

it('says in its own words what is refused, and which grants allow nothing yet', async () => {
  const { run } = await made();
  const add = (...more: string[]) => run('clients', 'add', ...more);
  const idle = await add('early', '--grant', 'tokenise:later', '--grant', 'tokenise:customer-pan', '--json');
  expect(JSON.parse(idle.stdout)).toMatchObject({ idle: ['tokenise:later'] });
  const spoken = await add('early-2', '--grant', 'detokenise:customer-pan@settelment');
  expect(spoken).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^detokenise:customer-pan@settelment allows nothing yet/),
  });
  const refused: [string[], RegExp][] = [
    [
      ['early', '--grant', 'tokenise:*'],
      /there is a client called early: names of revoked clients stay taken/,
    ],
    [['x', '--grant', 'clients:*'], /grant 1: clients is for --kind custodian/],
    [['x', '--grant', 'role:nope'], /the active policy has no such role/],
    [['4111111111111111', '--grant', 'tokenise:*'], /the name holds an account number/],
  ];
  for (const [argv, why] of refused) {
    const { code, stdout, stderr } = await add(...argv);
    expect({ code, stdout }, argv.join(' ')).toEqual({ code: 1, stdout: '' });
    expect(stderr, argv.join(' ')).toMatch(why);
  }
  await add('keeper', '--kind', 'custodian', '--grant', 'clients:*');
  await run('clients', 'rotate', 'early', '--overlap', '1d');
  const changes: [number, string[], RegExp][] = [
    [1, ['rotate', 'early', '--overlap', '1d'], /an earlier key is still taken/],
    [1, ['rotate', 'keeper', '--overlap', '31d'], /an overlap is 30d at most/],
    [1, ['resume', 'early'], /the client is not suspended/],
    [1, ['lift', 'early', 'masked'], /the client is not restricted so/],
    [1, ['restrict', 'keeper', 'masked'], /only a service is shown values/],
    [1, ['suspend', 'early', '--reason', 'a_b'], /a reason is 1 to 128 letters/],
    [1, ['suspend', 'early', '--reason', '4111 1111 1111 1111'], /the reason holds an account number/],
    [1, ['admit', 'early', '--from', '10.0.0.1/8'], /subnet 1: .* 10\.0\.0\.0\/8 is the subnet/],
    [1, ['admit', 'early', '--from', '0.0.0.0/0'], /subnet 1: this is everybody/],
    [2, ['admit', 'early'], /say --from SUBNET, once or more, or --anywhere/],
    [2, ['expire', 'early', '--in', '9d', '--never'], /say --in TIME, or --never/],
    [2, ['restrict', 'early', 'blindfolded'], /Allowed choices are masked, approval, throttled/],
  ];
  for (const [code, argv, why] of changes) {
    const finished = await run('clients', ...argv);
    expect(finished, argv.join(' ')).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(why) });
  }
  const nobody = await run('clients', 'revoke', 'nobody');
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('no client of that name') });
});

it('says why a running vault did not answer', async () => {
  const { run, add } = await made();
  const { keyFile } = await add('rose', '--kind', 'custodian', '--grant', 'clients:*');
  expect((await run('clients', 'list')).code).toBe(0);
  const remote = ['clients', 'list', '--url', `http://127.0.0.1:${await ownPort()}`, '--key-file'];
  const unanswered = await strongroom([...remote, keyFile]);
  expect(unanswered).toEqual({
    code: 1,
    stdout: '',
    stderr: 'strongroom: no answer from the vault (ECONNREFUSED)\n',
  });
  const missing = await strongroom([...remote, `${keyFile}.none`]);
  expect(missing).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`--key-file ${keyFile}.none cannot be read`),
  });
});
