import { type Command, InvalidArgumentError } from 'commander';
import type { Comparison } from '../vault/policy/comparison.ts';
import { ask, type Common, withCommon } from './ask.ts';
import { inWords } from './client-words.ts';
import { CommandRefused, lineOf, refusal, type FileProblem } from './refusal.ts';
import { type Host } from './host.ts';
import type { PolicyFile } from './policy-file.ts';
import { comparisonLines } from './policy-words.ts';
import { counted, printable, table } from './table.ts';

interface ApplyOptions extends Common {
  readonly ifVersion?: number;
}

/** `policy check | diff | apply | show | explain` */
export function addPolicyCommands(program: Command, host: Host, outcome: { code: number }): void {
  const policy = program.command('policy').description('what may be done with which values, and why');

  policy
    .command('check')
    .description('read a file: what is wrong with it, and what is odd; no store and no key is needed')
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .option('--json', 'print JSON', false)
    .action((options: Pick<Common, 'config' | 'json'>) => {
      const { path, problems, oddities, counts } = host.policyFile(options.config);
      if (options.json) {
        outcome.code = problems.length === 0 ? 0 : 1;
        return host.print(JSON.stringify({ ok: problems.length === 0, ...counts, problems, oddities }));
      }
      if (problems.length > 0) throw refusal(path, problems);
      for (const odd of oddities) host.printError(`odd: ${lineOf(odd)}`);
      const { purposes, collections, roles } = counts;
      const read = [counted(purposes, 'purpose'), counted(collections, 'collection'), counted(roles, 'role')];
      host.print(`${path} can be used: ${read.join(', ')}.`);
    });

  withCommon(policy.command('diff'))
    .description("hold a file's policy against the active one: what changes, and who gains and loses what")
    .option('--exit-code', 'exit with 1 where they differ', false)
    .action(async (options: Common & { exitCode: boolean }) => {
      const file = usable(host, options);
      const { requestId: _id, ...compared } = await compare(host, options, file);
      if (options.json) host.print(JSON.stringify(compared));
      else for (const line of comparisonLines(compared)) host.print(line);
      if (options.exitCode && !compared.same) outcome.code = 1;
    });

  withCommon(policy.command('apply'))
    .description("make a file's policy the active one, after showing what that changes")
    .option('--if-version <number>', 'only where this is the active one', count)
    .action(async (options: ApplyOptions) => {
      const file = usable(host, options);
      const compared = await compare(host, options, file);
      const expected = options.ifVersion ?? compared.number;
      if (expected !== compared.number)
        throw new CommandRefused(`policy ${compared.number} is active, not ${expected}: nothing was changed`);
      if (!options.json) for (const line of comparisonLines(compared)) host.print(line);
      const { applied, number, note } = await ask(host, options, (vault) =>
        vault.policy.apply({ policy: file.policy, expected }),
      ).catch(
        inWords({
          conflict: 'another policy was applied meanwhile: nothing was changed; compare again',
          // Comparing needs the same duty, so it is not that.
          insufficient_grant:
            'nobody gives himself a duty (clients, policy, keys, audit) by a policy that he applies, and nothing was changed: another custodian can',
          invalid_policy: 'what is stored has changed meanwhile: nothing was applied; compare again',
        }),
      );
      if (options.json) {
        const { requestId: _id, ...difference } = compared;
        return host.print(
          JSON.stringify({ applied, number, ...(note === undefined ? {} : { note }), difference }),
        );
      }
      if (applied) host.print(`Policy ${number} is active.`);
      if (note !== undefined) host.printError(printable(`Note: ${note}.`));
    });

  withCommon(policy.command('show'))
    .description('print the active policy, as JSON that a strongroom.yaml may hold')
    .action(async (options: Common) => {
      const { number, at, policy: active } = await ask(host, options, (vault) => vault.policy.show());
      if (options.json) return host.print(JSON.stringify({ number, at, policy: active }));
      host.printError(at === null ? 'No policy is active.' : `Policy ${number}, applied ${at}:`);
      host.print(JSON.stringify(active, null, 2));
    });

  withCommon(policy.command('explain'))
    .description('why a call of a client would be allowed or refused: every rule behind it')
    .argument('<client>', 'its name or id')
    .argument('<action>', 'as detokenise')
    .argument('<collection>', 'its name')
    .option('--purpose <purpose>', 'what the value would be wanted for')
    .action(
      async (
        client: string,
        action: string,
        collection: string,
        options: Common & { readonly purpose?: string },
      ) => {
        const { purpose } = options;
        const asked = { client, action, collection, ...(purpose === undefined ? {} : { purpose }) };
        const { requestId: _id, ...told } = await ask(host, options, (vault) =>
          vault.policy.explain(asked),
        ).catch(
          inWords({
            not_found: 'there is no client of that name or id: clients list shows them',
            invalid_request: 'there is no such action on a collection: it is one as tokenise or detokenise',
          }),
        );
        if (options.json) return host.print(JSON.stringify(told));
        const what = `${action} on ${collection}${purpose === undefined ? '' : ` for ${purpose}`}`;
        const verdict = told.allowed ? 'would be allowed' : `would be refused: ${told.code}`;
        host.print(printable(`${told.name} (${told.client}): ${what} ${verdict}`));
        const rows = told.rules.map(({ rule, outcome: said, sentence }) => [rule, said, sentence]);
        host.print(table(['RULE', 'OUTCOME', 'WHY'], rows));
      },
    );
}

/**
 * The policy of a file without problems.
 * @throws CommandRefused
 */
function usable(host: Host, { config }: Common): PolicyFile {
  const file = host.policyFile(config);
  if (file.problems.length > 0) throw refusal(file.path, file.problems);
  return file;
}

/**
 * Holds it against the active policy and what is stored.
 * @throws CommandRefused with the line of each reason why it cannot be applied there
 */
async function compare(
  host: Host,
  options: Common,
  { path, policy, lineOf: line }: PolicyFile,
): Promise<Comparison & { readonly requestId: string }> {
  const compared = await ask(host, options, (vault) => vault.policy.diff({ policy }));
  const problems = compared.problems.map(({ path: at, problem }): FileProblem => ({
    line: line(at),
    path: printable(at.join('.')),
    problem: printable(problem),
  }));
  if (problems.length > 0) throw refusal(path, problems);
  return compared;
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('as 12');
  return Number(text);
}
