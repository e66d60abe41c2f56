import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Host } from '../../src/cli/host.ts';
import { run } from '../../src/cli/program.ts';
import { table } from '../../src/cli/table.ts';
import { connect } from '../../src/client/client.ts';
import { readPolicyFile } from '../../src/config-file.ts';
import { explain } from '../../src/explain.ts';
import type { BoundVault } from '../../src/vault/bound.ts';
import { VaultError } from '../../src/vault/error.ts';
import { newVault } from '../harness.ts';

/** Commands in this process: which exit code, and what is said. Real processes are in the other files here. */

const none = (): Promise<never> => Promise.reject(new VaultError('unavailable'));

/** Runs one command over a bound vault. */
async function told(vault: BoundVault | null, ...argv: string[]) {
  const said = { stdout: '', stderr: '' };
  const host: Host = {
    argv,
    version: '1.2.3',
    now: () => Date.now(),
    print: (text) => void (said.stdout += `${text}\n`),
    printError: (text) => void (said.stderr += `${text}\n`),
    init: none,
    serve: none,
    ready: none,
    migrate: none,
    backup: none,
    restore: none,
    archive: none,
    copyStore: none,
    reopenStore: none,
    checkLog: none,
    checkProof: none,
    bundle: none,
    doctor: none,
    witness: { init: none, trust: none, serve: none, show: none, forget: none },
    policyFile: readPolicyFile,
    onHost: (_, use) => (vault === null ? none() : use(vault)),
    connect: (url) => connect({ url, apiKey: 'strongroom_test_key' }),
  };
  return { code: await run(host, explain), ...said };
}

const grant = ['--grant', 'tokenise:cards'];

it('exits with 1 for what is refused, in one sentence', async () => {
  const { host } = await newVault();
  expect(await told(host, 'clients', 'add', 'billing', ...grant)).toMatchObject({ code: 0 });
  const refused: string[][] = [
    ['clients', 'add', 'billing', ...grant],
    ['clients', 'add', 'Not A Name', ...grant],
    ['clients', 'add', 'x', '--grant', 'detokenise:cards'],
    ['clients', 'add', 'x', '--grant', 'tokenise:cards@settlement'],
    ['clients', 'add', 'x', '--grant', 'open:cards'],
    ['clients', 'add', 'x', '--grant', 'clients:*'],
    ['clients', 'add', 'x', '--grant', 'role:nobody'],
    ['clients', 'add', 'x', '--kind', 'custodian', ...grant],
    ['clients', 'revoke', 'nobody'],
  ];
  for (const argv of refused) {
    const { code, stdout, stderr } = await told(host, ...argv);
    expect({ code, stdout }, argv.join(' ')).toEqual({ code: 1, stdout: '' });
    expect(stderr, argv.join(' ')).toMatch(/^strongroom: [^\n]+\n$/);
  }
});

