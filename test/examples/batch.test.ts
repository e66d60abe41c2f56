import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inOrder } from '../../examples/batch/rows.ts';
import { cardNumber } from '../cards.ts';
import { tempDir } from '../harness.ts';
import { lossy } from '../lossy.ts';
import { examplesVault, expectFree, paste, pastedVault, startScript, transcripts, until } from './running.ts';

const SCRIPT = 'examples/batch/main.ts';

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trim().split('\n');

/** A folder with a CSV file in it, and the job on it against a vault of its own. */
async function job(csv: string, role = 'card-import') {
  const vault = await examplesVault();
  const { key, keyFile } = await vault.client(role);
  const way = await lossy(vault.url);
  const dir = tempDir();
  const [input, output] = [join(dir, 'in.csv'), join(dir, 'out.csv')];
  writeFileSync(input, csv);
  const env = { STRONGROOM_URL: way.url, STRONGROOM_KEY_FILE: keyFile };
  const begin = (...argv: string[]) =>
    startScript(SCRIPT, env, [input, output, '--job', 'import-1', ...argv]);
  const run = async (...argv: string[]) => {
    const running = begin(...argv);
    return { code: await running.ended, printed: running.printed() };
  };
  /** No account number in what it printed, nor in any file but the one that was given. */
  const free = (printed: string, values: readonly string[]): void => {
    const written = readdirSync(dir).filter((name) => name !== 'in.csv');
    const text = [printed, ...written.map((name) => readFileSync(join(dir, name), 'utf8'))].join('\n');
    expectFree(text, [...values, key]);
  };
  return { vault, way, dir, input, output, begin, run, free };
}

const cards = (count: number): string[] => Array.from({ length: count }, (_, n) => cardNumber(n));
const fileOf = (accounts: readonly string[]): string =>
  ['customer,account,note', ...accounts.map((account, n) => `cus_${n},${account},"note, ${n}"`)].join('\r\n');

it('the page of examples/batch works as pasted, and prints what it says', async () => {
  const vault = await pastedVault();
  const [pasted] = transcripts('examples/batch/README.md');
  const output = paste(['exec 2>&1', `export STRONGROOM_URL=${vault.url}`, ...(pasted?.lines ?? [])], {
    '.strongroom': vault.dir,
    'npx tsx': `${process.execPath} --import tsx`,
  });
  const normal = (text: string): string =>
    text
      .split('\n')
      .filter((line) => !/was added|^$/.test(line))
      .join('\n')
      .replaceAll(vault.dir, '.strongroom')
      .replaceAll(/,(\d{6})\d{5,6}(\d{4}),/g, ',$1……$2,');
  // The program ends with 3, and the lines after it run all the same.
  expect(normal(output)).toBe(normal(pasted?.output ?? ''));
});

it('gives each row its token in the order of the file, whatever is lost on the way', async () => {
  const accounts = cards(2350);
  const [bad, worse] = [7, 2100];
  const values = accounts.with(bad, '4111111111111112').with(worse, 'not a number');
  const { vault, way, output, run, free } = await job(fileOf(values));
  way.faults.push('lost', { busy: 0 }, 'cut', 'gateway');
  const { code, printed } = await run('--size', '1000', '--at-once', '3');
  expect(printed.split('\n')[2]).toBe('2350 rows: 2348 tokens, 2 refused');
  expect(code).toBe(3);
  const lines = linesOf(output);
  expect(lines[0]).toBe('customer,token,note');
  const kept = accounts.flatMap((account, n) => (n === bad || n === worse ? [] : [{ account, n }]));
  expect(lines.length - 1).toBe(kept.length);
  for (const [i, { account, n }] of kept.entries()) {
    const [customer, token = '', ...note] = lines[i + 1]?.split(',') ?? [];
    expect([customer, note.join(',')]).toEqual([`cus_${n}`, `"note, ${n}"`]);
    expect(token.slice(0, 6) + token.slice(-4)).toBe(account.slice(0, 6) + account.slice(-4));
  }
  expect(new Set(lines).size).toBe(lines.length);
  expect(linesOf(`${output}.refused`)).toEqual(['line,code', '9,invalid_value', '2102,invalid_value']);
  // Each value once, though requests were repeated.
  expect(await vault.issued()).toBe(kept.length);
  expect(new Set(way.asked.map(({ idempotencyKey }) => idempotencyKey))).toEqual(
    new Set(['import-1/1000/0', 'import-1/1000/1', 'import-1/1000/2']),
  );
  free(printed, values);
});

