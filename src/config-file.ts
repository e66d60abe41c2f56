import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandRefused } from './cli/host.ts';
import { type ConfigProblem, problemAt } from './config/problem.ts';
import { type Config, type PolicyPart, readConfig, type Settings } from './config/settings.ts';
import { parsePolicy, type Policy } from './vault/policy/policy.ts';

/**
 * The settings of a file, for a command that leaves the policy as it is.
 * @throws CommandRefused with every problem of them
 */
export function readSettings(path: string): Config {
  const read = readConfig(readText(path), dirname(resolve(path)));
  if ('problems' in read) throw refusal(path, read.problems);
  return read;
}

/**
 * The settings and the policy of a file.
 * @throws CommandRefused with every problem of both, in the order of lines
 */
export function readWhole(path: string): Config {
  const read = readConfig(readText(path), dirname(resolve(path)));
  if (!('problems' in read)) {
    const problems = policyProblems(read);
    if (problems.length > 0) throw refusal(path, problems);
    return read;
  }
  const all = [...read.problems, ...(read.rest === null ? [] : policyProblems(read.rest))];
  throw refusal(
    path,
    all.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  );
}

/** What a file says, as far as it can be used, and all that is wrong with it. */
export interface Examined {
  readonly settings: Settings | null;
  readonly policy: Policy | null;
  readonly settingsProblems: readonly ConfigProblem[];
  readonly policyProblems: readonly ConfigProblem[];
}

/**
 * Reads a file for whoever wants to know everything about it: what is wrong with its policy hides nothing of its settings.
 * @throws CommandRefused if it cannot be read at all
 */
export function examineFile(path: string): Examined {
  const read = readConfig(readText(path), dirname(resolve(path)));
  const part = 'problems' in read ? read.rest : read;
  const parsed = part === null ? null : parsePolicy(part.policy);
  return {
    settings: 'problems' in read ? null : read.settings,
    policy: parsed !== null && 'policy' in parsed ? parsed.policy : null,
    settingsProblems: 'problems' in read ? read.problems : [],
    policyProblems: part === null ? [] : policyProblems(part),
  };
}

function policyProblems({ policy, lineOf }: PolicyPart): ConfigProblem[] {
  const parsed = parsePolicy(policy);
  return 'problems' in parsed
    ? parsed.problems.map(({ path, problem }) => problemAt(path, problem, lineOf))
    : [];
}

/** The refusal of a file: a line for each problem, with the line of the file that it is in. */
export function refusal(path: string, problems: readonly ConfigProblem[]): CommandRefused {
  const lines = problems.map((one) => `  ${sentenceOf(one)}`);
  return new CommandRefused([`${path} cannot be used:`, ...lines].join('\n'));
}

/** `line 3: server.host: …` */
export function sentenceOf({ line, path: key, problem }: ConfigProblem): string {
  const where = line === null ? '' : `line ${line}: `;
  return `${where}${key === '' ? '' : `${key}: `}${problem}`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    if (existsSync(path)) throw new CommandRefused(`${path} cannot be read: may this user read it?`);
    throw new CommandRefused(`${path} is not there: ${elsewhere(path)}`);
  }
}

/** `npm start` makes its vault in a folder of its own, which is easily forgotten. */
function elsewhere(path: string): string {
  const started = join('.strongroom', 'strongroom.yaml');
  if (resolve(path) !== resolve(started) && existsSync(started))
    return `the vault of npm start is --config ${started}`;
  return 'make a vault with strongroom init, or name its settings with --config';
}
