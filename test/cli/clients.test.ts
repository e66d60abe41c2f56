import { once } from 'node:events';
import { createServer } from 'node:net';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { eventsOf } from '../attack/tamper.ts';
import { type Made, made } from './made.ts';

const KEY = /^strongroom_development_[1-9A-HJ-NP-Za-km-z]{62}\n$/;

let vault: Made;
beforeEach(async () => {
  vault = await made();
  // Any free port.
  writeFileSync(vault.config, readFileSync(vault.config, 'utf8').replace('port: 7420', 'port: 0'));
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
  const nobody = await run('clients', 'revoke', 'nobody');
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining('no client of that name') });
});

it('says why a running vault did not answer', async () => {
  const { run, add } = await made();
  const { keyFile } = await add('rose', '--kind', 'custodian', '--grant', 'clients:*');
  expect((await run('clients', 'list')).code).toBe(0);
  const remote = ['clients', 'list', '--url', `http://127.0.0.1:${await freePort()}`, '--key-file'];
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

/** A port on which nobody listens any more. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
