// npm run mutants: takes each mechanism of the threat model's promises out of a copy of the project, one at a time, and
// expects the test that the promise names to fail. Ends with 1 if a mutant survives or cannot be tried.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Edit, type Mutant, MUTANTS } from './mutants.ts';
import { type PromiseTest, promiseTests } from './promises.ts';

const PROJECT = join(import.meta.dirname, '../..');
const COPIED = ['src', 'test', 'drizzle', 'docs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const RACES = 3;

const reportShape = z.object({
  testResults: z.array(
    z.object({ assertionResults: z.array(z.object({ status: z.string(), fullName: z.string() })) }),
  ),
});

function copyProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'strongroom-mutants-'));
  for (const name of [...COPIED, 'vitest.config.ts', 'keys.example'])
    cpSync(join(PROJECT, name), join(copy, name), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function apply(copy: string, { file, from, to }: Edit): void {
  const path = join(copy, file);
  const parts = readFileSync(path, 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${from}`);
  writeFileSync(path, parts.join(to));
}

/** Runs the one test; says whether it failed, or null if it did not run: then nothing was shown. */
function fails(copy: string, { file, name }: PromiseTest): boolean | null {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const pattern = name
    .split(/%[sij]/)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('.*');
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', file, '-t', pattern];
  spawnSync(process.execPath, [...vitest, '--reporter=json', `--outputFile=${report}`], { cwd: copy });
  const ran = results(report).filter(({ status }) => status === 'passed' || status === 'failed');
  return ran.length === 0 ? null : ran.some(({ status }) => status === 'failed');
}

function results(report: string): readonly { readonly status: string }[] {
  try {
    const { testResults } = reportShape.parse(JSON.parse(readFileSync(report, 'utf8')));
    return testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch {
    // No report: the mutant did not build, or the runner did not start.
    return [];
  }
}

function tryMutant(
  copy: string,
  { edits }: Mutant,
  test: PromiseTest,
): 'caught' | 'SURVIVED' | 'DID NOT RUN' {
  for (const edit of edits) apply(copy, edit);
  let failed = fails(copy, test);
  // Some tests win a race to see what they look for: they are given three.
  for (let race = 1; failed === false && race < RACES; race++) failed = fails(copy, test);
  for (const { file } of edits) cpSync(join(PROJECT, file), join(copy, file));
  if (failed === null) return 'DID NOT RUN';
  return failed ? 'caught' : 'SURVIVED';
}

const only = process.argv.slice(2).map(Number);
const tests = promiseTests(readFileSync(join(PROJECT, 'docs/threat-model.md'), 'utf8'));
const wanted = tests.filter(({ number }) => only.length === 0 || only.includes(number));
const copy = copyProject();
let bad = 0;
try {
  for (const test of wanted) {
    const mutants = MUTANTS.filter(({ promise }) => promise === test.number);
    if (mutants.length === 0) bad++;
    for (const mutant of mutants) {
      const outcome = tryMutant(copy, mutant, test);
      if (outcome !== 'caught') bad++;
      process.stdout.write(`${outcome}  [${test.number}] ${test.name}, without ${mutant.without}\n`);
    }
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`${wanted.length} promises, ${bad} without a test that fails\n`);
process.exitCode = bad === 0 ? 0 : 1;
