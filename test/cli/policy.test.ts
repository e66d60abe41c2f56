import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventsOf } from '../attack/tamper.ts';
import { serveProcess } from '../process.ts';
import { strongroom } from '../served.ts';
import { type Made, made } from './made.ts';

let vault: Made;
const edit = (...replacements: [string | RegExp, string][]): void => {
  const text = replacements.reduce(
    (all, [from, to]) => all.replace(from, to),
    readFileSync(vault.config, 'utf8'),
  );
  writeFileSync(vault.config, text);
};
const lineOf = (start: string): number =>
  readFileSync(vault.config, 'utf8')
    .split('\n')
    .findIndex((line) => line.trimStart().startsWith(start)) + 1;

beforeEach(async () => {
  vault = await made();
});

describe('policy check', () => {
  it('says what it read, needs no store and no key, and is not stopped by what is odd', async () => {
    edit(
      [
        'support: { basis: legitimate-interests }',
        'support: { basis: consent }\n  unused: { basis: contract }',
      ],
      ['settlement-service: [', 'settlement-service: ["mask:*@unused", "tokenise:acme/*", '],
    );
    rmSync(vault.at('data'), { recursive: true });
    rmSync(vault.at('keys'));
    const { code, stdout, stderr } = await vault.run('policy', 'check');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${vault.config} can be used: 3 purposes, 2 collections, 1 role.\n`,
    });
    const roles = lineOf('settlement-service:');
    expect(stderr.trimEnd().split('\n')).toEqual([
      `odd: line ${lineOf('support:')}: purposes.support.basis: no consent can be recorded: whatever is wanted for this purpose is refused`,
      `odd: line ${lineOf('unused:')}: purposes.unused: no collection lists this purpose`,
      `odd: line ${roles}: roles.settlement-service.0: allows nothing: no collection that it covers lists the purpose`,
      `odd: line ${roles}: roles.settlement-service.1: allows nothing: it covers no collection`,
    ]);
    const { oddities, ...rest } = JSON.parse((await vault.run('policy', 'check', '--json')).stdout) as {
      oddities: unknown[];
    };
    expect(rest).toEqual({ ok: true, purposes: 3, collections: 2, roles: 1, problems: [] });
    expect(oddities).toHaveLength(4);
  });

  it('lists every problem with its line, and repeats no account number', async () => {
    edit(
      [
        'partner-secret:  ',
        'partner-secret-2:\n    formerly: customer-pan\n    format: text\n  4111111111111111:  ',
      ],
      ['keep: { first: 6, last: 4 }', 'keep: { first: 9, last: 4 }'],
    );
    const first = await vault.run('policy', 'check');
    expect(first).toMatchObject({ code: 1, stdout: '' });
    expect(first.stderr).toContain(
      `  line ${lineOf('keep:')}: collections.customer-pan.keep.first: must be at most 8`,
    );
    edit(['first: 9', 'first: 6']);
    const { stderr } = await vault.run('policy', 'check');
    expect(stderr).toContain(`  line ${lineOf('4111')}: collections.…: a name here holds an account number`);
    expect(stderr).not.toContain('4111111111111111');
    expect((await vault.run('policy', 'check', '--json')).code).toBe(1);
    rmSync(vault.config);
    expect(await vault.run('policy', 'check')).toMatchObject({ code: 1, stdout: '' });
  });
});

const rename: [string | RegExp, string][] = [
  [/customer-pan: .*/, 'payments:\n    formerly: customer-pan'],
  ['"tokenise:customer-pan", "detokenise:customer-pan@settlement"', '"tokenise:payments"'],
];

const words = `Against policy 1, which is active:
  collection customer-pan is now called payments
  role settlement-service gains tokenise:payments
  role settlement-service loses tokenise:customer-pan
  role settlement-service loses detokenise:customer-pan@settlement
Who gains and loses what:
  billing loses detokenise for settlement on payments (formerly customer-pan)
  exact loses tokenise on payments (formerly customer-pan)
Grants that allow nothing any more:
  exact: tokenise:customer-pan
`;

describe('on the host', () => {
  it('compares, applies what it showed, and explains', async () => {
    await vault.add('billing', '--grant', 'role:settlement-service');
    await vault.add('exact', '--grant', 'tokenise:customer-pan');
    expect(await vault.run('policy', 'diff', '--exit-code')).toEqual({
      code: 0,
      stdout: 'It says what policy 1 says, which is active.\n',
      stderr: '',
    });
    edit(...rename);
    expect(await vault.run('policy', 'diff')).toEqual({ code: 0, stdout: words, stderr: '' });
    expect(await vault.run('policy', 'diff', '--exit-code', '--json')).toMatchObject({ code: 1 });
    const store = vault.at('data/strongroom.db');
    const applied = () => eventsOf(store).filter(({ action }) => action === 'policy.apply');
    expect(await vault.run('policy', 'apply', '--if-version', '2')).toMatchObject({
      code: 1,
      stderr: 'strongroom: policy 1 is active, not 2: nothing was changed\n',
    });
    expect(applied()).toHaveLength(1);
    expect(await vault.run('policy', 'apply', '--if-version', '1')).toEqual({
      code: 0,
      stdout: `${words}Policy 2 is active.\n`,
      stderr: '',
    });
    expect(applied().at(-1)).toMatchObject({
      via: 'cli',
      detail: { renamedCollections: ['customer-pan > payments'] },
    });
    const shown = JSON.parse((await vault.run('policy', 'show')).stdout) as { collections: object };
    expect(Object.keys(shown.collections)).toEqual(['partner-secret', 'payments']);
    const why = await vault.run(
      'policy',
      'explain',
      'billing',
      'detokenise',
      'payments',
      '--purpose',
      'settlement',
    );
    expect(why.stdout).toMatch(
      /^billing \(cli_\w+\): detokenise on payments for settlement would be refused: insufficient_grant\nRULE /,
    );
    expect(why.stdout).toMatch(
      /\naction +refused +detokenise is not granted; what is, on payments: tokenise:payments of role:settlement-service\n/,
    );
    expect(why.code).toBe(0);
  });

  it('says the line of what the store does not take', async () => {
    const { keyFile } = await vault.add('billing', '--grant', 'role:settlement-service');
    const served = await serveProcess(vault.config);
    await fetch(`${served.url}/v1/tokenise`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${readFileSync(keyFile, 'utf8').trim()}`,
        'content-type': 'application/json',
      },
      body: '{"items":[{"collection":"customer-pan","value":"4111111111111111"}]}',
    });
    edit(['luhn: invalid', 'luhn: valid\n    payable: accepted'], ['min: 15', 'min: 17']);
    for (const verb of ['diff', 'apply']) {
      const { code, stdout, stderr } = await vault.run('policy', verb);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(
        `\n  line ${lineOf('luhn:')}: collections.customer-pan.luhn: fixed at the first value`,
      );
    }
  });
});

