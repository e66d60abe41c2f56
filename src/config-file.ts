import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandRefused, refusal, type FileProblem } from './cli/refusal.ts';
import type { PolicyFile } from './cli/policy-file.ts';
import { type ConfigProblem, type LineOf, problemAt } from './config/problem.ts';
import { type Config, type PolicyPart, readConfig, type Settings } from './config/settings.ts';
import { holdsValue } from './formats/clear-text.ts';
import { readPolicy } from './vault/policy/bounds.ts';
import { oddities } from './vault/policy/oddities.ts';
import type { Policy, PolicyProblem } from './vault/policy/policy.ts';

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
  throw refusal(path, all.toSorted(byLine));
}

/**
 * The policy of a file that has been read whole.
 * @throws CommandRefused with every problem of it
 */
export function policyOf(path: string, config: Config): Policy {
  const parsed = readPolicy(config.policy);
  if ('policy' in parsed) return parsed.policy;
  throw refusal(path, policyProblems(config));
}

/**
 * The policy of a file and all that is to be said of it; no store and no key is needed.
 * @throws CommandRefused where there is no file to read
 */
export function readPolicyFile(path: string): PolicyFile {
  const read = readConfig(readText(path), dirname(resolve(path)));
  const part = 'problems' in read ? read.rest : read;
  const problems = [
    ...('problems' in read ? read.problems : []),
    ...(part === null ? [] : policyProblems(part)),
  ].toSorted(byLine);
  const parsed = part === null ? { problems: [] } : readPolicy(part.policy);
  const policy = 'policy' in parsed ? parsed.policy : null;
  const lineOf: LineOf = part?.lineOf ?? (() => null);
  return {
    path,
    policy: part?.policy ?? {},
    problems,
    oddities: (policy === null ? [] : [...oddities(policy)])
      .map((one) => placed(one, lineOf))
      .toSorted(byLine),
    counts: {
      purposes: Object.keys(policy?.purposes ?? {}).length,
      collections: Object.keys(policy?.collections ?? {}).length,
      roles: Object.keys(policy?.roles ?? {}).length,
    },
    lineOf,
  };
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
  const parsed = part === null ? null : readPolicy(part.policy);
  return {
    settings: 'problems' in read ? null : read.settings,
    policy: parsed !== null && 'policy' in parsed ? parsed.policy : null,
    settingsProblems: 'problems' in read ? read.problems : [],
    policyProblems: part === null ? [] : policyProblems(part),
  };
}

const byLine = (a: FileProblem, b: FileProblem): number => (a.line ?? 0) - (b.line ?? 0);

function policyProblems({ policy, lineOf }: PolicyPart): FileProblem[] {
  const parsed = readPolicy(policy);
  return 'problems' in parsed ? parsed.problems.map((one) => placed(one, lineOf)) : [];
}

/** A problem with its line. A name that is an account number is not repeated. */
function placed({ path, problem }: PolicyProblem, lineOf: LineOf): FileProblem {
  const told = path.map((step) => (typeof step === 'string' && holdsValue(step) ? '…' : step));
  return { ...problemAt(told, problem, lineOf), line: lineOf(path) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    if (existsSync(path)) throw new CommandRefused(`${path} cannot be read: may this user read it?`);
    throw new CommandRefused(`${path} is not there: ${elsewhere(path)}`);
  }
}

/** `npm start` makes its vault in a folder of its own, which is easily forgotten where no other file was named. */
function elsewhere(path: string): string {
  const started = join('.strongroom', 'strongroom.yaml');
  if (resolve(path) === resolve('strongroom.yaml') && existsSync(started))
    return `the vault of npm start is --config ${started}`;
  return 'make a vault with strongroom init, or name its settings with --config';
}
