import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT } from '../docs/documents.ts';
import { certificate } from '../http/certificate.ts';
import { type Fault, lossy } from '../lossy.ts';
import { serveProcess } from '../process.ts';
import { made } from '../cli/made.ts';
import { examplesVault, expectFree, paste, pastedVault, start, transcripts } from './running.ts';

const FOLDER = join(PROJECT, 'examples/python');
const PAN = '4111111111111111';
const OTHER = '5555555555554444';
const VALUES = [PAN, '4111 1111 1111 1111', OTHER];
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) process.emitWarning('skipped: examples/python, since python3 is not installed');
const pit = it.skipIf(!hasPython);

/** Runs Python with every warning an error; it must leave no file of its own behind. */
async function python(argv: readonly string[], env: NodeJS.ProcessEnv, input = '') {
  const running = start('python3', ['-B', '-X', 'dev', '-W', 'error', ...argv], {
    PYTHONPATH: FOLDER,
    ...env,
  });
  running.child.stdin?.end(input);
  return { code: await running.ended, printed: running.printed() };
}

async function desk(role = 'card-desk') {
  const vault = await examplesVault();
  const { key, keyFile } = await vault.client(role);
  const way = await lossy(vault.url);
  const env = { STRONGROOM_URL: way.url, STRONGROOM_KEY_FILE: keyFile };
  const cards = (verb: string, lines: readonly string[], ...options: string[]) =>
    python([join(FOLDER, 'cards.py'), verb, ...options], env, lines.map((line) => `${line}\n`).join(''));
  /** Runs lines of Python that have a Vault in `vault`. */
  const script = (lines: string, more: NodeJS.ProcessEnv = {}) =>
    python(['-c', `${OPENED}${lines}`], { ...env, ...more });
  return { vault, way, key, cards, script };
}

const OPENED = `
import os, pathlib
from strongroom import Failed, Unreachable, Vault, VaultError
key_file = pathlib.Path(os.environ["STRONGROOM_KEY_FILE"])
vault = Vault(os.environ["STRONGROOM_URL"], key_file)
`;

pit('the page of examples/python works as pasted, and prints what it says', async () => {
  const vault = await pastedVault();
  const [pasted] = transcripts('examples/python/README.md');
  const output = paste([`export STRONGROOM_URL=${vault.url}`, ...(pasted?.lines ?? [])], {
    '.strongroom': vault.dir,
    python3: 'python3 -B',
  });
  const normal = (text: string): string => text.replaceAll(/^(\d{6})\d{6}(\d{4})$/gm, '$1……$2');
  expect(normal(output)).toBe(normal(pasted?.output.replace(PAN, '411111……1111') ?? ''));
  expect(output).toContain(PAN);
});

pit('gives each line its outcome: tokens, masks, card numbers, and why there is none', async () => {
  const { vault, cards } = await desk();
  const tokenised = await cards('tokenise', [PAN, 'no card', OTHER]);
  expect(tokenised.code).toBe(1);
  expect(tokenised.printed).toMatch(/^411111\d{6}1111\n! invalid_value\n555555\d{6}4444\n$/);
  expectFree(tokenised.printed, VALUES);
  const tokens = tokenised.printed.split('\n').filter((line) => /^\d/.test(line));
  const unknown = '4111110000001112';
  const masked = await cards('mask', [...tokens, unknown]);
  expect(masked).toEqual({
    code: 1,
    printed: '************1111\n************4444\n! token_not_found\n',
  });
  expect(await cards('reveal', tokens, '--ticket', 'CASE-1')).toEqual({
    code: 0,
    printed: `${PAN}\n${OTHER}\n`,
  });
  expect(await cards('erase', tokens.slice(0, 1), '--reason', 'left')).toEqual({
    code: 0,
    printed: 'erased\n',
  });
  expect(await cards('reveal', tokens, '--ticket', 'CASE-1')).toEqual({
    code: 1,
    printed: `! token_not_found\n${OTHER}\n`,
  });
  // All failed: a problem, with an outcome for each all the same.
  expect((await cards('mask', [unknown, unknown])).printed).toBe('! token_not_found\n'.repeat(2));
  expect(await vault.issued()).toBe(2);
});