it('a custodian compares, applies and explains with --url, and is told what a start undoes', async () => {
  await vault.add('billing', '--grant', 'role:settlement-service');
  await vault.add('exact', '--grant', 'tokenise:customer-pan');
  const keeper = await vault.add('keeper', '--kind', 'custodian', '--grant', 'policy:*');
  const clerk = await vault.add('clerk', '--kind', 'custodian', '--grant', 'clients:*');
  const served = await serveProcess(vault.config);
  const text = readFileSync(vault.config, 'utf8');
  edit(...rename);
  const as = (keyFile: string, ...argv: string[]) =>
    strongroom([...argv, '--config', vault.config, '--url', served.url, '--key-file', keyFile]);
  expect(await as(keeper.keyFile, 'policy', 'diff')).toEqual({ code: 0, stdout: words, stderr: '' });
  for (const verb of ['diff', 'apply', 'show'])
    expect(await as(clerk.keyFile, 'policy', verb)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'strongroom: The caller has no grant for this action. It needs policy:*.\n',
    });
  const applied = await as(keeper.keyFile, 'policy', 'apply');
  expect(applied).toMatchObject({ code: 0, stdout: `${words}Policy 2 is active.\n` });
  expect(applied.stderr).toMatch(/^Note: write it into the file that strongroom serve reads too/);
  const why = await as(keeper.keyFile, 'policy', 'explain', 'exact', 'tokenise', 'payments', '--json');
  expect(JSON.parse(why.stdout)).toMatchObject({
    name: 'exact',
    allowed: false,
    code: 'collection_not_found',
  });
  await served.stop();
  // A file from before the renaming does not start: callers would meet an empty collection.
  writeFileSync(vault.config, text);
  const refused = await strongroom(['serve', '--config', vault.config]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('what had this name is called payments now, and would close');
  edit(...rename);
  const again = await serveProcess(vault.config);
  expect((await again.stop()).stderr).toContain('(policy 2)');
});

it('a custodian who would give himself a duty is told that, and who can', async () => {
  edit(['roles:', 'roles:\n  keeper: ["policy:*"]']);
  expect(await vault.run('policy', 'apply')).toMatchObject({ code: 0 });
  const keeper = await vault.add('keeper', '--kind', 'custodian', '--grant', 'role:keeper');
  const served = await serveProcess(vault.config);
  edit(['["policy:*"]', '["policy:*", "clients:*"]']);
  const at = ['--config', vault.config, '--url', served.url, '--key-file', keeper.keyFile];
  const { code, stdout, stderr } = await strongroom(['policy', 'apply', ...at]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('keeper gains clients\n') });
  expect(stderr).toMatch(/^strongroom: nobody gives himself a duty .*: another custodian can\n$/);
  await served.stop();
});

it('of two processes that apply at once, one wins and the other changes nothing', async () => {
  const other = vault.at('other.yaml');
  writeFileSync(other, readFileSync(vault.config, 'utf8').replace('partner-secret:', 'other-secret:'));
  edit(['partner-secret:', 'one-secret:']);
  const came = await Promise.all(
    [vault.config, other].map((config) =>
      strongroom(['policy', 'apply', '--if-version', '1', '--config', config]),
    ),
  );
  expect(came.map(({ code }) => code).toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 1]);
  const [lost] = came.filter(({ code }) => code === 1);
  expect(lost?.stderr).toMatch(/nothing was changed/);
  expect((await vault.run('policy', 'show')).stderr).toMatch(/^Policy 2, applied /);
  expect((await vault.run('audit', 'verify')).code).toBe(0);
});

it('a start says what it renames and closes', async () => {
  edit(...rename, [/ {2}partner-secret:[^]*?\n\n/, '\n']);
  const { stderr } = await (await serveProcess(vault.config)).stop();
  expect(stderr).toContain(
    'The collection customer-pan is now called payments: grants that name customer-pan',
  );
  expect(stderr).toContain(
    'no longer has the collection partner-secret: it is closed, and nothing of it is lost.',
  );
  expect(stderr).not.toContain('collection customer-pan: it is closed');
});
