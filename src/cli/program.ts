import { Command, CommanderError } from 'commander';
import { addAuditCommands } from './audit.ts';
import { addBackupCommands } from './backup.ts';
import { addClientCommands } from './clients.ts';
import { addDoctorCommand } from './doctor.ts';
import { addFormatsCommand } from './formats.ts';
import type { Host } from './host.ts';
import { addInitCommand } from './init.ts';
import { addMigrateCommand } from './migrate.ts';
import { addPolicyCommands } from './policy.ts';
import { addStoreCommands } from './store.ts';
import { addWitnessCommands } from './witness.ts';

/**
 * Runs one command.
 * @returns the exit code: 0 done, 1 refused or failed, 2 usage
 */
export async function run(host: Host, explain: (error: unknown) => string): Promise<number> {
  const outcome = { code: 0 };
  const program = build(host, outcome);
  try {
    await program.parseAsync([...host.argv], { from: 'user' });
    return outcome.code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code === 'usage') host.printError(error.message);
      return error.exitCode === 0 ? 0 : 2;
    }
    host.printError(`strongroom: ${explain(error)}`);
    return 1;
  }
}

function build(host: Host, outcome: { code: number }): Command {
  const program = new Command('strongroom')
    .description('A tokenisation vault.')
    .version(host.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.print(text.trimEnd()),
      writeErr: (text) => host.printError(text.trimEnd()),
    });

  addInitCommand(program, host);
  program
    .command('serve')
    .description('serve the vault over HTTP')
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .action(({ config }: { config: string }) => host.serve(config));

  program
    .command('ready')
    .description('ask the vault that serves on this host whether it is ready')
    .option('--config <file>', 'settings and policy', 'strongroom.yaml')
    .action(({ config }: { config: string }) => host.ready(config));

  addMigrateCommand(program, host, outcome);
  addBackupCommands(program, host, outcome);
  addClientCommands(program, host);
  addPolicyCommands(program, host, outcome);
  addAuditCommands(program, host, outcome);
  addStoreCommands(program, host, outcome);
  addDoctorCommand(program, host, outcome);
  addWitnessCommands(program, host, outcome);
  addFormatsCommand(program, host);
  return program;
}