pit('asks again under one key when answers are lost, and each change happens once', async () => {
  const { vault, way, cards } = await desk();
  const faults: Fault[] = ['lost', 'cut', 'gateway'];
  way.faults.push(...faults);
  const tokenised = await cards('tokenise', [PAN, OTHER]);
  expect(tokenised.code).toBe(0);
  expect(way.asked).toHaveLength(4);
  expect(new Set(way.asked.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  expect(await vault.issued()).toBe(2);
  // With a key that is kept, another run of the command is the same request.
  const kept = [
    await cards('tokenise', [PAN], '--key', 'k-1'),
    await cards('tokenise', [PAN], '--key', 'k-1'),
  ];
  expect(kept[0]).toEqual(kept[1]);
  expect(await vault.issued()).toBe(3);
  way.faults.push('lost');
  const tokens = tokenised.printed.trim().split('\n');
  expect((await cards('erase', tokens, '--reason', 'left')).printed).toBe('erased\nerased\n');
  expect((await cards('mask', tokens)).printed).toBe('! token_not_found\n'.repeat(2));
});

pit('says what went wrong in words of its own, and nothing that it was asked', async () => {
  const { vault, way, key, cards, script } = await desk();
  const printed: string[] = [];
  const failed = async (said: RegExp, verb: string, lines: string[], ...options: string[]) => {
    const ran = await cards(verb, lines, ...options);
    expect(ran.printed).toMatch(said);
    expect(ran.code).toBe(1);
    printed.push(ran.printed);
  };
  way.faults.push('gateway', 'lost', 'cut', 'gateway');
  await failed(/^cards: no answer from the vault \(HTTP 502\)\n$/, 'tokenise', [PAN]);
  way.faults.push({ busy: 31 });
  await failed(/^cards: unavailable \(req_busybusybusybusy\)\n$/, 'tokenise', [PAN]);
  await failed(/^cards: invalid_request \(req_[\w-]{16}\)\n$/, 'mask', []);
  await failed(/^cards: value_in_clear \(req_[\w-]{16}\)\n$/, 'tokenise', [PAN], '--key', OTHER);
  await failed(/^cards: an Idempotency-Key is 1 to 128 /, 'tokenise', [PAN], '--key', `${OTHER}\n`);
  await failed(
    /^cards: value_in_clear \(req_[\w-]{16}\)\n$/,
    'reveal',
    ['4111110000001112'],
    '--ticket',
    PAN,
  );
  // Not caught at all, an error still shows nothing: neither does a vault that is printed.
  way.faults.push('cut', 'cut', 'cut', 'cut');
  const raised = await script(
    `print(vault, vars(Failed("x")))\nvault.tokenise("customer-pan", [os.environ["CARD"]])`,
    {
      CARD: PAN,
    },
  );
  expect(raised.printed).toContain('<Vault 127.0.0.1>');
  expect(raised.printed).toMatch(/strongroom\.Unreachable: no answer from the vault \(IncompleteRead\)\n$/);
  const refused = await script(`
vault = Vault(os.environ["STRONGROOM_URL"], key_file, retries=0)
try:
    vault.mask("customer-pan", ["x"] * 1001, purpose="support")
except VaultError as error:
    print(error.code, error.retry_after, error.__cause__, error.__context__)
`);
  expect(refused).toEqual({ code: 0, printed: 'invalid_request None None None\n' });
  expectFree([...printed, raised.printed].join('\n'), [...VALUES, key]);
  // Two that never had their answer; what was refused made none.
  expect(await vault.issued()).toBe(2);
});

pit('sends its key in clear to nobody, over no proxy, and to no other place than it was told', async () => {
  const { script } = await desk();
  const { printed, code } = await script(
    `
for url in ["http://vault.example", "http://203.0.113.7:7420", "http://127.0.0.1.example.com", "ftp://127.0.0.1",
            "https://", "https://vault.example/v1", "http://user@127.0.0.1", "127.0.0.1:7420"]:
    try:
        print(url, Vault(url, key_file))
    except ValueError:
        pass
empty = pathlib.Path(os.devnull)
try:
    Vault("https://vault.example", empty)
except ValueError as error:
    print(error)
print(vault.tokenise("customer-pan", ["x"]))
`,
    // A proxy that is not there: whoever asked it would get no answer.
    { http_proxy: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9', all_proxy: 'http://127.0.0.1:9' },
  );
  expect(printed).toBe("the key file must hold an API key on one line\n[Failed(code='invalid_value')]\n");
  expect(code).toBe(0);
});

pit('trusts a certificate that it is told to trust, and no other', async () => {
  const vault = await made();
  const { cert, key } = certificate();
  const settings = readFileSync(join(PROJECT, 'examples/strongroom.yaml'), 'utf8');
  writeFileSync(
    vault.config,
    settings.replace('port: 7420 }', `port: 0, tls: { cert: ${cert}, key: ${key} } }`),
  );
  const { url } = await serveProcess(vault.config);
  expect(url).toMatch(/^https:/);
  const { keyFile } = await vault.add('desk', '--grant', 'role:card-desk');
  const { printed } = await python(
    [
      '-c',
      `import ssl${OPENED}
try:
    Vault(os.environ["STRONGROOM_URL"], key_file, retries=0).tokenise("customer-pan", ["${PAN}"])
except Unreachable as error:
    print(error.reason)
context = ssl.create_default_context(cafile=os.environ["CERT"])
trusting = Vault(os.environ["STRONGROOM_URL"], key_file, context=context)
[token] = trusting.tokenise("customer-pan", ["${PAN}"], subject="cus_1")
print(trusting.detokenise("customer-pan", [token], purpose="settlement"))
`,
    ],
    { STRONGROOM_URL: url, STRONGROOM_KEY_FILE: keyFile, CERT: cert },
  );
  expect(printed).toBe(`SSLCertVerificationError\n['${PAN}']\n`);
});

pit('is written for Python 3.9, and imports its standard library alone', () => {
  const check = `
import ast, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            top = name.split(".")[0]
            if top != "strongroom" and top not in sys.stdlib_module_names:
                print(path.name, name)
    print(path.name)
`;
  const { stdout, stderr } = spawnSync('python3', ['-c', check, FOLDER], { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: 'cards.py\nstrongroom.py\n', stderr: '' });
});