it('killed and run again, it gives the tokens that it was given', async () => {
  const accounts = cards(60);
  const { vault, dir, output, begin, run, free } = await job(fileOf(accounts));
  const killed = begin('--size', '3', '--at-once', '2');
  await until(killed, /\n?(9) rows/);
  killed.child.kill('SIGKILL');
  await killed.ended;
  const before = await vault.issued();
  expect(before).toBeGreaterThanOrEqual(9);
  // What there is has no name that anybody would take for the whole.
  expect(readdirSync(dir).toSorted((a, b) => a.localeCompare(b))).toEqual([
    'in.csv',
    'out.csv.partial',
    'out.csv.refused.partial',
  ]);
  const partial = linesOf(`${output}.partial`);
  const { code, printed } = await run('--size', '3', '--at-once', '2');
  expect(code).toBe(0);
  const lines = linesOf(output);
  expect(lines).toHaveLength(61);
  expect(lines.slice(0, partial.length)).toEqual(partial);
  expect(await vault.issued()).toBe(60);
  free(killed.printed() + printed, accounts);
  // Done is done.
  expect(await run()).toEqual({ code: 1, printed: 'the output is there already\n' });
});

it('stops for what is wrong with the job, and says what', async () => {
  const accounts = cards(10);
  const { vault, way, input, output, run, free } = await job(fileOf(accounts));
  const said: string[] = [];
  const failed = async (why: RegExp, ...argv: string[]): Promise<void> => {
    const { code, printed } = await run(...argv);
    expect(printed.trim()).toMatch(why);
    expect(code).toBe(1);
    said.push(printed);
  };
  await failed(/^there must be one column of that name$/, '--column', 'card');
  await failed(/^the vault refused: collection_not_found \(req_[\w-]{16}\)$/, '--collection', 'customer-pan');
  way.faults.push({ busy: 60 });
  await failed(/^the vault refused: unavailable \(req_busybusybusybusy\)$/);
  expect(await vault.issued()).toBe(0);
  expect((await run()).code).toBe(0);

  const { code, printed } = await run('one-too-many');
  expect({ code, usage: printed.startsWith('usage: ') }).toEqual({ code: 2, usage: true });
  const again = startScript(
    SCRIPT,
    { STRONGROOM_URL: way.url, STRONGROOM_KEY_FILE: 'there-is-no-such.key' },
    [input, `${output}.2`, '--job', 'import-1'],
  );
  expect(await again.ended).toBe(1);
  expect(again.printed()).toBe('failed: ENOENT\n');
  const inClear = startScript(
    SCRIPT,
    { STRONGROOM_URL: 'http://vault.example:7420', STRONGROOM_KEY_FILE: '/dev/null' },
    [input, `${output}.2`, '--job', 'import-1'],
  );
  expect(await inClear.ended).toBe(1);
  expect(inClear.printed()).toBe('STRONGROOM_URL is https://host[:port], or http:// on loopback\n');
  free(said.join('\n'), accounts);
});

it('takes no other file for the one that a job was begun with', async () => {
  const accounts = cards(4);
  const { vault, input, output, begin, run, free } = await job(fileOf(accounts.slice(0, 3)));
  expect((await run()).code).toBe(0);
  writeFileSync(input, fileOf(accounts));
  const other = begin();
  expect(await other.ended).toBe(1);
  expect(other.printed()).toBe('the output is there already\n');
  rmSync(output);
  const { code, printed } = await run();
  expect(printed).toBe('this job was begun with another file: give it another --job name\n');
  expect(code).toBe(1);
  expect(await vault.issued()).toBe(3);
  free(printed, accounts);
});

it('quotes no line of a file that is no CSV, and copies none of a row that is too long', async () => {
  const [first = '', second = ''] = cards(2);
  const text = `customer,account\ncus_1,${first}\ncus_2,${second},${second}\ncus_3,"${first}" ${second}\n`;
  const { run, free, input, output } = await job(text);
  const broken = await run();
  expect(broken.code).toBe(1);
  expect(broken.printed).toMatch(/^the file cannot be read as CSV: CSV_[A-Z_]+ at line 4\n$/);
  writeFileSync(input, `customer,account\ncus_1,${first}\ncus_2,${second},${second}\n`);
  const ragged = await run('--size', '7');
  expect(ragged.code).toBe(3);
  expect(linesOf(`${output}.refused`)).toEqual(['line,code', '3,ragged']);
  writeFileSync(input, '');
  free(broken.printed + ragged.printed, [first, second]);
});

it('works on so many at once and no more, and keeps the order', async () => {
  let [underWay, most] = [0, 0];
  async function* numbers() {
    for (let n = 0; n < 50; n++) yield n;
  }
  const work = async (n: number): Promise<number> => {
    most = Math.max(most, ++underWay);
    for (let turn = 0; turn <= (n * 7) % 5; turn++) await setImmediate();
    underWay--;
    return n;
  };
  const results: number[] = [];
  for await (const result of inOrder(numbers(), 4, work)) results.push(result);
  expect(results).toEqual(Array.from({ length: 50 }, (_, n) => n));
  expect(most).toBe(4);
  const failing = inOrder(numbers(), 4, (n) => (n === 9 ? Promise.reject(new Error('nine')) : work(n)));
  const drained = async (): Promise<void> => {
    for await (const result of failing) expect(result).toBeLessThan(9);
  };
  await expect(drained()).rejects.toThrow('nine');
});