it('exits with 2 for what is no command, and asks the vault nothing', async () => {
  const wrong: string[][] = [
    ['clients', 'add', 'x'],
    ['clients', 'add', ...grant],
    ['clients', 'add', 'x', ...grant, '--expires', 'soon'],
    ['clients', 'add', 'x', ...grant, '--expires', '0d'],
    ['clients', 'add', 'x', 'y', ...grant],
    ['clients', 'add', 'x', '--kind', 'person', ...grant],
    ['clients', 'list', '--key-file', 'some-file'],
    ['clients', 'list', '--url', 'https://vault.example/v1', '--key-file', 'some-file'],
    ['clients', 'revoke'],
    ['clients', 'list', '--no-such-option'],
    ['clients', 'list', '--url', 'https://vault.example'],
    ['clients', 'rename'],
    ['no-such-noun'],
    ['audit', 'verify', '--config'],
  ];
  for (const argv of wrong) {
    const { code, stdout, stderr } = await told(null, ...argv);
    expect({ code, stdout }, argv.join(' ')).toEqual({ code: 2, stdout: '' });
    expect(stderr, argv.join(' ')).toMatch(/^error: /);
  }
  expect(await told(null, '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('clients') });
});

it('a wrong URL is told in a sentence about it', async () => {
  for (const url of ['not a url', 'ftp://vault.example', 'http://203.0.113.7:7420']) {
    const { code, stdout, stderr } = await told(null, 'clients', 'list', '--url', url, '--key-file', 'key');
    expect({ code, stdout }, url).toEqual({ code: 2, stdout: '' });
    expect(stderr, url).toMatch(/^error: .*url/i);
  }
});

it('prints JSON that has every fact, and nothing else', async () => {
  const { host } = await newVault();
  const json = async (...argv: string[]) => {
    const { code, stdout, stderr } = await told(host, ...argv, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const added = await json('clients', 'add', 'officer', '--kind', 'custodian', '--grant', 'clients:*');
  expect(added).toEqual({
    id: expect.stringMatching(/^\w+$/),
    idle: [],
    name: 'officer',
    key: expect.stringMatching(/^strongroom_test_\w{62}$/),
  });
  expect(await json('clients', 'list')).toEqual([
    {
      id: added['id'],
      name: 'officer',
      kind: 'custodian',
      state: 'active',
      grants: ['clients:*'],
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      expiresAt: null,
      from: [],
      keys: [
        {
          id: expect.stringMatching(/^\w{12}$/),
          createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
          until: null,
          lastUsedAt: null,
        },
      ],
      restrictions: [],
    },
  ]);
  const revoked = { id: added['id'], name: 'officer', state: 'revoked' };
  expect(await json('clients', 'revoke', String(added['id']))).toEqual(revoked);
  expect(await json('audit', 'verify')).toEqual({
    ok: true,
    size: expect.any(Number),
    root: expect.stringMatching(/^[\w+/]{43}=$/),
    rows: 0,
    findings: [],
  });
});

it('a person learns nothing of an error that is not ours', async () => {
  const { host } = await newVault();
  const broken: BoundVault = {
    ...host,
    audit: { ...host.audit, verify: () => Promise.reject(new TypeError('4111111111111111')) },
  };
  const { code, stdout, stderr } = await told(broken, 'audit', 'verify');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe('strongroom: something failed that should not have (TypeError)\n');
});

describe('what a terminal is shown', () => {
  const hostile = '\u001b[2J\u009b31m\r\n\u0007';

  it('a table cell has no control characters, and columns line up', () => {
    const lines = table(
      ['A', 'B'],
      [
        [`x${hostile}y`, 'b'],
        ['longer than that one', 'c'],
      ],
    ).split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).not.toMatch(/\p{Cc}/u);
    expect(new Set(lines.map((line) => line.search(/ [Bbc]$/))).size).toBe(1);
  });

  const said: [verb: string, words: readonly string[], lines: number][] = [
    ['list', [], 2],
    ['add', ['x', ...grant], 1],
    ['show', ['x'], 9],
    ['rotate', ['x', '--overlap', '1h'], 1],
    ['retire', ['x'], 1],
    ['suspend', ['x'], 1],
    ['resume', ['x'], 1],
    ['restrict', ['x', 'masked'], 1],
    ['lift', ['x', 'masked'], 1],
    ['expire', ['x', '--never'], 1],
    ['admit', ['x', '--anywhere'], 1],
    ['revoke', ['x'], 1],
  ];
  it.each(said)('clients %s passes nothing on that a vault puts in', async (verb, words, lines) => {
    const client = { id: `cli${hostile}`, name: 'x', kind: hostile, state: `revoked${hostile}` };
    const at = '2026-01-01T00:00:00.000Z';
    const summary = {
      ...client,
      grants: [hostile],
      createdAt: at,
      expiresAt: null,
      from: [hostile],
      keys: [{ id: hostile, createdAt: at, until: at, lastUsedAt: at }],
      restrictions: [{ restriction: hostile, until: at, reason: hostile, by: hostile, at }],
    };
    const server = createServer((_, answer) => {
      answer.setHeader('content-type', 'application/json');
      const all = { ...client, key: hostile, priorKeyUntil: at, clients: [summary], client: summary };
      answer.end(JSON.stringify({ ...all, requestId: 'req_1' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const url = ['--url', `http://127.0.0.1:${port}`, '--key-file', 'key'];
    const { stdout, stderr } = await told(null, 'clients', verb, ...words, ...url);
    expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(stdout.trimEnd().split('\n').length).toBe(lines);
  });
});
